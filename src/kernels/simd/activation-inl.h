// Activations on vectors, for epilogues and elementwise kernels: one source for every target.
// Include inside a file compiled by hwy/foreach_target.h, after hwy/highway.h.
#if defined(CONVOY_KERNELS_SIMD_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_KERNELS_SIMD_ACTIVATION_INL_H_
#undef CONVOY_KERNELS_SIMD_ACTIVATION_INL_H_
#else
#define CONVOY_KERNELS_SIMD_ACTIVATION_INL_H_
#endif

#include <hwy/highway.h>

#include "base/op.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// True for the kinds that activate() computes; the elementwise cell computes the others.
// Applies `a` to each lane of x (f32). The branch on the kind is uniform and well predicted;
// kernels that care hoist it by calling activate_as<Kind>.
template <UnaryKind kKind, class D, class V = hn::Vec<D>>
HWY_INLINE V activate_as(D d, const Unary& a, V x) {
  const V zero = hn::Zero(d);
  if constexpr (kKind == UnaryKind::kRelu) {
    return hn::Max(x, zero);
  } else if constexpr (kKind == UnaryKind::kClip) {
    return hn::Min(hn::Max(x, hn::Set(d, a.alpha)), hn::Set(d, a.beta));
  } else if constexpr (kKind == UnaryKind::kLeakyRelu) {
    return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(x, hn::Set(d, a.alpha)), x);
  } else if constexpr (kKind == UnaryKind::kHardSigmoid || kKind == UnaryKind::kHardSwish) {
    const V gate = hn::Min(hn::Max(hn::MulAdd(x, hn::Set(d, a.alpha), hn::Set(d, a.beta)), zero),
                           hn::Set(d, 1.0f));
    return kKind == UnaryKind::kHardSwish ? hn::Mul(x, gate) : gate;
  } else {
    static_assert(kKind == UnaryKind::kIdentity);
    return x;
  }
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V activate(D d, const Unary& a, V x) {
  switch (a.kind) {
    case UnaryKind::kRelu:
      return activate_as<UnaryKind::kRelu>(d, a, x);
    case UnaryKind::kClip:
      return activate_as<UnaryKind::kClip>(d, a, x);
    case UnaryKind::kLeakyRelu:
      return activate_as<UnaryKind::kLeakyRelu>(d, a, x);
    case UnaryKind::kHardSigmoid:
      return activate_as<UnaryKind::kHardSigmoid>(d, a, x);
    case UnaryKind::kHardSwish:
      return activate_as<UnaryKind::kHardSwish>(d, a, x);
    default:
      return x;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#endif
