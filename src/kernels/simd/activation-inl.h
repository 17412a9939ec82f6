// The elementwise functions on vectors, for epilogues and elementwise kernels: one source for every
// target. NaN propagates through every one of them.
// Include inside a file compiled by hwy/foreach_target.h, after hwy/highway.h.
#if defined(CONVOY_KERNELS_SIMD_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_KERNELS_SIMD_ACTIVATION_INL_H_
#undef CONVOY_KERNELS_SIMD_ACTIVATION_INL_H_
#else
#define CONVOY_KERNELS_SIMD_ACTIVATION_INL_H_
#endif

#include <hwy/highway.h>

#include "base/op.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Applies `a` to each lane of x. The kinds from kSigmoid on are for f32 alone; the others compute
// in any floating type, alpha and beta being converted to it.
template <UnaryKind kKind, class D, class V = hn::Vec<D>>
HWY_INLINE V activate_as(D d, const Unary& a, V x) {
  using T = hn::TFromD<D>;
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, T(1));
  const V alpha = hn::Set(d, static_cast<T>(a.alpha));
  const V beta = hn::Set(d, static_cast<T>(a.beta));
  if constexpr (kKind == UnaryKind::kRelu) {
    return at_least(zero, x);
  } else if constexpr (kKind == UnaryKind::kClip) {
    return clamp(x, alpha, beta);
  } else if constexpr (kKind == UnaryKind::kLeakyRelu) {
    return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(x, alpha), x);
  } else if constexpr (kKind == UnaryKind::kHardSigmoid) {
    return clamp(hn::MulAdd(x, alpha, beta), zero, one);
  } else if constexpr (kKind == UnaryKind::kHardSwish) {
    return hn::Mul(x, clamp(hn::MulAdd(x, alpha, beta), zero, one));
  } else if constexpr (kKind == UnaryKind::kSigmoid) {
    return sigmoid(d, x);
  } else if constexpr (kKind == UnaryKind::kSilu) {
    return hn::Mul(x, sigmoid(d, x));
  } else if constexpr (kKind == UnaryKind::kTanh) {
    return hyperbolic_tangent(d, x);
  } else if constexpr (kKind == UnaryKind::kErf) {
    return error_function(d, x);
  } else if constexpr (kKind == UnaryKind::kGelu) {
    const V half = hn::Mul(x, hn::Set(d, 0.5f));
    return hn::MulAdd(half, error_function(d, hn::Mul(x, hn::Set(d, 0.70710678118654752f))), half);
  } else if constexpr (kKind == UnaryKind::kGeluTanh) {
    // 0.5 (1 + tanh(t)) = sigmoid(2 t).
    const V cubic = hn::MulAdd(hn::Mul(x, x), hn::Set(d, 0.044715f * 1.5957691216057308f),
                               hn::Set(d, 1.5957691216057308f));
    return hn::Mul(x, sigmoid(d, hn::Mul(x, cubic)));
  } else if constexpr (kKind == UnaryKind::kElu) {
    const V negative = hn::Mul(alpha, exponential_minus_one(d, at_most(zero, x)));
    return hn::IfThenElse(hn::Lt(x, zero), negative, x);
  } else if constexpr (kKind == UnaryKind::kSoftplus) {
    return softplus(d, x);
  } else if constexpr (kKind == UnaryKind::kMish) {
    return mish(d, x);
  } else if constexpr (kKind == UnaryKind::kSqrt) {
    return hn::Sqrt(x);
  } else if constexpr (kKind == UnaryKind::kExp) {
    return exponential(d, x);
  } else if constexpr (kKind == UnaryKind::kLog) {
    return logarithm(d, x);
  } else if constexpr (kKind == UnaryKind::kAbs) {
    return hn::Abs(x);
  } else if constexpr (kKind == UnaryKind::kNeg) {
    return hn::Neg(x);
  } else if constexpr (kKind == UnaryKind::kReciprocal) {
    return hn::Div(one, x);
  } else if constexpr (kKind == UnaryKind::kFloor) {
    return hn::Floor(x);
  } else if constexpr (kKind == UnaryKind::kCeil) {
    return hn::Ceil(x);
  } else if constexpr (kKind == UnaryKind::kRound) {
    return hn::Round(x);
  } else if constexpr (kKind == UnaryKind::kSign) {
    const auto nonzero = hn::Or(hn::Lt(x, zero), hn::Gt(x, zero));
    return hn::IfThenElse(nonzero, hn::CopySign(one, x), x);
  } else {
    static_assert(kKind == UnaryKind::kIdentity || kKind == UnaryKind::kNot);
    return x;
  }
}

// Calls f(Kind<k>{}) with the kind as a compile-time constant: kernels branch once, outside their
// loops.
template <UnaryKind kKind>
struct KindTag {
  static constexpr UnaryKind value = kKind;
};
template <class F>
HWY_INLINE void visit_unary_kind(UnaryKind kind, F&& f) {
  switch (kind) {
#define CONVOY_VISIT(name) \
  case UnaryKind::name:    \
    return f(KindTag<UnaryKind::name>{});
    CONVOY_VISIT(kIdentity)
    CONVOY_VISIT(kRelu)
    CONVOY_VISIT(kClip)
    CONVOY_VISIT(kLeakyRelu)
    CONVOY_VISIT(kHardSigmoid)
    CONVOY_VISIT(kHardSwish)
    CONVOY_VISIT(kSigmoid)
    CONVOY_VISIT(kSilu)
    CONVOY_VISIT(kTanh)
    CONVOY_VISIT(kErf)
    CONVOY_VISIT(kGelu)
    CONVOY_VISIT(kGeluTanh)
    CONVOY_VISIT(kElu)
    CONVOY_VISIT(kSoftplus)
    CONVOY_VISIT(kMish)
    CONVOY_VISIT(kSqrt)
    CONVOY_VISIT(kExp)
    CONVOY_VISIT(kLog)
    CONVOY_VISIT(kAbs)
    CONVOY_VISIT(kNeg)
    CONVOY_VISIT(kReciprocal)
    CONVOY_VISIT(kFloor)
    CONVOY_VISIT(kCeil)
    CONVOY_VISIT(kRound)
    CONVOY_VISIT(kSign)
    CONVOY_VISIT(kNot)
#undef CONVOY_VISIT
  }
}

// Any function on one f32 vector: for epilogues, where the branch is uniform and well predicted.
// Not inlined, so that the many polynomials are in each kernel's code only once.
template <class D, class V = hn::Vec<D>>
HWY_NOINLINE V activate(D d, const Unary& a, V x) {
  visit_unary_kind(a.kind,
                   [&](auto kind) HWY_ATTR { x = activate_as<decltype(kind)::value>(d, a, x); });
  return x;
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#endif
