// What bounds a step: its arithmetic and its bytes at the device's rates, against its time.
#include <algorithm>

#include "cli/plan_report.h"

namespace convoy::cli {
namespace {

// Of a GPU's multiprocessor and clock, measured on an H200 (docs/performance/fcm.md): what L2 gives
// when all of them read, and what its tensor cores multiply in f16 with mma.sync.
constexpr double kL2BytesPerClock = 37;
constexpr double kTensorMultipliesPerClock = 364;

constexpr double kLeastShare = 1.0 / 3;

double flops_per_second(const DeviceDesc& device, DType dtype) {
  if (device.kind == DeviceDesc::Kind::kCpu) return device.flops_per_second_core * device.threads;
  const std::size_t bytes = size_of(dtype);
  if (bytes >= 4) return device.flops_per_second_core * device.cores;
  const double multiplies = kTensorMultipliesPerClock * (bytes == 1 ? 2 : 1);
  return 2 * multiplies * device.cuda.clock_hz * device.cores;
}

double l2_bytes_per_second(const DeviceDesc& device) {
  if (device.kind == DeviceDesc::Kind::kCpu) {
    return device.l2_bytes_per_second_core * device.threads;
  }
  return kL2BytesPerClock * device.cuda.clock_hz * device.cores;
}

}  // namespace

std::string_view to_string(Bound bound) {
  switch (bound) {
    case Bound::kArithmetic:
      return "arithmetic";
    case Bound::kL2:
      return "l2";
    case Bound::kDram:
      return "dram";
    case Bound::kLatency:
      break;
  }
  return "latency";
}

Shares shares_of(const Estimate& estimate, const DeviceDesc& device, DType dtype) {
  if (!(estimate.seconds > 0)) return {};
  return {estimate.flops / flops_per_second(device, dtype) / estimate.seconds,
          estimate.bytes_l2 / l2_bytes_per_second(device) / estimate.seconds,
          estimate.bytes_dram / device.bytes_per_second / estimate.seconds};
}

Bound bound_of(const Shares& shares) {
  const double most = std::max({shares.arithmetic, shares.l2, shares.dram});
  if (most < kLeastShare) return Bound::kLatency;
  if (most == shares.dram) return Bound::kDram;
  return most == shares.l2 ? Bound::kL2 : Bound::kArithmetic;
}

}  // namespace convoy::cli
