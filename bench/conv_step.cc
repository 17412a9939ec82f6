#include "bench/conv_step.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace convoy::bench {
namespace {

void fill(const Tensor& tensor, std::uint64_t seed) {
  std::uint64_t state = seed;
  const std::int64_t elements = storage_elements(tensor.shape(), tensor.view().layout);
  for (std::int64_t i = 0; i < elements; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const double value = static_cast<double>(state >> 33) * 0x1p-30 - 1;
    if (tensor.dtype() == DType::kF64) {
      tensor.as<double>()[i] = value;
    } else {
      tensor.as<float>()[i] = static_cast<float>(value);
    }
  }
}

double value_at(const Tensor& tensor, std::int64_t n, std::int64_t c, std::int64_t h,
                std::int64_t w) {
  const Shape& s = tensor.shape();
  std::int64_t at;
  if (tensor.view().layout == Layout::kChwn8) {
    at = (((n / 8 * s[1] + c) * s[2] + h) * s[3] + w) * 8 + n % 8;
  } else {
    const Strides st = strides_of(s, tensor.view().layout);
    at = n * st[0] + c * st[1] + h * st[2] + w * st[3];
  }
  return tensor.dtype() == DType::kF64 ? tensor.as<double>()[at]
                                       : static_cast<double>(tensor.as<float>()[at]);
}

}  // namespace

Layout parse_layout(const std::string& name) {
  for (const Layout layout : {Layout::kNchw, Layout::kNhwc, Layout::kChwn, Layout::kChwn8}) {
    if (name == to_string(layout)) return layout;
  }
  fail(ErrorCode::kInvalidArgument,
       "unknown layout '" + name + "', expected nchw, nhwc, chwn or chwn8");
}

ConvOp::ConvOp(const ConvDesc& d, Layout layout, DType dtype)
    : attrs_(ConvAttrs{.stride = {d.stride_h, d.stride_w},
                       .dilation = {d.dilation_h, d.dilation_w},
                       .pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right},
                       .auto_pad = AutoPad::kNotSet,
                       .groups = d.groups,
                       .epilogue = {}}),
      inputs_{TensorView{nullptr, dtype, layout, conv_x_shape(d)},
              TensorView{nullptr, dtype, Layout::kNchw, conv_w_shape(d)},
              TensorView{nullptr, dtype, Layout::kNchw, Shape{d.k}}, TensorView{}},
      outputs_{TensorView{nullptr, dtype, layout, conv_y_shape(d)}} {}

void ConvOp::set_constants(const Tensor& weights, const Tensor& bias) {
  inputs_[kConvW] = weights.view();
  inputs_[kConvBias] = bias.view();
}

ConvStep::ConvStep(const ConvDesc& d, Layout layout, DType dtype)
    : desc_(d),
      x_(dtype, conv_x_shape(d), layout),
      w_(dtype, conv_w_shape(d)),
      bias_(dtype, Shape{d.k}),
      y_(dtype, conv_y_shape(d), layout),
      op_(d, layout, dtype),
      inputs_{x_.view(), w_.view(), bias_.view(), TensorView{}},
      outputs_{y_.view()} {
  fill(x_, 1);
  fill(w_, 2);
  fill(bias_, 3);
  op_.set_constants(w_, bias_);
}

Support ConvStep::prepare(const Implementation& entry, const DeviceDesc& device) {
  const OpDesc description = op_.desc();
  if (Support support = can_run(entry, description, device); !support) return support;
  workspace_bytes_ = entry.workspace(description, device);
  workspace_ = Buffer(workspace_bytes_);
  kernel_ = entry.prepare(description, device);
  return Support::yes();
}

void ConvStep::run(ThreadPool& pool) {
  kernel_->run({inputs_, outputs_, {workspace_.data(), workspace_bytes_}, pool});
}

// All bits set is a NaN in every format.
void ConvStep::poison() { std::memset(y_.view().data, 0xFF, y_.view().bytes()); }

std::size_t ConvStep::operand_bytes() const {
  return x_.view().bytes() + w_.view().bytes() + y_.view().bytes();
}

double ConvStep::sampled_error(int samples) const {
  const std::int64_t cg = desc_.c / desc_.groups, kg = desc_.k / desc_.groups;
  const double u = x_.dtype() == DType::kF64 ? 0x1p-53 : 0x1p-24;
  const double terms = static_cast<double>(cg * desc_.r * desc_.s + 2);
  double worst = 0;
  std::uint64_t state = 7;
  const auto below = [&](std::int64_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::int64_t>((state >> 33) % static_cast<std::uint64_t>(bound));
  };
  for (int i = 0; i < samples; ++i) {
    const std::int64_t n = below(desc_.n), k = below(desc_.k), p = below(desc_.p()),
                       q = below(desc_.q());
    double sum = 0, magnitude = 0;
    for (std::int64_t c = 0; c < cg; ++c) {
      for (std::int64_t r = 0; r < desc_.r; ++r) {
        const std::int64_t h = p * desc_.stride_h - desc_.pad_top + r * desc_.dilation_h;
        for (std::int64_t s = 0; s < desc_.s; ++s) {
          const std::int64_t w = q * desc_.stride_w - desc_.pad_left + s * desc_.dilation_w;
          if (h < 0 || h >= desc_.h || w < 0 || w >= desc_.w) continue;
          const double product = value_at(x_, n, k / kg * cg + c, h, w) * value_at(w_, k, c, r, s);
          sum += product, magnitude += std::fabs(product);
        }
      }
    }
    const double bias = x_.dtype() == DType::kF64 ? bias_.as<double>()[k]
                                                  : static_cast<double>(bias_.as<float>()[k]);
    const double error = std::fabs(value_at(y_, n, k, p, q) - (sum + bias));
    if (!(error >= 0)) return std::numeric_limits<double>::infinity();  // NaN
    worst = std::max(worst, error / (terms * u * (magnitude + std::fabs(bias)) + 1e-300));
  }
  return worst;
}

}  // namespace convoy::bench
