#include <algorithm>

#include "kernels/softmax/cell.h"

namespace convoy {
namespace {

// Two exponentials an element: about 30 million elements a second.
Estimate estimate_reference(const OpDesc& desc, const DeviceDesc&) {
  Estimate estimate;
  estimate.seconds = static_cast<double>(desc.inputs[0].elements()) * 3e-8;
  return estimate;
}

// An exponential is about 30 operations; the passes over a row that was just read hit L1.
Estimate estimate_simd(const OpDesc& desc, const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(desc, device);
  estimate.flops = static_cast<double>(desc.inputs[0].elements()) * 40;
  estimate.seconds =
      std::max(estimate.seconds, estimate.flops / (device.flops_per_second_core * device.threads));
  return estimate;
}

constexpr Implementation kSoftmax[] = {
    {"softmax.simd.cpu.f32", softmax::supports_simd, no_workspace, estimate_simd,
     softmax::prepare_simd, true},
    {"softmax.reference", softmax::supports_reference, no_workspace, estimate_reference,
     softmax::prepare_reference},
};

}  // namespace

ImplementationList softmax_implementations() { return kSoftmax; }

}  // namespace convoy
