// convoy run: one answer from one input.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "cli/classify.h"
#include "cli/commands.h"
#include "cli/npy.h"
#include "cli/report.h"
#include "cli/verify.h"
#include "onnx/load.h"

namespace convoy::cli {
namespace {

struct RunOptions {
  ModelOptions model;
  InputOptions input;
  std::string labels, output, save_inputs;
  std::vector<std::string> references;
  int top = 5;
  bool verify = false, time = false;
  StopRule rule;
  double rtol = 1e-4, atol = 1e-6;
};

bool is_scores(const TensorView& y) {
  return y.dtype == DType::kF32 && y.shape.rank() >= 1 && y.shape[y.shape.rank() - 1] > 1 &&
         y.elements() / y.shape[y.shape.rank() - 1] <= 64 && y.shape.rank() <= 2;
}

Json classes(const TensorView& y, const RunOptions& options, const std::vector<std::string>& labels,
             bool quiet) {
  const std::int64_t count = y.shape[y.shape.rank() - 1];
  Json rows = Json::array();
  for (std::int64_t row = 0; row < y.elements() / count; ++row) {
    Json guesses = Json::array();
    for (const Guess& g : top_classes(y.as<float>() + row * count, count, options.top)) {
      const auto index = static_cast<std::size_t>(g.index);
      const std::string label = index < labels.size() ? labels[index] : "";
      if (!quiet) std::printf("  %6.2f %%  %4zu  %s\n", g.probability * 100, index, label.c_str());
      guesses.push_back({{"index", g.index}, {"probability", g.probability}, {"label", label}});
    }
    rows.push_back(guesses);
  }
  return rows;
}

Json describe(const std::string& name, const TensorView& y, bool quiet) {
  Json json = {{"name", name}, {"dtype", to_string(y.dtype)}, {"shape", y.shape.dims()}};
  if (!quiet) {
    std::printf("output      '%s' %s %s", name.c_str(), std::string(to_string(y.dtype)).c_str(),
                to_string(y.shape).c_str());
  }
  if (y.dtype == DType::kF32 && y.elements() > 0) {
    const float* v = y.as<float>();
    double sum = 0;
    float low = v[0], high = v[0];
    for (std::int64_t i = 0; i < y.elements(); ++i) {
      sum += v[i];
      low = std::min(low, v[i]);
      high = std::max(high, v[i]);
    }
    const double mean = sum / static_cast<double>(y.elements());
    json.update({{"min", low}, {"max", high}, {"mean", mean}});
    if (!quiet) std::printf(", min %.6g, max %.6g, mean %.6g", low, high, mean);
  }
  if (!quiet) std::printf("\n");
  return json;
}

// "name/with:odd*characters" is no file name.
std::string file_name(std::string name) {
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '_') c = '_';
  }
  return name + ".npy";
}

void save(const std::string& directory, const std::string& name, const TensorView& tensor) {
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code) fail(ErrorCode::kIo, "'" + directory + "': cannot be created");
  write_npy(std::filesystem::path(directory) / file_name(name), tensor);
}

// --ref NAME=FILE, or FILE for a model of one output. Read before the work starts.
NamedTensors read_references(const RunOptions& options, const Graph& graph) {
  NamedTensors result;
  for (const std::string& text : options.references) {
    const std::size_t equals = text.find('=');
    const std::string file = equals == std::string::npos ? text : text.substr(equals + 1);
    const std::string first = graph.value(graph.outputs[0]).name;
    const std::string name = equals == std::string::npos ? first : text.substr(0, equals);
    const bool known = std::any_of(graph.outputs.begin(), graph.outputs.end(),
                                   [&](ValueId id) { return graph.value(id).name == name; });
    if (!known) throw UsageError("--ref " + text + ": the model has no output '" + name + "'");
    const auto bytes = read_file(file);
    result[name] = looks_like_npy(bytes) ? parse_npy(bytes, file) : load_tensor_proto(bytes);
  }
  return result;
}

std::vector<Difference> compare_to(const NamedTensors& references, const RunOptions& options,
                                   const Runner& runner) {
  std::vector<Difference> result;
  for (std::size_t i = 0; i < runner.output_views().size(); ++i) {
    const auto found = references.find(runner.output_name(i));
    if (found == references.end()) continue;
    result.push_back(compare(found->first, runner.output_views()[i], found->second->view(),
                             options.rtol, options.atol));
  }
  return result;
}

void run(const RunOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::string> labels;
  if (!options.labels.empty()) labels = read_labels(options.labels);
  Runner runner = make_runner(options.model, options.input);
  const NamedTensors references = read_references(options, runner.program().graph);
  runner.run();
  const double first_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();

  const bool quiet = options.model.json_to_stdout();
  const Program& program = runner.program();
  Json json = {{"model", options.model.model}, {"first_answer_ms", first_ms}};
  Json outputs = Json::array();
  for (std::size_t i = 0; i < runner.output_views().size(); ++i) {
    const TensorView& y = runner.output_views()[i];
    Json entry = describe(runner.output_name(i), y, quiet);
    if (options.top > 0 && is_scores(y)) entry["top"] = classes(y, options, labels, quiet);
    outputs.push_back(entry);
    if (!options.output.empty()) save(options.output, runner.output_name(i), y);
  }
  json["outputs"] = outputs;
  if (!options.save_inputs.empty()) {
    for (std::size_t i = 0; i < runner.input_views().size(); ++i) {
      save(options.save_inputs, program.graph.value(program.graph.inputs[i]).name,
           runner.input_views()[i]);
    }
  }
  if (!quiet) {
    std::printf("plan        %s\n", summarize_kernels(program.plan).c_str());
    std::printf("rewritten   %s\n", summarize_passes(program).c_str());
    std::printf("first       %.1f ms from start to answer\n", first_ms);
  }
  json["plan"] = {{"kernels", summarize_kernels(program.plan)},
                  {"passes", summarize_passes(program)},
                  {"arena_bytes", program.plan.arena_bytes},
                  {"weight_bytes", program.plan.weight_bytes}};
  if (options.time) {
    const Statistics statistics = runner.measure(options.rule);
    if (!quiet) print_measurement(runner, statistics, {90});
    json["timing"] = to_json(statistics, {90});
  }
  std::vector<Difference> differences = compare_to(references, options, runner);
  if (options.verify) {
    for (Difference& d :
         verify_against_reference(options.model, runner, options.rtol, options.atol)) {
      differences.push_back(d);
    }
  }
  const bool within = report_differences(differences, quiet);
  for (const Difference& d : differences) {
    json["differences"].push_back(
        {{"output", d.output}, {"largest", d.largest}, {"relative", d.relative}, {"ok", d.within}});
  }
  emit_json(options.model, json);
  if (!within) fail(ErrorCode::kInternal, "the outputs differ by more than the tolerance");
}

}  // namespace

void add_run(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run a model once and show its outputs");
  command->add_option("model", options->model.model, "ONNX file")->required();
  options->model.add_to(*command);
  options->input.add_to(*command);
  command->add_option("--labels", options->labels, "Class names: one per line, or a JSON array");
  command->add_option("--top", options->top, "Classes to show; 0 for none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--output", options->output, "Directory for the outputs as .npy");
  command->add_option("--save-inputs", options->save_inputs, "Directory for the inputs as .npy");
  command->add_flag("--time", options->time, "Measure the time of repeated runs as well");
  options->rule.add_to(*command);
  command->add_flag("--verify", options->verify,
                    "Compare with the reference kernels, unfused; exit 1 when they differ");
  command->add_option("--ref", options->references,
                      "Compare with [OUTPUT=]FILE, .npy or .pb (repeatable)");
  command->add_option("--rtol", options->rtol, "Tolerance, relative to the largest reference value")
      ->capture_default_str();
  command->add_option("--atol", options->atol, "Tolerance, absolute")->capture_default_str();
  command->callback([options] { run(*options); });
}

}  // namespace convoy::cli
