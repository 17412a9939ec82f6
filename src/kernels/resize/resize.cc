// The implementations of resizing.
#include <algorithm>

#include "kernels/resize/cell.h"

namespace convoy {
namespace {

constexpr double kTaps[] = {1, 4, 16};  // nearest, linear, cubic in two dimensions

double taps(const OpDesc& desc) {
  return static_cast<double>(desc.outputs[0].elements()) *
         kTaps[static_cast<int>(desc.as<ResizeAttrs>().mode)];
}

// One vector load per tap, from the first or second cache.
Estimate estimate_simd(const OpDesc& desc, const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(desc, device);
  estimate.flops = 2 * taps(desc);
  estimate.seconds = std::max(estimate.seconds,
                              4 * taps(desc) / (device.l2_bytes_per_second_core * device.threads));
  return estimate;
}

// One tap at a time through strides: about 5 ns each on a current core.
Estimate estimate_reference(const OpDesc& desc, const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(desc, device);
  estimate.flops = 2 * taps(desc);
  estimate.seconds += 5e-9 * taps(desc);
  return estimate;
}

const Implementation kResize[] = {
    {"resize.simd.cpu.f32", resize::supports_simd, no_workspace, estimate_simd,
     resize::prepare_simd},
    {"resize.reference", resize::supports_reference, no_workspace, estimate_reference,
     resize::prepare_reference},
};

}  // namespace

ImplementationList resize_implementations() { return kResize; }

}  // namespace convoy
