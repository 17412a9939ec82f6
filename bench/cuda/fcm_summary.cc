#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <tuple>

#include "bench/cuda/fcm.h"

namespace convoy::bench {
namespace {

using Which = std::function<bool(const Row&)>;
// In the order of the lines: type, batch, and what the layers have in common: "" (all of them),
// "pairs", a module or a mark.
using Group = std::tuple<std::string, std::int64_t, std::string>;
using Problem = std::tuple<std::string, std::int64_t, std::string>;  // layer, batch, type

Problem problem_of(const Row& row) { return {row.layer, row.batch, row.dtype}; }

std::map<Problem, const Row*> fastest(const std::vector<Row>& rows, const Which& which) {
  std::map<Problem, const Row*> best;
  for (const Row& row : rows) {
    if (!row.status.empty() || row.milliseconds <= 0 || !which(row)) continue;
    const Row*& entry = best[problem_of(row)];
    if (entry == nullptr || row.milliseconds < entry->milliseconds) entry = &row;
  }
  return best;
}

// Values of several layers.
struct Values {
  double logs = 0, least = 0, most = 0;
  std::string least_layer, most_layer;
  std::size_t count = 0, below = 0;  // below 1.2
  void add(double value, const std::string& layer) {
    if (count == 0 || value < least) least = value, least_layer = layer;
    if (count == 0 || value > most) most = value, most_layer = layer;
    logs += std::log(value), ++count, below += value < 1.2;
  }
  double mean() const { return std::exp(logs / static_cast<double>(count)); }
};
using Groups = std::map<Group, Values>;

void add(const Row& row, double value, Groups& groups) {
  std::vector<std::string> of{"", row.module};
  if (row.module != "pwdwpw") of.push_back("pairs");
  of.insert(of.end(), row.marks.begin(), row.marks.end());
  for (const std::string& common : of) {
    groups[{row.dtype, row.batch, common}].add(value, row.layer);
  }
}

std::string start_of(const Group& group) {
  const auto& [dtype, batch, common] = group;
  char text[64];
  std::snprintf(text, sizeof text, "%-4s batch %-3ld %-9s", dtype.c_str(), static_cast<long>(batch),
                common.empty() ? "all" : common.c_str());
  return text;
}

template <class... T>
std::string formatted(const char* format, T... values) {
  char text[400];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

Which begins(std::string start) {
  return [start](const Row& row) { return row.implementation.starts_with(start); };
}
bool by_model(const Row& row) {
  return row.implementation.starts_with("fused.") && row.chosen_by != "time";
}

// How much `of_two` of two rows of one problem is.
Groups compared(const std::map<Problem, const Row*>& ours,
                const std::map<Problem, const Row*>& others,
                const std::function<double(const Row&, const Row&)>& of_two) {
  Groups groups;
  for (const auto& [problem, row] : others) {
    const auto mine = ours.find(problem);
    if (mine != ours.end()) add(*row, of_two(*mine->second, *row), groups);
  }
  return groups;
}

double times_faster(const Row& ours, const Row& other) {
  return other.milliseconds / ours.milliseconds;
}

}  // namespace

std::vector<std::string> summarize_fcm(const std::vector<Row>& rows, double bytes_per_second) {
  const auto ours = fastest(rows, begins("fused.")), model = fastest(rows, by_model);
  std::vector<std::string> lines;
  const struct {
    const char* start;
    const char* text;
  } others[] = {{"cudnn.pair", "cuDNN's convolutions"},
                {"cudnn.fused", "cuDNN's convolutions with bias and ReLU"},
                {"unfused.", "ours unfused"}};
  for (const auto& [start, text] : others) {
    const auto theirs = fastest(rows, begins(start));
    const Groups with_model = compared(model, theirs, times_faster);
    for (const auto& [group, v] : compared(ours, theirs, times_faster)) {
      const auto chosen = with_model.find(group);
      lines.push_back(start_of(group) +
                      formatted(" fused is %.2fx as fast as %s (geometric mean of %zu; %.2fx with "
                                "the model's tiles; least %.2fx on %s, most %.2fx on %s; %zu below "
                                "1.2x)",
                                v.mean(), text, v.count,
                                chosen == with_model.end() ? 0.0 : chosen->second.mean(), v.least,
                                v.least_layer.c_str(), v.most, v.most_layer.c_str(), v.below));
    }
    const auto joules = [](const Row& mine, const Row& other) {
      return other.joules / mine.joules;
    };
    const auto has_joules = [](const Row& row) { return row.joules > 0; };
    const auto metered =
        fastest(rows, [&](const Row& row) { return has_joules(row) && begins("fused.")(row); });
    const auto theirs_metered =
        fastest(rows, [&](const Row& row) { return has_joules(row) && begins(start)(row); });
    for (const auto& [group, v] : compared(metered, theirs_metered, joules)) {
      lines.push_back(start_of(group) +
                      formatted(" %s take %.2fx the energy of fused (geometric mean of %zu; least "
                                "%.2fx on %s)",
                                text, v.mean(), v.count, v.least, v.least_layer.c_str()));
    }
  }
  Groups shares;
  for (const auto& [problem, row] : ours) {
    if (row->bytes > row->l2_bytes) {
      add(*row, row->bytes / (row->milliseconds * 1e-3) / bytes_per_second, shares);
    }
  }
  for (const auto& [group, v] : shares) {
    lines.push_back(start_of(group) +
                    formatted(" fused moves compulsory bytes at %.0f %% of %.2f TB/s where they "
                              "exceed the L2 (geometric mean of %zu; least %.0f %% on %s)",
                              v.mean() * 100, bytes_per_second / 1e12, v.count, v.least * 100,
                              v.least_layer.c_str()));
  }
  return lines;
}

}  // namespace convoy::bench
