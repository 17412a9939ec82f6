#include "kernels/norm/cell.h"

namespace convoy {
namespace {

using namespace norm;

// Element by element with conversions: about 20 million elements a second.
Estimate estimate_reference(const OpDesc& desc, const DeviceDesc&) {
  Estimate estimate;
  estimate.seconds = static_cast<double>(desc.inputs[0].elements()) * 5e-8;
  return estimate;
}

constexpr Implementation kBatchNorm[] = {
    {"batch_norm.simd.cpu.f32", supports_batch_norm_simd, no_workspace, estimate_streaming,
     prepare_batch_norm_simd, true},
    {"batch_norm.reference", supports_batch_norm, no_workspace, estimate_reference,
     prepare_batch_norm_reference, true},
};
constexpr Implementation kLayerNorm[] = {
    {"layer_norm.simd.cpu.f32", supports_layer_norm_simd, no_workspace, estimate_streaming,
     prepare_layer_norm_simd, true},
    {"layer_norm.reference", supports_layer_norm, no_workspace, estimate_reference,
     prepare_layer_norm_reference},
};

}  // namespace

ImplementationList norm_implementations(Op op) {
  return op == Op::kBatchNorm ? ImplementationList(kBatchNorm) : ImplementationList(kLayerNorm);
}

}  // namespace convoy
