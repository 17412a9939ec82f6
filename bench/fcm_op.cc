#include "bench/fcm_op.h"

#include <cmath>

#include "kernels/element.h"

namespace convoy::bench {
namespace {

constexpr double kS8Deviation = 73;  // of integers spread evenly over -127..127

// Values spread evenly over -amplitude..amplitude.
void fill(const Tensor& tensor, double amplitude, std::uint64_t& state) {
  visit_dtype(tensor.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    T* to = tensor.as<T>();
    for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const double value = (static_cast<double>(state >> 33) * 0x1p-30 - 1) * amplitude;
      to[i] = static_cast<T>(kIsFloating<T> ? value : std::nearbyint(value));
    }
  });
}

}  // namespace

FcmConstants::FcmConstants(const FcmCase& fcm, DType dtype) {
  const bool quantised = dtype == DType::kS8;
  std::uint64_t state = 1;
  for (const ConvDesc& d : fcm.stages) {
    const Stage stage{Tensor(dtype, conv_w_shape(d)),
                      Tensor(quantised ? DType::kS32 : dtype, Shape{d.k}),
                      Tensor(DType::kF32, Shape{d.k})};
    const double terms = static_cast<double>(d.c / d.groups * d.r * d.s);
    const double deviation = std::sqrt(terms) * kS8Deviation * kS8Deviation;  // of a sum, s8
    fill(stage.w, quantised ? 127 : std::sqrt(6 / terms), state);
    fill(stage.bias, quantised ? deviation / 2 : 0.5, state);
    fill(stage.scale, 0.5 / deviation, state);
    for (std::int64_t k = 0; k < d.k; ++k) {
      stage.scale.as<float>()[k] += static_cast<float>(2 / deviation);
    }
    stages_.push_back(stage);
  }
}

FcmOp::FcmOp(const FcmCase& fcm, DType dtype, Layout layout, std::size_t first, std::size_t last)
    : attrs_(fcm.attrs), first_(first) {
  const bool quantised = dtype == DType::kS8, at_end = last == fcm.stages.size();
  auto& attrs = std::get<FusedConvAttrs>(attrs_);
  attrs.stages.assign(fcm.attrs.stages.begin() + static_cast<std::ptrdiff_t>(first),
                      fcm.attrs.stages.begin() + static_cast<std::ptrdiff_t>(last));
  if (!at_end) attrs.residual = Epilogue::Residual::kNone;
  inputs_.push_back({nullptr, dtype, layout, conv_x_shape(fcm.stages[first])});
  for (std::size_t i = first; i < last; ++i) {
    const ConvDesc& d = fcm.stages[i];
    inputs_.push_back({nullptr, dtype, Layout::kNchw, conv_w_shape(d)});
    inputs_.push_back({nullptr, quantised ? DType::kS32 : dtype, Layout::kNchw, Shape{d.k}});
    inputs_.push_back({nullptr, DType::kF32, Layout::kNchw, Shape{d.k}});
    absent_[fused_scale(i - first)] = !quantised;
  }
  const Shape y = conv_y_shape(fcm.stages[last - 1]);
  if (attrs.residual != Epilogue::Residual::kNone) inputs_.push_back({nullptr, dtype, layout, y});
  outputs_[0] = {nullptr, dtype, layout, y};
}

void FcmOp::set_constants(const FcmConstants& constants) {
  const std::size_t stages = std::get<FusedConvAttrs>(attrs_).stages.size();
  for (std::size_t i = 0; i < stages; ++i) {
    const FcmConstants::Stage& from = constants.stages()[first_ + i];
    inputs_[fused_w(i)] = from.w.view();
    inputs_[fused_bias(i)] = from.bias.view();
    if (!absent_[fused_scale(i)]) inputs_[fused_scale(i)] = from.scale.view();
  }
}

}  // namespace convoy::bench
