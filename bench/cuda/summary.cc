#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

#include "bench/cuda/suite.h"

namespace convoy::bench {
namespace {

using Problem = std::tuple<std::string, std::int64_t>;  // layer, batch; the best of the layouts
using Which = std::function<bool(const Row&)>;

// The fastest rows of `which`, by problem.
std::map<Problem, const Row*> fastest(const std::vector<Row>& rows, const Which& which) {
  std::map<Problem, const Row*> best;
  for (const Row& row : rows) {
    if (!row.status.empty() || row.milliseconds <= 0 || !row.ablation.empty() || !which(row)) {
      continue;
    }
    const Row*& entry = best[{row.layer, row.batch}];
    if (entry == nullptr || row.milliseconds < entry->milliseconds) entry = &row;
  }
  return best;
}

bool cudnn_f32(const Row& row) {
  return row.implementation.starts_with("cudnn.") && row.dtype == "f32";
}
bool transforms(const Row& row) {
  return row.implementation.find("fft") != std::string::npos ||
         row.implementation.find("winograd") != std::string::npos;
}
Which named(std::string name) {
  return [name = std::move(name)](const Row& row) { return row.implementation == name; };
}

// How much less device memory `ours` takes than the rows of `which`, layer by layer, one line per
// batch. What both take, the operands, counts.
void append_savings(const std::vector<Row>& rows, const std::map<Problem, const Row*>& ours,
                    const char* text, const Which& which, std::vector<std::string>& lines) {
  const std::map<Problem, const Row*> others = fastest(rows, which);
  std::map<std::int64_t, std::string> saved;
  std::set<Problem> seen;
  for (const Row& row : rows) {  // for the layers' order
    const Problem problem{row.layer, row.batch};
    const auto mine = ours.find(problem), other = others.find(problem);
    if (mine == ours.end() || other == others.end() || !seen.insert(problem).second) continue;
    char entry[80];
    std::snprintf(entry, sizeof entry, " %s %.1f %%", row.layer.c_str(),
                  (1 - mine->second->peak_bytes / other->second->peak_bytes) * 100);
    std::string& line = saved[row.batch];
    line += (line.empty() ? "" : ",") + std::string(entry);
  }
  for (const auto& [batch, list] : saved) {
    char start[80];
    std::snprintf(start, sizeof start, "batch %-4ld memory saved against ",
                  static_cast<long>(batch));
    lines.push_back(start + std::string(text) + ":" + list);
  }
}

}  // namespace

std::vector<std::string> summarize(const std::vector<Row>& rows) {
  const struct {
    const char* text;
    Which which;
  } others[] = {
      {"direct", named("conv.direct.cuda.f32")},
      {"explicit im2win", named("conv.im2win_explicit.cuda.f32")},
      {"im2col + cuBLAS, whole batch", named("conv.im2col.cuda.f32")},
      {"im2col + cuBLAS, image by image", named("cublas.im2col_per_image")},
      {"cuDNN f32, neither FFT nor Winograd",
       [](const Row& row) { return cudnn_f32(row) && !transforms(row); }},
      {"cuDNN f32, any algorithm", cudnn_f32},
      {"cuDNN tf32, any algorithm",
       [](const Row& row) {
         return row.implementation.starts_with("cudnn.") && row.dtype == "tf32";
       }},
  };
  const auto ours = fastest(rows, named("conv.im2win.cuda.f32"));
  std::vector<std::string> lines;
  for (const auto& other : others) {
    std::map<std::int64_t, std::vector<std::pair<double, std::string>>> ratios;  // by batch
    std::map<std::int64_t, double> least_saved;
    for (const auto& [problem, row] : fastest(rows, other.which)) {
      const auto mine = ours.find(problem);
      if (mine == ours.end()) continue;
      ratios[row->batch].emplace_back(row->milliseconds / mine->second->milliseconds, row->layer);
      const double saved = 1 - mine->second->peak_bytes / row->peak_bytes;
      const auto [entry, is_new] = least_saved.emplace(row->batch, saved);
      if (!is_new) entry->second = std::min(entry->second, saved);
    }
    for (auto& [batch, list] : ratios) {
      double logs = 0;
      for (const auto& [ratio, layer] : list) logs += std::log(ratio);
      const auto [least, most] = std::minmax_element(list.begin(), list.end());
      char line[240];
      std::snprintf(
          line, sizeof line,
          "batch %-4ld im2win is %.2fx as fast as %s (geometric mean of %zu layers; least "
          "%.2fx on %s, most %.2fx on %s), least memory saved %.1f %%",
          static_cast<long>(batch), std::exp(logs / static_cast<double>(list.size())), other.text,
          list.size(), least->first, least->second.c_str(), most->first, most->second.c_str(),
          least_saved[batch] * 100);
      lines.emplace_back(line);
    }
  }
  for (const auto& other : others) {
    if (std::string_view(other.text).starts_with("im2col")) {
      append_savings(rows, ours, other.text, other.which, lines);
    }
  }
  return lines;
}

}  // namespace convoy::bench
