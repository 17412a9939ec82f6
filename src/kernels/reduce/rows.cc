#include "kernels/reduce/rows.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce/rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include "kernels/simd/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace {

using Kind = ReduceAttrs::Kind;
using reduce::Columns;

float row(Kind kind, const float* x, std::int64_t count) {
  const F32 d;
  const auto sum = [&](auto term) HWY_ATTR { return sum_terms(d, x, count, term); };
  const auto square = [](VF v) HWY_ATTR { return hn::Mul(v, v); };
  switch (kind) {
    case Kind::kMax:
      return extreme(d, x, count, [](VF a, VF b) HWY_ATTR { return max_or_nan(a, b); });
    case Kind::kMin:
      return extreme(d, x, count, [](VF a, VF b) HWY_ATTR { return min_or_nan(a, b); });
    case Kind::kL1:
      return static_cast<float>(sum([](VF v) HWY_ATTR { return hn::Abs(v); }));
    case Kind::kL2:
      return static_cast<float>(std::sqrt(sum(square)));
    case Kind::kSumSquare:
      return static_cast<float>(sum(square));
    case Kind::kMean:
      return static_cast<float>(sum([](VF v) HWY_ATTR { return v; }) / static_cast<double>(count));
    default:
      return static_cast<float>(sum([](VF v) HWY_ATTR { return v; }));
  }
}

// Terms added before they join the total: chains of kChain + count / kChain additions.
constexpr std::int64_t kChain = 64;
constexpr int kVectors = 4;

// kVectors vectors, or one of which `width` lanes are there.
template <Kind kKind, bool kPartial>
HWY_INLINE void columns_block(const Columns& c, std::int64_t at, std::int64_t width) {
  constexpr int kCount = kPartial ? 1 : kVectors;
  constexpr bool kExtreme = kKind == Kind::kMax || kKind == Kind::kMin;
  const F32 d;
  const auto load = [&](std::int64_t r, int v) HWY_ATTR {
    const float* p = c.x + r * c.stride + at + v * kLanes;
    return kPartial ? load_partial(d, p, width) : hn::LoadU(d, p);
  };
  VF total[kCount];
  for (int v = 0; v < kCount; ++v) total[v] = kExtreme ? load(0, v) : hn::Zero(d);
  for (std::int64_t first = 0; first < c.count; first += kChain) {
    VF chain[kCount];
    for (int v = 0; v < kCount; ++v) chain[v] = kExtreme ? total[v] : hn::Zero(d);
    for (std::int64_t r = first; r < std::min(c.count, first + kChain); ++r) {
      for (int v = 0; v < kCount; ++v) {
        const VF x = load(r, v);
        if constexpr (kKind == Kind::kMax) {
          chain[v] = max_or_nan(chain[v], x);
        } else if constexpr (kKind == Kind::kMin) {
          chain[v] = min_or_nan(chain[v], x);
        } else if constexpr (kKind == Kind::kL1) {
          chain[v] = hn::Add(chain[v], hn::Abs(x));
        } else if constexpr (kKind == Kind::kL2 || kKind == Kind::kSumSquare) {
          chain[v] = hn::MulAdd(x, x, chain[v]);
        } else {
          chain[v] = hn::Add(chain[v], x);
        }
      }
    }
    for (int v = 0; v < kCount; ++v) total[v] = kExtreme ? chain[v] : hn::Add(total[v], chain[v]);
  }
  const VF count = hn::Set(d, static_cast<float>(c.count));
  for (int v = 0; v < kCount; ++v) {
    if (kKind == Kind::kMean) total[v] = hn::Div(total[v], count);
    if (kKind == Kind::kL2) total[v] = hn::Sqrt(total[v]);
    float* p = c.y + at + v * kLanes;
    if (kPartial) {
      store_partial(d, total[v], p, width);
    } else {
      hn::StoreU(total[v], d, p);
    }
  }
}

template <Kind kKind>
void columns_as(const Columns& c) {
  std::int64_t at = 0;
  for (; at + kVectors * kLanes <= c.width; at += kVectors * kLanes) {
    columns_block<kKind, false>(c, at, 0);
  }
  for (; at < c.width; at += kLanes) {
    columns_block<kKind, true>(c, at, std::min(kLanes, c.width - at));
  }
}

void columns(Kind kind, const Columns& c) {
  switch (kind) {
    case Kind::kMax:
      return columns_as<Kind::kMax>(c);
    case Kind::kMin:
      return columns_as<Kind::kMin>(c);
    case Kind::kL1:
      return columns_as<Kind::kL1>(c);
    case Kind::kL2:
      return columns_as<Kind::kL2>(c);
    case Kind::kSumSquare:
      return columns_as<Kind::kSumSquare>(c);
    case Kind::kMean:
      return columns_as<Kind::kMean>(c);
    default:
      return columns_as<Kind::kSum>(c);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {
namespace {
HWY_EXPORT(row);
HWY_EXPORT(columns);
}  // namespace

namespace reduce {

float reduce_row(ReduceAttrs::Kind kind, const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(row)(kind, x, count);
}

void reduce_columns(ReduceAttrs::Kind kind, const Columns& c) {
  HWY_DYNAMIC_DISPATCH(columns)(kind, c);
}

}  // namespace reduce
}  // namespace convoy
#endif
