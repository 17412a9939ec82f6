// Sums of many f32 elements whose error grows with a fraction of their number.
// Include inside a file compiled by hwy/foreach_target.h, after hwy/highway.h.
#if defined(CONVOY_KERNELS_SIMD_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_KERNELS_SIMD_SUM_INL_H_
#undef CONVOY_KERNELS_SIMD_SUM_INL_H_
#else
#define CONVOY_KERNELS_SIMD_SUM_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "kernels/simd/epilogue-inl.h"
#include "kernels/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Elements summed in f32 before they join the total, which is a double: a chain of at most
// kSumBlock / kLanes / 4 + 4 additions and as many joins as there are lanes, whatever the length.
constexpr std::int64_t kSumBlock = 4096;

// The sum of term(vector) over x[0, count); term of a zero is never counted.
template <class Term>
HWY_INLINE double sum_terms(F32 d, const float* x, std::int64_t count, Term term) {
  double total = 0;
  for (std::int64_t from = 0; from < count; from += kSumBlock) {
    const std::int64_t end = std::min(count, from + kSumBlock);
    VF s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    std::int64_t i = from;
    for (; i + 4 * kLanes <= end; i += 4 * kLanes) {
      s0 = hn::Add(s0, term(hn::LoadU(d, x + i)));
      s1 = hn::Add(s1, term(hn::LoadU(d, x + i + kLanes)));
      s2 = hn::Add(s2, term(hn::LoadU(d, x + i + 2 * kLanes)));
      s3 = hn::Add(s3, term(hn::LoadU(d, x + i + 3 * kLanes)));
    }
    for (; i + kLanes <= end; i += kLanes) s0 = hn::Add(s0, term(hn::LoadU(d, x + i)));
    if (i < end) {
      const auto present = hn::FirstN(d, static_cast<size_t>(end - i));
      s1 = hn::Add(s1, hn::IfThenElseZero(present, term(load_partial(d, x + i, end - i))));
    }
    HWY_ALIGN float lanes[kLanes];
    hn::Store(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), d, lanes);
    for (const float lane : lanes) total += static_cast<double>(lane);
  }
  return total;
}

// The largest of a and b, NaN when either is.
HWY_INLINE VF max_or_nan(VF a, VF b) {
  return hn::IfThenElse(hn::Or(hn::IsNaN(b), hn::Gt(b, a)), b, a);
}
HWY_INLINE VF min_or_nan(VF a, VF b) {
  return hn::IfThenElse(hn::Or(hn::IsNaN(b), hn::Lt(b, a)), b, a);
}

// The extreme of x[0, count), count > 0, under one of the two functions above.
template <class Join>
HWY_INLINE float extreme(F32 d, const float* x, std::int64_t count, Join join) {
  VF best = hn::Set(d, x[0]);
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) best = join(best, hn::LoadU(d, x + i));
  if (i < count) {
    const auto present = hn::FirstN(d, static_cast<size_t>(count - i));
    best = hn::IfThenElse(present, join(best, load_partial(d, x + i, count - i)), best);
  }
  HWY_ALIGN float lanes[kLanes];
  hn::Store(best, d, lanes);
  VF result = hn::Set(d, lanes[0]);
  for (const float lane : lanes) result = join(result, hn::Set(d, lane));
  return hn::GetLane(result);
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#endif
