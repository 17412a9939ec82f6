#include "plan/tuning.h"

#include <algorithm>
#include <cmath>

#include "base/version.h"

namespace convoy {
namespace {

double whole_nanoseconds(double seconds) { return std::max(1.0, std::round(seconds * 1e9)) * 1e-9; }

// Names come from drivers and systems; commas and words are as they are, lines are ours.
std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }, ' ');
  return text;
}

}  // namespace

const TuningRecord* TuningTable::find(const std::string& device, const std::string& problem) const {
  const auto of_device = devices_.find(device);
  if (of_device == devices_.end()) return nullptr;
  const auto record = of_device->second.find(problem);
  return record == of_device->second.end() ? nullptr : &record->second;
}

void TuningTable::keep(const std::string& device, const std::string& problem, TuningRecord record) {
  for (TimedWay& way : record.ways) {
    way.seconds = whole_nanoseconds(way.seconds);
    way.estimated = whole_nanoseconds(way.estimated);
  }
  std::stable_sort(record.ways.begin(), record.ways.end(),
                   [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
  devices_[device][problem] = std::move(record);
}

void TuningTable::merge(const TuningTable& newer) {
  for (const auto& [device, records] : newer.devices_) {
    for (const auto& [problem, record] : records) devices_[device][problem] = record;
  }
}

std::size_t TuningTable::size() const {
  std::size_t count = 0;
  for (const auto& [device, records] : devices_) count += records.size();
  return count;
}

std::string tuning_device(const DeviceDesc& device) {
  const bool gpu = device.kind == DeviceDesc::Kind::kCuda;
  const std::string how =
      gpu ? device.cuda.arch + ", " + std::to_string(device.cores) + " multiprocessors"
          : device.isa + ", " + std::to_string(device.threads) +
                (device.threads == 1 ? " thread" : " threads");
  return on_one_line((gpu ? "cuda " : "cpu ") + device.name + ", " + how + ", convoy " + kVersion);
}

std::string rates_text(const DeviceDesc& device) {
  char text[96];
  std::snprintf(text, sizeof text, "%.6g GFLOP/s, %.6g GB/s, %.6g GB/s",
                device.flops_per_second_core * 1e-9, device.l2_bytes_per_second_core * 1e-9,
                device.bytes_per_second * 1e-9);
  return text;
}

}  // namespace convoy
