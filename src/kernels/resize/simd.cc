// Resizing f32 feature maps in NHWC: indices and weights worked out when preparing, vectors over
// channels, one task per result row.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resize/simd.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/feature_map.h"
#include "kernels/resize/axis.h"
#include "kernels/resize/cell.h"
#include "kernels/resize/pixel.h"
#include "kernels/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::resize {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using convoy::HWY_NAMESPACE::load_partial;
using convoy::HWY_NAMESPACE::store_partial;

// The weighted sum of taps^2 pixels, or with one tap, one pixel as it is.
void blend(const Pixel& pixel, std::int64_t channels, float* y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < channels; c += lanes) {
    const std::int64_t count = std::min(lanes, channels - c);
    const auto load = [&](int tap) {
      const float* at = pixel.at[tap] + c;
      return count == lanes ? hn::LoadU(d, at) : load_partial(d, at, count);
    };
    auto sum = load(0);
    if (pixel.taps > 1) {
      sum = hn::Mul(sum, hn::Set(d, pixel.weight[0]));
      for (int tap = 1; tap < pixel.taps; ++tap) {
        sum = hn::MulAdd(load(tap), hn::Set(d, pixel.weight[tap]), sum);
      }
    }
    store_partial(d, sum, y + c, count);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy::resize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy::resize {
namespace {

HWY_EXPORT(blend);

bool is_identity(const AxisMap& map, std::int64_t extent) {
  if (map.taps != 1 || static_cast<std::int64_t>(map.index.size()) != extent) return false;
  for (std::size_t i = 0; i < map.index.size(); ++i) {
    if (map.index[i] != static_cast<std::int64_t>(i) || map.is_outside(map.index[i])) return false;
  }
  return true;
}

class Simd final : public Kernel {
 public:
  explicit Simd(const OpDesc& desc) : extrapolation_(desc.as<ResizeAttrs>().extrapolation) {
    std::vector<AxisMap> maps = axis_maps(desc);
    columns_ = std::move(maps.back());
    if (maps.size() == 4) {
      rows_ = std::move(maps[2]);
    } else {  // a one-dimensional map has one row
      rows_.index = {0};
      rows_.weight = {1};
    }
  }

  void run(const RunArgs& args) const override {
    const FeatureMap in = feature_map(args.inputs[0]), out = feature_map(args.outputs[0]);
    args.pool.parallel_for(out.n * out.h, [&](std::int64_t task, int) {
      const std::int64_t n = task / out.h, p = task % out.h;
      const float* x = args.inputs[0].as<float>() + in.offset(n, 0, 0, 0);
      float* y = args.outputs[0].as<float>() + out.offset(n, 0, p, 0);
      for (std::int64_t q = 0; q < out.w; ++q, y += out.stride_w) {
        if (rows_.is_outside(p) || columns_.is_outside(q)) {
          std::fill_n(y, out.c, extrapolation_);
        } else {
          HWY_DYNAMIC_DISPATCH(blend)(pixel(x, in, p, q), out.c, y);
        }
      }
    });
  }

 private:
  Pixel pixel(const float* x, const FeatureMap& in, std::int64_t p, std::int64_t q) const {
    Pixel result;
    result.taps = rows_.taps * columns_.taps;
    for (int r = 0; r < rows_.taps; ++r) {
      const auto row = static_cast<std::size_t>(p * rows_.taps + r);
      for (int s = 0; s < columns_.taps; ++s) {
        const auto column = static_cast<std::size_t>(q * columns_.taps + s);
        const int tap = r * columns_.taps + s;
        result.at[tap] = x + rows_.index[row] * in.stride_h + columns_.index[column] * in.stride_w;
        result.weight[tap] = static_cast<float>(rows_.weight[row] * columns_.weight[column]);
      }
    }
    return result;
  }

  AxisMap rows_, columns_;
  float extrapolation_;
};

}  // namespace

Support supports_simd(const OpDesc& desc, const DeviceDesc& device) {
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  if (Support support = supports_reference(desc, device); !support) return support;
  if (Support support = is_feature_map(x); !support) return support;
  if (x.dtype != DType::kF32) return Support::no("computes f32 only");
  if (x.layout != Layout::kNhwc || y.layout != Layout::kNhwc) {
    return Support::no("needs layout nhwc");
  }
  if (desc.as<ResizeAttrs>().exclude_outside) return Support::no("includes the outside");
  if (y.elements() == 0) return Support::yes();
  const std::vector<AxisMap> maps = axis_maps(desc);
  if (!is_identity(maps[0], x.shape[0]) || !is_identity(maps[1], x.shape[1])) {
    return Support::no("resizes the height and the width alone");
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_simd(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<Simd>(desc);
}

}  // namespace convoy::resize
#endif  // HWY_ONCE
