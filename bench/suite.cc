#include "bench/suite.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>

#include "base/error.h"

namespace convoy::bench {

std::vector<NamedConv> read_shapes(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail(ErrorCode::kNotFound, "cannot read " + path);
  std::vector<NamedConv> layers;
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find('#'));
    const std::size_t space = line.find(' ');
    if (space == std::string::npos) continue;
    layers.push_back({line.substr(0, space), parse_conv_desc(line.substr(space))});
  }
  return layers;
}

std::vector<NamedConv> selected_layers(const Options& options) {
  std::vector<NamedConv> layers;
  for (NamedConv layer : read_shapes(options.shapes)) {
    if (!options.layers.empty() && std::find(options.layers.begin(), options.layers.end(),
                                             layer.name) == options.layers.end()) {
      continue;
    }
    for (const std::int64_t batch : options.batches) {
      layer.desc.n = batch;
      layers.push_back(layer);
    }
  }
  return layers;
}

void print_row(const Row& row) {
  const std::string name = row.implementation + (row.dtype == "f32" ? "" : " " + row.dtype) +
                           (row.ablation.empty() ? "" : " " + row.ablation);
  std::printf("%-7s n%-4ld %-5s %-44s ", row.layer.c_str(), static_cast<long>(row.batch),
              row.layout.c_str(), name.c_str());
  if (!row.status.empty()) {
    std::printf("%s\n", row.status.c_str());
    return;
  }
  std::printf(
      "%9.4f ms %8.2f %s %14.0f B workspace  error %.2g\n", row.milliseconds,
      row.milliseconds > 0 ? row.flops / row.milliseconds / (row.device == "cpu" ? 1e6 : 1e9) : 0,
      row.device == "cpu" ? "GFLOP/s" : "TFLOP/s", row.workspace_bytes, row.error);
}

bool selected(const std::vector<std::string>& filters, const std::string& name) {
  return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const auto& filter) {
           return name.find(filter) != std::string::npos;
         });
}

void measure_time(double seconds, const std::function<void()>& run, Row& row) {
  using Clock = std::chrono::steady_clock;
  run();
  run();
  std::vector<double> times;
  for (double total = 0; total < seconds * 1e3 || times.size() < 5;) {
    const auto start = Clock::now();
    run();
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    total += times.back();
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                   times.end());
  row.milliseconds = times[times.size() / 2];
  row.best_milliseconds = *std::min_element(times.begin(), times.end());
}

}  // namespace convoy::bench
