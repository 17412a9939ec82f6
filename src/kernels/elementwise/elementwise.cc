#include "kernels/elementwise/cell.h"

namespace convoy {
namespace {

using namespace elementwise;

Support any(const OpDesc&, const DeviceDesc&) { return Support::yes(); }

// One element at a time, by strides: about 50 million elements a second.
Estimate estimate_reference(const OpDesc& desc, const DeviceDesc&) {
  Estimate estimate;
  estimate.seconds = static_cast<double>(desc.outputs[0].elements()) * 2e-8;
  return estimate;
}

constexpr Implementation kUnary[] = {
    {"unary.simd.cpu.f32", supports_unary_simd, no_workspace, estimate_unary_simd,
     prepare_unary_simd, true},
    {"unary.reference", supports_unary, no_workspace, estimate_reference, prepare_unary_reference,
     true},
};
constexpr Implementation kBinary[] = {
    {"binary.simd.cpu.f32", supports_binary_simd, no_workspace, estimate_binary_simd,
     prepare_binary_simd, true},
    {"binary.reference", supports_binary, no_workspace, estimate_reference,
     prepare_binary_reference},
};
constexpr Implementation kClip[] = {
    {"clip.reference", any, no_workspace, estimate_reference, prepare_clip_reference, true},
};
constexpr Implementation kWhere[] = {
    {"where.reference", any, no_workspace, estimate_reference, prepare_where_reference},
};
constexpr Implementation kCast[] = {
    {"cast.reference", any, no_workspace, estimate_reference, prepare_cast_reference},
};

}  // namespace

ImplementationList elementwise_implementations(Op op) {
  switch (op) {
    case Op::kUnary:
      return kUnary;
    case Op::kBinary:
      return kBinary;
    case Op::kClip:
      return kClip;
    case Op::kWhere:
      return kWhere;
    case Op::kCast:
      return kCast;
    default:
      return {};
  }
}

}  // namespace convoy
