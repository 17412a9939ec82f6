#include "kernels/elementwise/span.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/span.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include "kernels/simd/activation-inl.h"
#include "kernels/simd/epilogue-inl.h"
#include "kernels/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace {

using elementwise::BinarySpan;

void unary(const Unary& f, const float* x, float* y, std::int64_t count) {
  const F32 d;
  visit_unary_kind(f.kind, [&](auto kind) HWY_ATTR {
    constexpr UnaryKind kKind = decltype(kind)::value;
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      hn::StoreU(activate_as<kKind>(d, f, hn::LoadU(d, x + i)), d, y + i);
    }
    if (i == count) return;
    store_partial(d, activate_as<kKind>(d, f, load_partial(d, x + i, count - i)), y + i, count - i);
  });
}

template <BinaryKind kKind>
HWY_INLINE VF combine(F32 d, VF a, VF b) {
  switch (kKind) {
    case BinaryKind::kSub:
      return hn::Sub(a, b);
    case BinaryKind::kMul:
      return hn::Mul(a, b);
    case BinaryKind::kDiv:
      return hn::Div(a, b);
    // A NaN of either operand is the result.
    case BinaryKind::kMin:
      return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Lt(a, b)), a, b);
    case BinaryKind::kMax:
      return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Gt(a, b)), a, b);
    case BinaryKind::kPrelu:
      return hn::IfThenElse(hn::Lt(a, hn::Zero(d)), hn::Mul(a, b), a);
    default:
      return hn::Add(a, b);
  }
}

template <bool kRepeat>
HWY_INLINE VF operand(F32 d, const float* p, VF repeated, std::int64_t i) {
  return kRepeat ? repeated : hn::LoadU(d, p + i);
}

template <BinaryKind kKind, bool kRepeatA, bool kRepeatB>
void binary_as(const BinarySpan& s) {
  const F32 d;
  const VF a0 = kRepeatA ? hn::Set(d, s.a[0]) : hn::Zero(d);
  const VF b0 = kRepeatB ? hn::Set(d, s.b[0]) : hn::Zero(d);
  std::int64_t i = 0;
  for (; i + kLanes <= s.count; i += kLanes) {
    const VF a = operand<kRepeatA>(d, s.a, a0, i), b = operand<kRepeatB>(d, s.b, b0, i);
    hn::StoreU(combine<kKind>(d, a, b), d, s.y + i);
  }
  if (i == s.count) return;
  const VF a = kRepeatA ? a0 : load_partial(d, s.a + i, s.count - i);
  const VF b = kRepeatB ? b0 : load_partial(d, s.b + i, s.count - i);
  store_partial(d, combine<kKind>(d, a, b), s.y + i, s.count - i);
}

template <BinaryKind kKind>
void binary_steps(const BinarySpan& s) {
  if (s.a_step != 0) {
    s.b_step != 0 ? binary_as<kKind, false, false>(s) : binary_as<kKind, false, true>(s);
  } else {
    s.b_step != 0 ? binary_as<kKind, true, false>(s) : binary_as<kKind, true, true>(s);
  }
}

void binary(BinaryKind kind, const BinarySpan& s) {
  switch (kind) {
    case BinaryKind::kSub:
      return binary_steps<BinaryKind::kSub>(s);
    case BinaryKind::kMul:
      return binary_steps<BinaryKind::kMul>(s);
    case BinaryKind::kDiv:
      return binary_steps<BinaryKind::kDiv>(s);
    case BinaryKind::kMin:
      return binary_steps<BinaryKind::kMin>(s);
    case BinaryKind::kMax:
      return binary_steps<BinaryKind::kMax>(s);
    case BinaryKind::kPrelu:
      return binary_steps<BinaryKind::kPrelu>(s);
    default:
      return binary_steps<BinaryKind::kAdd>(s);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {
namespace {
HWY_EXPORT(unary);
HWY_EXPORT(binary);
}  // namespace

namespace elementwise {

void apply_unary(const Unary& f, const float* x, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(unary)(f, x, y, count);
}

bool is_vectorised(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::kAdd:
    case BinaryKind::kSub:
    case BinaryKind::kMul:
    case BinaryKind::kDiv:
    case BinaryKind::kMin:
    case BinaryKind::kMax:
    case BinaryKind::kPrelu:
      return true;
    default:
      return false;
  }
}

void apply_binary(BinaryKind kind, const BinarySpan& span) {
  HWY_DYNAMIC_DISPATCH(binary)(kind, span);
}

}  // namespace elementwise
}  // namespace convoy
#endif
