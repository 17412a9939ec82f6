#include "plan/tuned_times.h"

#include <algorithm>
#include <vector>

namespace convoy {
namespace {

constexpr std::size_t kSeveral = 3;  // records that make a kernel's own scale

double median(std::vector<double>& ratios) {
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), middle, ratios.end());
  return *middle;
}

}  // namespace

TunedTimes::TunedTimes(TuningTable table, const DeviceDesc& device)
    : device_(tuning_device(device)) {
  const auto found = table.devices().find(device_);
  if (found == table.devices().end()) return;
  std::map<std::string, std::vector<double>, std::less<>> of_kernel;
  std::vector<double> all;
  const std::string rates = rates_text(device);
  for (const auto& [problem, record] : found->second) {
    table_.keep(device_, problem, record);
    if (record.rates != rates) continue;  // estimates were others then
    // One ratio of a kernel in a record, so that kernels with many tiles weigh no more.
    std::map<std::string, std::vector<double>> ratios;
    for (const TimedWay& way : record.ways) {
      ratios[way.kernel].push_back(way.seconds / way.estimated);
    }
    for (auto& [kernel, values] : ratios) {
      const double ratio = median(values);
      of_kernel[kernel].push_back(ratio);
      all.push_back(ratio);
    }
  }
  if (all.size() >= kSeveral) scale_ = median(all);
  for (auto& [kernel, ratios] : of_kernel) {
    if (ratios.size() >= kSeveral) scale_of_[kernel] = median(ratios);
  }
}

bool TunedTimes::knows(const std::string& problem) const {
  return table_.find(device_, problem) != nullptr;
}

std::optional<double> TunedTimes::seconds(const std::string& problem,
                                          const Candidate& candidate) const {
  const TuningRecord* record = table_.find(device_, problem);
  if (record == nullptr) return std::nullopt;
  for (const TimedWay& way : record->ways) {
    if (way.kernel == candidate.implementation->name && way.tile == candidate.tile) {
      return way.seconds;
    }
  }
  return std::nullopt;
}

double TunedTimes::scale(const Candidate& candidate) const {
  const auto found = scale_of_.find(candidate.implementation->name);
  return found == scale_of_.end() ? scale_ : found->second;
}

}  // namespace convoy
