// What convolution and matrix kernels do to their accumulators: any activation, NaN kept.
// Include inside a file compiled by hwy/foreach_target.h, after hwy/highway.h.
#if defined(CONVOY_KERNELS_SIMD_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_KERNELS_SIMD_EPILOGUE_INL_H_
#undef CONVOY_KERNELS_SIMD_EPILOGUE_INL_H_
#else
#define CONVOY_KERNELS_SIMD_EPILOGUE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <limits>

#include "kernels/simd/activation-inl.h"
#include "kernels/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using VF = hn::Vec<F32>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(F32()));

// Identity, Relu and Clip are one function, two instructions, that kernels apply in registers.
inline bool is_clamp(const Unary& f) {
  return f.kind == UnaryKind::kIdentity || f.kind == UnaryKind::kRelu || f.kind == UnaryKind::kClip;
}

struct Clamp {
  VF low, high;
  Clamp(F32 d, const Unary& f) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const bool clip = f.kind == UnaryKind::kClip, relu = f.kind == UnaryKind::kRelu;
    low = hn::Set(d, clip ? f.alpha : relu ? 0.0f : -kInfinity);
    high = hn::Set(d, clip ? f.beta : kInfinity);
  }
  HWY_INLINE VF operator()(VF v) const { return clamp(v, low, high); }
};

// Any activation on one vector.
inline VF apply_activation(F32 d, const Unary& f, VF v) {
  return is_clamp(f) ? Clamp(d, f)(v) : activate(d, f, v);
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#endif
