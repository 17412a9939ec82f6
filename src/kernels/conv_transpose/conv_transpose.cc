// The implementations of transposed convolution.
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

const Implementation kConvTranspose[] = {
    {"conv_transpose.reference", conv_transpose::supports_reference, no_workspace,
     estimate_reference, conv_transpose::prepare_reference},
};

}  // namespace

ImplementationList conv_transpose_implementations() { return kConvTranspose; }

}  // namespace convoy
