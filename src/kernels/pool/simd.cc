// Pooling of f32 feature maps in NHWC: vectors over channels, one task per output row.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool/simd.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <limits>

#include "kernels/feature_map.h"
#include "kernels/pool/cell.h"
#include "kernels/pool/window.h"
#include "kernels/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::pool {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using convoy::HWY_NAMESPACE::load_partial;
using convoy::HWY_NAMESPACE::store_partial;

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

// Calls use(values) for each position of the window, for channels [c, c + count).
template <class Use>
HWY_INLINE void for_window(const float* x, const FeatureMap& in, const Positions& rows,
                           const Positions& columns, std::int64_t count, Use&& use) {
  constexpr Tag d;
  const bool whole = count == static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = rows.begin; r < rows.end; ++r) {
    for (std::int64_t s = columns.begin; s < columns.end; ++s) {
      const float* at = x + rows.at(r) * in.stride_h + columns.at(s) * in.stride_w;
      use(whole ? hn::LoadU(d, at) : load_partial(d, at, count));
    }
  }
}

void pool_window(const WindowOf& w, const float* x, const FeatureMap& in, float* y) {
  constexpr Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const Vector low = hn::Set(d, w.inside() == 0 ? std::numeric_limits<float>::lowest()
                                                : -std::numeric_limits<float>::infinity());
  for (std::int64_t c = 0; c < in.c; c += lanes) {
    const std::int64_t count = std::min(lanes, in.c - c);
    Vector result = hn::Zero(d);
    if (w.average) {
      for_window(x + c, in, w.rows, w.columns, count,
                 [&](Vector v) { result = hn::Add(result, v); });
      const auto divisor = static_cast<float>(std::max<std::int64_t>(1, w.divisor));
      result = hn::Div(result, hn::Set(d, divisor));
    } else {
      // Maximum of numbers returns its second operand for equal zeros, as the definition keeps the
      // first, and forgets NaN, so those are remembered apart.
      result = low;
      auto nan = hn::Lt(low, low);
      for_window(x + c, in, w.rows, w.columns, count, [&](Vector v) {
        result = hn::Max(v, result);
        nan = hn::Or(nan, hn::IsNaN(v));
      });
      result = hn::IfThenElse(nan, hn::NaN(d), result);
    }
    store_partial(d, result, y + c, count);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy::pool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy::pool {
namespace {

HWY_EXPORT(pool_window);

class Simd final : public Kernel {
 public:
  explicit Simd(const OpDesc& desc) : attrs_(desc.as<PoolAttrs>()) {}

  void run(const RunArgs& args) const override {
    const FeatureMap in = feature_map(args.inputs[0]), out = feature_map(args.outputs[0]);
    args.pool.parallel_for(out.n * out.h, [&](std::int64_t task, int) {
      const std::int64_t n = task / out.h, p = task % out.h;
      const float* x = args.inputs[0].as<float>() + in.offset(n, 0, 0, 0);
      float* y = args.outputs[0].as<float>() + out.offset(n, 0, p, 0);
      for (std::int64_t q = 0; q < out.w; ++q) {
        HWY_DYNAMIC_DISPATCH(pool_window)(window_of(attrs_, in, p, q), x, in, y + q * out.stride_w);
      }
    });
  }

 private:
  PoolAttrs attrs_;
};

}  // namespace

Support supports_simd(const OpDesc& desc, const DeviceDesc& device) {
  if (Support support = supports_reference(desc, device); !support) return support;
  if (desc.inputs[0].dtype != DType::kF32) return Support::no("computes f32 only");
  if (desc.inputs[0].layout != Layout::kNhwc || desc.outputs[0].layout != Layout::kNhwc) {
    return Support::no("needs layout nhwc");
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_simd(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<Simd>(desc);
}

}  // namespace convoy::pool
#endif  // HWY_ONCE
