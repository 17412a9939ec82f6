#include "kernels/reduce/reference.h"
#include "kernels/reduce/simd.h"

namespace convoy {
namespace {

// One element at a time, by strides: about 50 million elements a second.
Estimate estimate_reference(const OpDesc& desc, const DeviceDesc&) {
  Estimate estimate;
  estimate.seconds = static_cast<double>(desc.inputs[0].elements()) * 2e-8;
  return estimate;
}

constexpr Implementation kReduce[] = {
    {"reduce.simd.cpu.f32", reduce::supports_simd, no_workspace, estimate_streaming,
     reduce::prepare_simd},
    {"reduce.reference", reduce::supports_reference, no_workspace, estimate_reference,
     reduce::prepare_reference},
};

}  // namespace

ImplementationList reduce_implementations() { return kReduce; }

}  // namespace convoy
