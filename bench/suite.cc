#include "bench/suite.h"

#include <algorithm>
#include <chrono>
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
