#include "cli/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/npy.h"

namespace convoy::cli {

void emit_json(const ModelOptions& options, const Json& json) {
  if (options.json.empty()) return;
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (options.json_to_stdout()) {
    std::fputs(text.c_str(), stdout);
  } else {
    write_file(options.json, std::as_bytes(std::span(text)));
  }
}

namespace {

// "ms_p50", "ms_p99.5".
std::string percentile_key(double p) {
  char text[32];
  std::snprintf(text, sizeof text, "ms_p%g", p);
  return text;
}

}  // namespace

Json to_json(const Statistics& statistics, const std::vector<double>& percentiles) {
  Json json = {{"ms", statistics.median()},
               {"ms_mean", statistics.mean()},
               {"ms_min", statistics.percentile(0)},
               {"ms_max", statistics.percentile(100)},
               {"iterations", statistics.samples.size()}};
  for (double p : percentiles) json[percentile_key(p)] = statistics.percentile(p);
  return json;
}

std::string human_bytes(std::size_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 3) value /= 1024, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.2f %s", value, units[unit]);
  return text;
}

std::string summarize_kernels(const Plan& plan) {
  std::map<std::string_view, int> counts;
  for (const Step& step : plan.steps) ++counts[step.implementation->name];
  std::vector<std::pair<int, std::string_view>> order;
  for (const auto& [name, count] : counts) order.emplace_back(count, name);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::string text = std::to_string(plan.steps.size()) + " steps:";
  for (const auto& [count, name] : order) {
    text += (text.back() == ':' ? " " : ", ") + std::to_string(count) + " " + std::string(name);
  }
  return text;
}

std::string summarize_passes(const Program& program) {
  std::string text;
  for (const PassReport& pass : program.passes) {
    if (pass.changes == 0) continue;
    text +=
        (text.empty() ? "" : ", ") + std::string(pass.name) + " " + std::to_string(pass.changes);
  }
  return text.empty() ? "nothing to rewrite" : text;
}

std::size_t caller_bytes(const Graph& graph) {
  std::size_t bytes = 0;
  for (const auto* ids : {&graph.inputs, &graph.outputs}) {
    for (const ValueId id : *ids) {
      const Value& value = graph.value(id);
      bytes += TensorView{nullptr, value.dtype, Layout::kNchw, *value.shape}.bytes();
    }
  }
  return bytes;
}

void print_memory(const Program& program) {
  std::printf("memory      %s activations at peak, %s weights, %s inputs and outputs\n",
              human_bytes(program.plan.arena_bytes).c_str(),
              human_bytes(program.plan.weight_bytes).c_str(),
              human_bytes(caller_bytes(program.graph)).c_str());
  for (const StripRegion& region : program.plan.strips) {
    std::printf("strips      %s to %s, %d nodes: %lld strips of rows\n", region.first.c_str(),
                region.last.c_str(), region.nodes, static_cast<long long>(region.strips));
  }
}

void print_measurement(const Runner& runner, const Statistics& statistics,
                       const std::vector<double>& percentiles) {
  const Plan& plan = runner.program().plan;
  std::printf("time        %.3f ms median of %zu (mean %.3f, min %.3f)\n", statistics.median(),
              statistics.samples.size(), statistics.mean(), statistics.percentile(0));
  for (double p : percentiles)
    std::printf("            %.3f ms p%g\n", statistics.percentile(p), p);
  print_memory(runner.program());
  std::printf("device      %s, %d thread%s\n", plan.device.name.c_str(), plan.device.threads,
              plan.device.threads == 1 ? "" : "s");
}

}  // namespace convoy::cli
