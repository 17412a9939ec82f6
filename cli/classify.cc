#include "cli/classify.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "base/error.h"
#include "cli/npy.h"

namespace convoy::cli {

std::vector<Guess> top_classes(const float* scores, std::int64_t classes, int count) {
  std::vector<double> p(scores, scores + classes);
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  const bool probabilities =
      std::all_of(p.begin(), p.end(), [](double v) { return v >= 0; }) && std::abs(sum - 1) < 1e-3;
  if (!probabilities) {
    const double top = *std::max_element(p.begin(), p.end());
    double total = 0;
    for (double& v : p) total += v = std::exp(v - top);
    for (double& v : p) v /= total;
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(classes));
  std::iota(order.begin(), order.end(), 0);
  const auto best = std::min<std::int64_t>(count, classes);
  std::partial_sort(order.begin(), order.begin() + best, order.end(),
                    [&](std::int64_t a, std::int64_t b) {
                      const double pa = p[static_cast<std::size_t>(a)];
                      const double pb = p[static_cast<std::size_t>(b)];
                      return pa != pb ? pa > pb : a < b;
                    });
  std::vector<Guess> result;
  for (std::int64_t i = 0; i < best; ++i) {
    const std::int64_t index = order[static_cast<std::size_t>(i)];
    result.push_back({index, p[static_cast<std::size_t>(index)]});
  }
  return result;
}

std::vector<std::string> read_labels(const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = read_file(file);
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (file.extension() == ".json") {
    try {
      return nlohmann::json::parse(text).get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception&) {
      fail(ErrorCode::kInvalidArgument, "'" + file.string() + "': expected a JSON array of names");
    }
  }
  std::vector<std::string> labels;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) labels.push_back(line);
  return labels;
}

}  // namespace convoy::cli
