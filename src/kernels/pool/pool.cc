// The implementations of pooling.
#include <algorithm>

#include "kernels/pool/cell.h"

namespace convoy {
namespace {

// One window element at a time through strides: about 1.5 ns each on a current core.
Estimate estimate_reference(const OpDesc& desc, const DeviceDesc& device) {
  const auto& attrs = desc.as<PoolAttrs>();
  Estimate estimate = estimate_streaming(desc, device);
  estimate.flops = static_cast<double>(desc.outputs[0].elements()) *
                   static_cast<double>(attrs.kernel[0] * attrs.kernel[1]);
  estimate.seconds += 1.5e-9 * estimate.flops;
  return estimate;
}

// One vector load per window element, from the first or second cache.
Estimate estimate_simd(const OpDesc& desc, const DeviceDesc& device) {
  const auto& attrs = desc.as<PoolAttrs>();
  Estimate estimate = estimate_streaming(desc, device);
  estimate.flops = static_cast<double>(desc.outputs[0].elements()) *
                   static_cast<double>(attrs.kernel[0] * attrs.kernel[1]);
  estimate.seconds = std::max(
      estimate.seconds, 4 * estimate.flops / (device.l2_bytes_per_second_core * device.threads));
  return estimate;
}

const Implementation kPool[] = {
    {"pool.simd.cpu.f32", pool::supports_simd, no_workspace, estimate_simd, pool::prepare_simd},
    {"pool.reference", pool::supports_reference, no_workspace, estimate_reference,
     pool::prepare_reference},
};

}  // namespace

ImplementationList pool_implementations() { return kPool; }

}  // namespace convoy
