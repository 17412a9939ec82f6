#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv_transpose/gather.cc"
#include "kernels/conv_transpose/gather.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/simd/epilogue-inl.h"
#include "kernels/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::conv_transpose {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace simd = convoy::HWY_NAMESPACE;

// For each result pixel: the products of the taps that reach it, by filter row, then column.
void gather(const GatherRow& row) {
  const simd::F32 d;
  const ConvTransposeAttrs& a = *row.attrs;
  for (std::int64_t q = 0; q < row.q_extent; ++q) {
    for (std::int64_t k = 0; k < row.k; k += simd::kLanes) {
      const std::int64_t count = std::min(simd::kLanes, row.k - k);
      auto sum = hn::Zero(d);
      for (std::int64_t r = 0; r < row.r; ++r) {
        const std::int64_t h = source(row.p, a.pads.top, r, a.dilation[0], a.stride[0], row.h);
        if (h < 0) continue;
        for (std::int64_t s = 0; s < row.s; ++s) {
          const std::int64_t w = source(q, a.pads.left, s, a.dilation[1], a.stride[1], row.w);
          if (w < 0) continue;
          const float* at =
              row.products + (h * row.w + w) * row.pixel_stride + (r * row.s + s) * row.k + k;
          sum = hn::Add(sum, simd::load_partial(d, at, count));
        }
      }
      if (row.bias != nullptr) sum = hn::Add(sum, simd::load_partial(d, row.bias + k, count));
      sum = simd::apply_activation(d, a.activation, sum);
      simd::store_partial(d, sum, row.y + q * row.k + k, count);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy::conv_transpose
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy::conv_transpose {

HWY_EXPORT(gather);

void gather_row(const GatherRow& row) { HWY_DYNAMIC_DISPATCH(gather)(row); }

}  // namespace convoy::conv_transpose
#endif  // HWY_ONCE
