// convoy bench: how fast a model, or one convolution, runs here.
#include <cstdio>
#include <fstream>

#include "base/error.h"
#include "cli/bench_conv.h"
#include "cli/commands.h"
#include "cli/conv_graph.h"
#include "cli/report.h"

namespace convoy::cli {
namespace {

struct BenchOptions {
  ModelOptions model;
  InputOptions input;
  StopRule rule;
  std::vector<double> percentiles{50, 90, 99};
  std::string layout = "nhwc", dtype = "f32", kernels, batch_file;
};

ConvBenchOptions conv_options(const BenchOptions& options) {
  ConvBenchOptions conv;
  const std::map<std::string, Layout> layouts{{"nchw", Layout::kNchw},
                                              {"nhwc", Layout::kNhwc},
                                              {"chwn", Layout::kChwn},
                                              {"chwn8", Layout::kChwn8}};
  conv.layout = layouts.at(options.layout);
  conv.dtype = options.dtype == "f64" ? DType::kF64 : DType::kF32;
  conv.kernels = options.kernels;
  conv.rule = options.rule;
  conv.device = device_of(options.model);
  conv.threads = options.model.threads;
  return conv;
}

ConvDesc parse_problem(const BenchOptions& options, const std::string& text) {
  try {
    ConvDesc desc = parse_conv_desc(text);
    if (options.model.batch > 0) desc.n = options.model.batch;
    return desc;
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

void bench_problems(const BenchOptions& options, const std::vector<std::string>& problems) {
  std::vector<ConvDesc> descs;
  for (const std::string& text : problems) descs.push_back(parse_problem(options, text));
  Json all = Json::array();
  for (const ConvDesc& desc : descs) {
    for (Json& row : bench_conv(desc, conv_options(options), options.model.json_to_stdout())) {
      all.push_back(std::move(row));
    }
  }
  emit_json(options.model, all);
}

std::vector<std::string> read_problems(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) fail(ErrorCode::kNotFound, "'" + file + "': cannot be read");
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    const std::size_t start = line.find_first_not_of(" \t\r");
    if (start != std::string::npos && line[start] != '#') lines.push_back(line.substr(start));
  }
  return lines;
}

// The same model without its memory budget, and what the budget costs.
void measure_without_budget(const BenchOptions& options, const Statistics& within, Json& json) {
  ModelOptions free = options.model;
  free.memory_budget.clear();
  Runner runner = make_runner(free, options.input);
  const Statistics statistics = runner.measure(options.rule);
  const std::size_t arena = runner.program().plan.arena_bytes;
  if (!options.model.json_to_stdout()) {
    std::printf("no budget   %.3f ms median, %s activations at peak: the budget costs %+.1f %%\n",
                statistics.median(), human_bytes(arena).c_str(),
                (within.median() / statistics.median() - 1) * 100);
  }
  json["without_budget"] = {{"ms", statistics.median()}, {"arena_bytes", arena}};
}

void bench_model(const BenchOptions& options) {
  Runner runner = make_runner(options.model, options.input);
  const Statistics statistics = runner.measure(options.rule);
  const Program& program = runner.program();
  if (!options.model.json_to_stdout()) {
    std::printf("model       %s\n", options.model.model.c_str());
    std::printf("plan        %s\n", summarize_kernels(program.plan).c_str());
    print_measurement(runner, statistics, options.percentiles);
  }
  Json json = {{"suite", "model"},
               {"model", options.model.model},
               {"impl", "convoy"},
               {"device", "cpu"},
               {"dtype", "f32"},
               {"threads", program.plan.device.threads},
               {"arena_bytes", program.plan.arena_bytes},
               {"weight_bytes", program.plan.weight_bytes}};
  json.update(to_json(statistics, options.percentiles));
  if (!options.model.memory_budget.empty()) measure_without_budget(options, statistics, json);
  emit_json(options.model, Json::array({json}));
}

void bench(const BenchOptions& options) {
  for (double p : options.percentiles) {
    if (!(p >= 0 && p <= 100)) throw UsageError("--percentile: expected numbers from 0 to 100");
  }
  const bool plan_file = !options.model.save_plan.empty() || !options.model.load_plan.empty();
  if (plan_file && (!options.batch_file.empty() || is_convolution(options.model.model))) {
    throw UsageError("--save-plan and --load-plan: plans are of models, this is a convolution");
  }
  if (!options.batch_file.empty()) {
    bench_problems(options, read_problems(options.batch_file));
  } else if (options.model.model.empty()) {
    throw UsageError("bench: give a model, a convolution, or --batch-file");
  } else if (is_convolution(options.model.model)) {
    bench_problems(options, {options.model.model});
  } else {
    bench_model(options);
  }
}

}  // namespace

void add_bench(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Measure a model, or one convolution");
  command->add_option("model", options->model.model,
                      "ONNX file, or a convolution: \"n1 c32 h112 w112 k64 r3 s3 pad1\"");
  options->model.add_to(*command);
  options->input.add_to(*command);
  options->rule.add_to(*command);
  command->add_option("--percentile", options->percentiles, "Percentiles to report, as 50,90,99")
      ->delimiter(',');
  command->add_option("--layout", options->layout, "Convolutions: order of the tensors")
      ->check(CLI::IsMember({"nchw", "nhwc", "chwn", "chwn8"}))
      ->capture_default_str();
  command->add_option("--dtype", options->dtype, "Convolutions: f32 or f64")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
  command->add_option("--kernels", options->kernels,
                      "Convolutions: only kernels with this in the name");
  command->add_option("--batch-file", options->batch_file, "Convolutions: one problem per line");
  command->callback([options] { bench(*options); });
}

}  // namespace convoy::cli
