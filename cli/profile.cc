// convoy profile: time per step beside what the cost model said.
#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/npy.h"
#include "cli/progress.h"
#include "cli/report.h"

namespace convoy::cli {
namespace {

struct ProfileOptions {
  ModelOptions model;
  InputOptions input;
  StopRule rule;
  std::string trace;
  bool sort = false;
};

struct StepTimes {
  std::size_t step;
  std::vector<double> samples;  // ms
  double median() {
    std::sort(samples.begin(), samples.end());
    return samples.empty() ? 0 : samples[samples.size() / 2];
  }
};

void write_trace(const std::string& file, const Program& program,
                 const std::vector<std::pair<std::size_t, double>>& last_run) {
  Json events = Json::array();
  double at = 0;
  for (const auto& [step, ms] : last_run) {
    const Step& s = program.plan.steps[step];
    const Node& node = program.graph.nodes[static_cast<std::size_t>(s.node)];
    events.push_back({{"name", node.name},
                      {"cat", s.implementation->name},
                      {"ph", "X"},
                      {"ts", at * 1e3},
                      {"dur", ms * 1e3},
                      {"pid", 1},
                      {"tid", 1},
                      {"args", {{"kernel", s.implementation->name}, {"flops", s.estimate.flops}}}});
    at += ms;
  }
  const std::string text = Json{{"traceEvents", events}}.dump();
  write_file(file, std::as_bytes(std::span(text)));
}

void print_table(const Program& program, std::vector<StepTimes>& times, double total) {
  std::printf("%9s %6s %9s %9s  %-32s %s\n", "ms", "share", "GFLOP/s", "est. ms", "kernel", "node");
  for (StepTimes& t : times) {
    const Step& step = program.plan.steps[t.step];
    const Node& node = program.graph.nodes[static_cast<std::size_t>(step.node)];
    const double ms = t.median();
    std::printf("%9.4f %5.1f%% %9.1f %9.4f  %-32s %s\n", ms, total > 0 ? 100 * ms / total : 0,
                ms > 0 ? step.estimate.flops / ms * 1e-6 : 0, step.estimate.seconds * 1e3,
                std::string(step.implementation->name).c_str(), node.name.c_str());
  }
}

void profile(const ProfileOptions& options) {
  Runner runner = make_runner(options.model, options.input);
  const Program& program = runner.program();
  std::vector<StepTimes> times(program.plan.steps.size());
  for (std::size_t i = 0; i < times.size(); ++i) times[i].step = i;
  std::vector<std::pair<std::size_t, double>> last_run;
  runner.measure({options.rule.warmup_ms, 0, 1});
  Progress progress("profiling");
  double elapsed = 0;
  for (int i = 0; i < options.rule.iterations || elapsed < options.rule.seconds; ++i) {
    last_run.clear();
    runner.session().run_profiled(runner.input_views(), runner.output_views(),
                                  [&](std::size_t step, double seconds) {
                                    times[step].samples.push_back(seconds * 1e3);
                                    last_run.emplace_back(step, seconds * 1e3);
                                    elapsed += seconds;
                                  });
    progress.update(elapsed / std::max(options.rule.seconds, 1e-9));
  }
  double total = 0;
  for (StepTimes& t : times) total += t.median();
  if (options.sort) {
    std::sort(times.begin(), times.end(),
              [](StepTimes& a, StepTimes& b) { return a.median() > b.median(); });
  }
  if (!options.model.json_to_stdout()) {
    print_table(program, times, total);
    std::printf("total       %.3f ms over %zu steps\n", total, times.size());
  }
  Json steps = Json::array();
  for (StepTimes& t : times) {
    const Step& step = program.plan.steps[t.step];
    const Node& node = program.graph.nodes[static_cast<std::size_t>(step.node)];
    steps.push_back({{"node", node.name},
                     {"kernel", step.implementation->name},
                     {"ms", t.median()},
                     {"estimated_ms", step.estimate.seconds * 1e3},
                     {"flops", step.estimate.flops},
                     {"bytes", step.estimate.bytes_l2}});
  }
  emit_json(options.model, {{"model", options.model.model}, {"ms", total}, {"steps", steps}});
  if (!options.trace.empty()) write_trace(options.trace, program, last_run);
}

}  // namespace

void add_profile(CLI::App& app) {
  auto options = std::make_shared<ProfileOptions>();
  CLI::App* command = app.add_subcommand("profile", "Time every step of a model");
  command->add_option("model", options->model.model, "ONNX file")->required();
  options->model.add_to(*command);
  options->input.add_to(*command);
  options->rule.add_to(*command);
  command->add_flag("--sort", options->sort, "Slowest steps first");
  command->add_option("--trace", options->trace, "Write the last run as a trace for Perfetto");
  command->callback([options] { profile(*options); });
}

}  // namespace convoy::cli
