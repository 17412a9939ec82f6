#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/norm/cell.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/simd.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include "kernels/simd/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace {

// y[i] = x[i] * scale[i] + bias[i]; one scale and bias for all when `repeat`.
void scale_row(const float* x, const float* scale, const float* bias, bool repeat,
               std::int64_t count, float* y) {
  const F32 d;
  const VF scale0 = hn::Set(d, scale[0]), bias0 = hn::Set(d, bias[0]);
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const VF s = repeat ? scale0 : hn::LoadU(d, scale + i);
    const VF b = repeat ? bias0 : hn::LoadU(d, bias + i);
    hn::StoreU(hn::MulAdd(hn::LoadU(d, x + i), s, b), d, y + i);
  }
  const std::int64_t left = count - i;
  if (left == 0) return;
  const VF s = repeat ? scale0 : load_partial(d, scale + i, left);
  const VF b = repeat ? bias0 : load_partial(d, bias + i, left);
  store_partial(d, hn::MulAdd(load_partial(d, x + i, left), s, b), y + i, left);
}

// y = (x - mean) * factor * scale + bias over one row; bias may be null.
void normalize_row(const float* x, const float* scale, const float* bias, double epsilon,
                   std::int64_t count, float* y) {
  const F32 d;
  const double n = static_cast<double>(count);
  const VF mean =
      hn::Set(d, static_cast<float>(sum_terms(d, x, count, [](VF v) HWY_ATTR { return v; }) / n));
  const double squares = sum_terms(d, x, count, [mean](VF v) HWY_ATTR {
    const VF distance = hn::Sub(v, mean);
    return hn::Mul(distance, distance);
  });
  const VF factor = hn::Set(d, static_cast<float>(1 / std::sqrt(squares / n + epsilon)));
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const std::int64_t left = std::min(kLanes, count - i);
    const VF gain = hn::Mul(load_partial(d, scale + i, left), factor);
    const VF shift = bias ? load_partial(d, bias + i, left) : hn::Zero(d);
    const VF distance = hn::Sub(load_partial(d, x + i, left), mean);
    store_partial(d, hn::MulAdd(distance, gain, shift), y + i, left);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {
namespace {
HWY_EXPORT(scale_row);
HWY_EXPORT(normalize_row);
}  // namespace

namespace norm {
namespace {

// 64 KiB a task: large against the cost of handing it out, small against L2.
constexpr std::int64_t kTaskElements = 16 << 10;

// Calls f(row) for every row, several short rows to a task.
template <class F>
void for_each_row(ThreadPool& pool, std::int64_t rows, std::int64_t length, F&& f) {
  const std::int64_t group =
      std::max<std::int64_t>(1, kTaskElements / std::max<std::int64_t>(length, 1));
  pool.parallel_for((rows + group - 1) / group, [&](std::int64_t task, int) {
    const std::int64_t end = std::min(rows, (task + 1) * group);
    for (std::int64_t row = task * group; row < end; ++row) f(row);
  });
}

// Rows are pixels of all channels in NHWC, and planes of one channel in NCHW.
class BatchNormSimd final : public Kernel {
 public:
  explicit BatchNormSimd(const OpDesc& desc) {
    const TensorView& x = desc.inputs[0];
    channels_ = x.shape[1];
    const std::int64_t elements = x.elements();
    const std::int64_t pixels =
        elements == 0 ? 0 : elements / std::max<std::int64_t>(x.shape[0] * channels_, 1);
    channels_last_ = x.layout == Layout::kNhwc || pixels == 1;
    length_ = channels_last_ ? channels_ : pixels;
    rows_ = elements == 0 ? 0 : elements / length_;
    const double epsilon = static_cast<double>(desc.as<NormAttrs>().epsilon);
    for (std::int64_t c = 0; c < channels_; ++c) {
      const auto parameter = [&](std::size_t i) {
        return static_cast<double>(desc.inputs[i].as<float>()[c]);
      };
      const double scale = parameter(1) / std::sqrt(parameter(4) + epsilon);
      scale_.push_back(static_cast<float>(scale));
      bias_.push_back(static_cast<float>(parameter(2) - parameter(3) * scale));
    }
  }

  void run(const RunArgs& args) const override {
    const float* x = args.inputs[0].as<float>();
    float* y = args.outputs[0].as<float>();
    for_each_row(args.pool, rows_, length_, [&](std::int64_t row) {
      const auto c = static_cast<std::size_t>(channels_last_ ? 0 : row % channels_);
      HWY_DYNAMIC_DISPATCH(scale_row)
      (x + row * length_, &scale_[c], &bias_[c], !channels_last_, length_, y + row * length_);
    });
  }
  std::size_t packed_bytes() const override { return 2 * scale_.size() * sizeof(float); }
  bool reads_constant(std::size_t /*input*/) const override { return false; }

 private:
  std::int64_t channels_ = 0, length_ = 0, rows_ = 0;
  bool channels_last_ = false;
  std::vector<float> scale_, bias_;
};

Shape normalized_shape(const OpDesc& desc) {
  const Shape& x = desc.inputs[0].shape;
  Shape inner;
  for (int a = normalize_axis(desc.as<NormAttrs>().axis, x.rank(), "LayerNormalization");
       a < x.rank(); ++a) {
    inner.push_back(x[a]);
  }
  return inner;
}

class LayerNormSimd final : public Kernel {
 public:
  explicit LayerNormSimd(const OpDesc& desc)
      : epsilon_(static_cast<double>(desc.as<NormAttrs>().epsilon)),
        length_(normalized_shape(desc).elements()),
        rows_(length_ == 0 ? 0 : desc.inputs[0].elements() / length_) {}

  void run(const RunArgs& args) const override {
    const float* x = args.inputs[0].as<float>();
    const float* scale = args.inputs[1].as<float>();
    const float* bias = args.inputs.size() > 2 ? args.inputs[2].as<float>() : nullptr;
    float* y = args.outputs[0].as<float>();
    for_each_row(args.pool, rows_, length_, [&](std::int64_t row) {
      HWY_DYNAMIC_DISPATCH(normalize_row)
      (x + row * length_, scale, bias, epsilon_, length_, y + row * length_);
    });
  }

 private:
  double epsilon_;
  std::int64_t length_, rows_;
};

Support all_f32(const OpDesc& desc) {
  for (std::size_t i = 0; i < desc.inputs.size(); ++i) {
    if (desc.present(i) && desc.inputs[i].dtype != DType::kF32) return Support::no("needs f32");
  }
  return Support::yes();
}

}  // namespace

Support supports_batch_norm_simd(const OpDesc& desc, const DeviceDesc&) {
  if (const Support f32 = all_f32(desc); !f32) return f32;
  const TensorView& x = desc.inputs[0];
  if (x.shape.rank() < 2) return Support::no("needs a channel dimension");
  if (x.layout != desc.outputs[0].layout) return Support::no("needs one layout");
  if (x.layout != Layout::kNchw && x.layout != Layout::kNhwc) {
    return Support::no("has forms for nchw and nhwc only");
  }
  for (std::size_t i = 1; i < 5; ++i) {
    if (!desc.constant(i)) return Support::no("needs constant parameters");
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_batch_norm_simd(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<BatchNormSimd>(desc);
}

Support supports_layer_norm_simd(const OpDesc& desc, const DeviceDesc& device) {
  if (const Support any = supports_layer_norm(desc, device); !any) return any;
  if (const Support f32 = all_f32(desc); !f32) return f32;
  const std::int64_t length = normalized_shape(desc).elements();
  for (std::size_t i = 1; i < desc.inputs.size(); ++i) {
    if (desc.present(i) && desc.inputs[i].elements() != length) {
      return Support::no("needs scale and bias of the normalised shape");
    }
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_layer_norm_simd(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<LayerNormSimd>(desc);
}

}  // namespace norm
}  // namespace convoy
#endif
