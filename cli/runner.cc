#include "cli/runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "cli/plan_files.h"
#include "cli/progress.h"

namespace convoy::cli {

using Clock = std::chrono::steady_clock;

double Statistics::percentile(double p) const {
  if (samples.empty()) return 0;
  const double rank = std::ceil(p / 100 * static_cast<double>(samples.size()));
  const auto index = static_cast<std::size_t>(std::max(1.0, rank)) - 1;
  return samples[std::min(index, samples.size() - 1)];
}

double Statistics::mean() const {
  if (samples.empty()) return 0;
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

void StopRule::add_to(CLI::App& app) {
  app.add_option("--warmup", warmup_ms, "Milliseconds of runs that are not counted")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--duration", seconds, "Measure for at least this many seconds")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--iterations", iterations, "Measure at least this many runs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

Runner::Runner(std::shared_ptr<const Program> program, std::vector<ConstTensor> inputs)
    : session_(std::make_unique<Session>(std::move(program))), inputs_(std::move(inputs)) {
  const Graph& graph = session_->program().graph;
  for (const ConstTensor& input : inputs_) input_views_.push_back(input->view());
  for (ValueId id : graph.outputs) {
    const Value& value = graph.value(id);
    outputs_.push_back(std::make_unique<Tensor>(value.dtype, *value.shape));
    output_views_.push_back(outputs_.back()->view());
  }
}

void Runner::run() { session_->run(input_views_, output_views_); }

std::string Runner::output_name(std::size_t i) const {
  const Graph& graph = program().graph;
  return graph.value(graph.outputs[i]).name;
}

Statistics Runner::measure(const StopRule& rule) {
  Progress progress("measuring");
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (const auto start = Clock::now(); since(start) * 1e3 < rule.warmup_ms;) run();
  Statistics result;
  const auto start = Clock::now();
  while (since(start) < rule.seconds ||
         result.samples.size() < static_cast<std::size_t>(rule.iterations)) {
    const auto begin = Clock::now();
    run();
    result.samples.push_back(since(begin) * 1e3);
    progress.update(std::min(rule.seconds > 0 ? since(start) / rule.seconds : 1.0,
                             static_cast<double>(result.samples.size()) / rule.iterations));
  }
  std::sort(result.samples.begin(), result.samples.end());
  return result;
}

Runner make_runner(const ModelOptions& model, const InputOptions& input) {
  Graph graph = load_model(model);
  const Inputs inputs(input, graph);
  const CompileOptions options = compile_options(model, graph, inputs.tensors());
  auto program = compile(std::move(graph), options);
  save_plan(model, *program);
  auto tensors = inputs.materialize(program->graph);
  return Runner(std::move(program), std::move(tensors));
}

}  // namespace convoy::cli
