// convoy tune: measures what plans choose among, on the device at hand.
#include <csignal>
#include <cstdio>
#include <optional>

#include "base/error.h"
#include "cli/calibrate.h"
#include "cli/commands.h"
#include "cli/conv_graph.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tuner.h"
#include "cli/tuning_place.h"
#include "graph/infer.h"
#include "passes/passes.h"
#include "plan/problem_text.h"
#include "plan/tuning_file.h"

namespace convoy::cli {
namespace {

struct TuneOptions {
  ModelOptions model;
  double budget = 0;  // seconds; 0: as long as it takes
  std::size_t top = 16;
  double each = 0.3;
  bool dry_run = false, restart = false, calibrate = false;
  std::string layout = "nhwc", dtype = "f32";
};

// Written by the handler of SIGINT and SIGTERM, which leaves a second one to end the process.
volatile std::sig_atomic_t stopped_by = 0;

void catch_signals() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) { stopped_by = signal; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

DType dtype_of(const std::string& text) {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kF16, DType::kBF16}) {
    if (text == to_string(dtype)) return dtype;
  }
  throw UsageError("--dtype " + text + ": expected f32, f64, f16 or bf16");
}

// As a plan sees it: shapes inferred, passes run.
Graph graph_to_tune(const TuneOptions& options) {
  if (is_convolution(options.model.model)) {
    const Layout layout = options.layout == "nchw" ? Layout::kNchw : Layout::kNhwc;
    return conv_graph(options.model.model, dtype_of(options.dtype), layout);
  }
  ModelOptions on_cpu = options.model;  // a model is read and rewritten the same for any device
  on_cpu.device = "cpu";
  Graph graph = load_model(on_cpu);
  const CompileOptions compile_with = compile_options(on_cpu, graph, {});
  infer_shapes(graph, compile_with.bindings, reference_evaluator());
  run_passes(graph, {compile_with.disabled_passes, reference_evaluator()});
  verify(graph, true);
  return graph;
}

std::size_t ways_of(const std::vector<TuningTask>& tasks, const std::vector<bool>& wanted) {
  std::size_t ways = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i) ways += wanted[i] ? tasks[i].ways.size() : 0;
  return ways;
}

Json ways_json(const TuningTask& task, const TuningRecord* record) {
  Json ways = Json::array();
  if (record == nullptr) {
    for (const Candidate& way : task.ways) {
      ways.push_back({{"kernel", way.implementation->name},
                      {"tile", way.tile},
                      {"estimated_us", way.estimate.seconds * 1e6}});
    }
    return ways;
  }
  for (const TimedWay& way : record->ways) {
    ways.push_back({{"kernel", way.kernel},
                    {"tile", way.tile},
                    {"us", way.seconds * 1e6},
                    {"estimated_us", way.estimated * 1e6}});
  }
  return ways;
}

Json tasks_json(const std::vector<TuningTask>& tasks, const TuningTable& table,
                const std::string& device) {
  Json list = Json::array();
  for (const TuningTask& task : tasks) {
    list.push_back({{"problem", task.problem},
                    {"uses", task.uses},
                    {"ways", ways_json(task, table.find(device, task.problem))}});
  }
  return list;
}

// What the convolutions of a plan take by the measured times; nothing where one was not measured.
std::optional<double> measured_seconds(const Graph& graph, const DeviceDesc& device,
                                       const TunedTimes& times, bool tuned) {
  PlanOptions options;
  options.device = device;
  options.measured = tuned ? &times : nullptr;
  options.what_if = device.kind == DeviceDesc::Kind::kCuda;  // other operators have no kernel there
  const PlannedGraph planned = plan_graph(graph, options);
  double sum = 0;
  for (const Step& step : planned.plan.steps) {
    const Node& node = planned.graph.nodes[static_cast<std::size_t>(step.node)];
    if (node.op != Op::kConv && node.op != Op::kFusedConv) continue;
    const StepDesc desc(planned.graph, node);
    Candidate chosen{.implementation = step.implementation, .tile = step.tile};
    const auto seconds = times.seconds(problem_text(desc.desc()), chosen);
    if (!seconds) return std::nullopt;
    sum += *seconds;
  }
  return sum;
}

void print_tasks(const std::vector<TuningTask>& tasks, const std::vector<bool>& wanted) {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    std::printf("%s %3zu ways  %s\n", wanted[i] ? "measure" : "known  ", tasks[i].ways.size(),
                tasks[i].problem.c_str());
  }
}

class Tune {
 public:
  explicit Tune(const TuneOptions& options)
      : options_(options),
        quiet_(options.model.json_to_stdout()),
        path_(tuning_path(options.model.db)),
        timer_(timer_of(options.model)) {
    if (path_.empty()) {
      throw UsageError("tune: there is no folder to keep times in (CONVOY_CACHE_DIR); give --db");
    }
  }

  void run() {
    const Graph graph = graph_to_tune(options_);
    const DeviceDesc& device = timer_->device();
    const std::size_t top = options_.top == 0 ? kAllWays : options_.top;
    const std::vector<TuningTask> tasks = tuning_tasks(graph, device, top);
    if (tasks.empty()) {
      fail(ErrorCode::kUnsupported, "'" + options_.model.model +
                                        "' has no convolution that a kernel computes on " +
                                        device.name);
    }
    const TuningFile file = read_tuning(path_);
    if (!file.note.empty()) std::fprintf(stderr, "convoy: %s\n", file.note.c_str());
    const std::vector<bool> wanted =
        to_measure(tasks, file.table, tuning_device(device), options_.restart);
    if (!quiet_) {
      std::printf("device      %s\n", tuning_device(device).c_str());
      std::printf("problems    %zu, of which %td are to be measured, in %zu ways\n", tasks.size(),
                  std::count(wanted.begin(), wanted.end(), true), ways_of(tasks, wanted));
    }
    if (options_.dry_run) {
      if (!quiet_) print_tasks(tasks, wanted);
      emit_json(options_.model,
                {{"device", tuning_device(device)}, {"problems", tasks_json(tasks, {}, "")}});
      return;
    }
    measure(graph, tasks);
  }

 private:
  static std::unique_ptr<StepTimer> timer_of(const ModelOptions& model) {
    const DeviceName name = device_of(model);
    return name.kind == DeviceDesc::Kind::kCuda ? cuda_step_timer(name.ordinal)
                                                : cpu_step_timer(this_cpu(model.threads));
  }

  void measure(const Graph& graph, const std::vector<TuningTask>& tasks) {
    TunerOptions with{.file = path_, .restart = options_.restart, .budget = options_.budget};
    with.rule.seconds = options_.each;
    catch_signals();
    TuningOutcome outcome;
    {
      Progress progress("tuning");
      outcome = tune(graph, tasks, *timer_, with, [&](const TuningTask&, std::size_t number) {
        progress.update(static_cast<double>(number) / static_cast<double>(tasks.size()));
        return stopped_by != 0;
      });
    }
    report(graph, tasks, outcome);
    // As shells call what a signal ended.
    if (stopped_by != 0) throw ExitStatus{128 + stopped_by};
  }

  void report(const Graph& graph, const std::vector<TuningTask>& tasks,
              const TuningOutcome& outcome) {
    const DeviceDesc& device = timer_->device();
    const TunedTimes times(outcome.table, device);
    const auto before = measured_seconds(graph, device, times, false);
    const auto after = measured_seconds(graph, device, times, true);
    if (!quiet_) {
      std::printf("measured    %zu problems in %zu ways, %zu known before\n", outcome.measured,
                  outcome.ways, outcome.known);
      for (const std::string& reason : outcome.failed)
        std::printf("not run     %s\n", reason.c_str());
      if (before && after) {
        std::printf("plan        %.3f ms of convolutions by these times, %.3f ms before\n",
                    *after * 1e3, *before * 1e3);
      }
      std::printf("kept in     %s\n", path_.c_str());
    }
    if (outcome.left > 0) {
      std::fprintf(stderr, "convoy: %s, %zu of %zu problems are left; the same command goes on\n",
                   stopped_by != 0 ? "interrupted" : "out of time", outcome.left, tasks.size());
    }
    Json json = {{"device", tuning_device(device)},
                 {"file", path_.string()},
                 {"measured", outcome.measured},
                 {"known", outcome.known},
                 {"left", outcome.left},
                 {"problems", tasks_json(tasks, outcome.table, tuning_device(device))}};
    if (before && after) json.update({{"untuned_ms", *before * 1e3}, {"tuned_ms", *after * 1e3}});
    emit_json(options_.model, json);
  }

  const TuneOptions& options_;
  const bool quiet_;
  const std::filesystem::path path_;
  std::unique_ptr<StepTimer> timer_;
};

void run_tune(const TuneOptions& options) {
  if (options.calibrate) {
    if (device_of(options.model).kind != DeviceDesc::Kind::kCpu) {
      throw UsageError(
          "--calibrate is of the cpu; estimates for GPUs rest on what their drivers say, and "
          "convoy info --calibrate measures how much of that they reach");
    }
    const bool alone = options.model.model.empty();
    const Json rates = calibrate_this_cpu(options.model.threads, options.model.json_to_stdout());
    if (alone) return emit_json(options.model, rates);
  }
  if (options.model.model.empty()) throw UsageError("tune: give a model or a convolution");
  Tune(options).run();
}

}  // namespace

void add_tune(CLI::App& app) {
  auto options = std::make_shared<TuneOptions>();
  CLI::App* command =
      app.add_subcommand("tune", "Measure kernels and tiles on this device, for later plans");
  command->add_option("model", options->model.model,
                      "ONNX file, or convolutions: \"n1 c32 h112 w112 k64 r1 s1 | n1 c64 ...\"");
  options->model.add_to(*command);
  command->add_option("--budget", options->budget, "Begin nothing after so many seconds; 0: no end")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--top", options->top, "Ways to measure of each problem; 0: all")
      ->capture_default_str();
  command->add_option("--each", options->each, "Seconds for each problem, at least three runs")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_flag("--dry-run", options->dry_run, "Say what would be measured");
  command->add_flag("--restart", options->restart, "Measure what is known as well");
  command->add_flag("--calibrate", options->calibrate,
                    "First measure the rates that estimates of the cpu rest on");
  command->add_option("--layout", options->layout, "Convolutions: order of the tensors")
      ->check(CLI::IsMember({"nchw", "nhwc"}))
      ->capture_default_str();
  command->add_option("--dtype", options->dtype, "Convolutions: f32, f64, or on a GPU f16, bf16")
      ->capture_default_str();
  command->callback([options] { run_tune(*options); });
}

}  // namespace convoy::cli
