// The implementations of transposed convolution.
#include <algorithm>

#include "kernels/conv_transpose/cell.h"

namespace convoy {
namespace {

// One product at a time through strides: about 2 ns each on a current core.
Estimate estimate_reference(const OpDesc& desc, const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(desc, device);
  estimate.flops = conv_transpose::flops(desc);
  estimate.seconds += 1e-9 * estimate.flops;
  return estimate;
}

// Products at half the machine's rate; the workspace is written and read once per image.
Estimate estimate_gemm(const OpDesc& desc, const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(desc, device);
  estimate.flops = conv_transpose::flops(desc);
  estimate.workspace_bytes = conv_transpose::gemm_workspace(desc, device);
  const double moved = 2 * static_cast<double>(estimate.workspace_bytes) *
                       static_cast<double>(desc.inputs[0].shape[0]);
  estimate.bytes_l2 += moved;
  estimate.seconds =
      std::max(estimate.seconds,
               estimate.flops / (0.5 * device.flops_per_second_core * device.threads)) +
      moved / (device.l2_bytes_per_second_core * device.threads);
  return estimate;
}

const Implementation kConvTranspose[] = {
    {"conv_transpose.gemm.cpu.f32", conv_transpose::supports_gemm, conv_transpose::gemm_workspace,
     estimate_gemm, conv_transpose::prepare_gemm},
    {"conv_transpose.reference", conv_transpose::supports_reference, no_workspace,
     estimate_reference, conv_transpose::prepare_reference},
};

}  // namespace

ImplementationList conv_transpose_implementations() { return kConvTranspose; }

}  // namespace convoy
