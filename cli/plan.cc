// convoy plan: what would run, where everything lives, and why.
#include <algorithm>
#include <cstdio>
#include <span>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/npy.h"
#include "cli/plan_files.h"
#include "cli/plan_output.h"
#include "cli/tuning_place.h"

namespace convoy::cli {
namespace {

struct PlanCommandOptions {
  ModelOptions model;
  bool explain = false;
  bool candidates = false;
  bool graph = false;
  std::string html;  // file, empty for none
  std::string profile;
  std::string cost_model = "convoy";
  bool reports() const { return explain || candidates || !html.empty() || !model.json.empty(); }
};

void print_passes(const Program& program) {
  int idle = 0;
  for (const PassReport& pass : program.passes) {
    idle += pass.changes == 0;
    if (pass.changes == 0) continue;
    std::printf("pass        %-24s %8.3f ms, %d changes\n", std::string(pass.name).c_str(),
                pass.milliseconds, pass.changes);
  }
  if (idle > 0) std::printf("pass        %d others found nothing to change\n", idle);
}

// The model without fusion, for comparison; null where the plan fuses nothing, or what is forced
// needs fusion.
std::shared_ptr<const Program> compile_apart(Graph graph, CompileOptions options,
                                             const Program& planned) {
  const auto is_fused = [](const Step& step) { return step.apart.has_value(); };
  if (std::none_of(planned.plan.steps.begin(), planned.plan.steps.end(), is_fused)) return nullptr;
  options.plan.fuse = false;
  options.plan.memory_budget = SIZE_MAX;
  options.plan.keep_candidates = false;
  options.replayed.reset();
  options.record_plan = false;
  options.plan_for = planned.plan.device;  // no kernel is prepared
  try {
    return compile(std::move(graph), options);
  } catch (const Error& error) {
    if (options.plan.force.empty() || error.code() != ErrorCode::kUnsupported) throw;
    return nullptr;
  }
}

void print_summary(const Program& program) {
  std::printf("plan        %s\n", summarize_kernels(program.plan).c_str());
  std::printf("rewritten   %s\n", summarize_passes(program).c_str());
  print_memory(program);
  std::printf("compiled    passes %.1f ms, plan %.1f ms, prepare %.1f ms\n", program.passes_ms,
              program.plan_ms, program.prepare_ms);
}

void plan(const PlanCommandOptions& options) {
  const std::optional<DeviceDesc> device = device_to_plan_for(options.model, options.profile);
  const DType precision = precision_of(options.model);
  const Graph graph = load_model_to_plan(options.model);
  ModelOptions model = options.model;
  model.no_tuned = model.no_tuned || device.has_value();  // its own times, not this CPU's
  CompileOptions compile_with = compile_options(model, graph, {});
  compile_with.plan_for = device;
  if (device && !options.model.no_tuned) {
    compile_with.measured = tuned_times(options.model.db, *device);
  }
  compile_with.plan.precision = precision;
  if (options.cost_model == "paper") compile_with.plan.costs = Costs::kPaper;
  compile_with.plan.keep_candidates = options.reports();
  const auto program = compile(graph, compile_with);
  save_plan(options.model, *program);
  const bool quiet = options.model.json_to_stdout();
  if (options.graph && !quiet) std::printf("%s\n", to_string(program->graph).c_str());
  if (options.reports()) {
    const auto apart = compile_apart(graph, compile_with, *program);
    const PlanReport report = report_plan(options.model.model, compile_with.plan.objective,
                                          *program, apart ? &apart->plan : nullptr);
    if (!quiet && (options.explain || options.candidates)) {
      std::printf("%s\n", explain(report, options.candidates).c_str());
      print_passes(*program);
    } else if (!quiet) {
      std::printf("%s\n", to_string(program->plan, program->graph).c_str());
    }
    emit_json(options.model, to_json(report));
    if (!options.html.empty()) {
      const std::string page = to_html(report);
      write_file(options.html, std::as_bytes(std::span(page)));
    }
  } else {
    std::printf("%s\n", to_string(program->plan, program->graph).c_str());
  }
  if (!quiet) print_summary(*program);
}

}  // namespace

void add_plan(CLI::App& app) {
  auto options = std::make_shared<PlanCommandOptions>();
  CLI::App* command = app.add_subcommand("plan", "Show the kernels, layouts and memory of a model");
  command->add_option("model", options->model.model, "ONNX file")->required();
  options->model.add_to(*command);
  command->add_flag("--explain", options->explain,
                    "For each step its kernel and tile, what fusing saves and what came second; "
                    "why others were not fused; totals; the passes");
  command->add_flag("--candidates", options->candidates,
                    "The same with every kernel of the device: its tiles and estimates, or why it "
                    "declined");
  command->add_option("--profile", options->profile,
                      "Plan for a device that need not be there: a name of info --profiles, or a "
                      "file as info --save-profile writes");
  command->add_option("--html", options->html,
                      "Write the same as one page that needs nothing beside itself to a file");
  command
      ->add_option("--cost-model", options->cost_model,
                   "convoy, or paper: the bytes that the paper on fused convolutional modules "
                   "counts, for plans of a GPU")
      ->check(CLI::IsMember({"convoy", "paper"}));
  command->add_flag("--graph", options->graph, "The graph after the passes");
  command->callback([options] { plan(*options); });
}

}  // namespace convoy::cli
