// The definition of the operator, accumulated in double: every other implementation, of this cell
// and of the depthwise and pointwise cells, is tested against it.
#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "base/unary_reference.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/entries.h"

namespace convoy {
namespace {

// Where element (n, c, h, w) lies, for every layout.
class Indexer {
 public:
  Indexer(const Shape& shape, Layout layout) : blocked_(layout == Layout::kChwn8) {
    if (blocked_) {
      block_ = shape[1] * shape[2] * shape[3] * 8;
      strides_ = {1, shape[2] * shape[3] * 8, shape[3] * 8, 8};
    } else {
      strides_ = strides_of(shape, layout);
    }
  }
  std::int64_t operator()(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) const {
    const std::int64_t spatial = c * strides_[1] + h * strides_[2] + w * strides_[3];
    return spatial + (blocked_ ? n / 8 * block_ + n % 8 : n * strides_[0]);
  }
  std::int64_t stride(std::size_t axis) const { return strides_[axis]; }

 private:
  bool blocked_;
  std::int64_t block_ = 0;
  Strides strides_{};
};

// Range of filter taps whose input coordinate start + tap * dilation lies in [0, extent).
struct Taps {
  std::int64_t begin, end;
  Taps(std::int64_t start, std::int64_t dilation, std::int64_t taps, std::int64_t extent) {
    begin = start >= 0 ? 0 : std::min(taps, (-start + dilation - 1) / dilation);
    end = extent <= start ? begin : std::min(taps, (extent - start + dilation - 1) / dilation);
    end = std::max(begin, end);
  }
};

template <class T>
class Reference final : public Kernel {
 public:
  explicit Reference(const ConvProblem& problem)
      : problem_(problem),
        x_(conv_x_shape(problem.desc), problem.x_layout),
        w_(conv_w_shape(problem.desc), Layout::kNchw),
        y_(conv_y_shape(problem.desc), problem.y_layout),
        residual_(conv_y_shape(problem.desc), problem.residual_layout) {}

  void run(const RunArgs& args) const override {
    const ConvDesc& d = problem_.desc;
    const std::int64_t p_extent = d.p(), q_extent = d.q();
    args.pool.parallel_for(d.n * d.k * p_extent, [&](std::int64_t task, int) {
      const std::int64_t p = task % p_extent, k = task / p_extent % d.k, n = task / p_extent / d.k;
      for (std::int64_t q = 0; q < q_extent; ++q) {
        const double value = finish(args, accumulate(args, n, k, p, q), n, k, p, q);
        args.outputs[0].as<T>()[y_(n, k, p, q)] = static_cast<T>(value);
      }
    });
  }

 private:
  double accumulate(const RunArgs& args, std::int64_t n, std::int64_t k, std::int64_t p,
                    std::int64_t q) const {
    const ConvDesc& d = problem_.desc;
    const T* x = args.inputs[kConvX].as<T>();
    const T* w = args.inputs[kConvW].as<T>();
    const std::int64_t channels = d.c / d.groups, first = k / (d.k / d.groups) * channels;
    const std::int64_t top = p * d.stride_h - d.pad_top, left = q * d.stride_w - d.pad_left;
    const Taps rows(top, d.dilation_h, d.r, d.h), columns(left, d.dilation_w, d.s, d.w);
    const std::int64_t step = d.dilation_w * x_.stride(3);
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t r = rows.begin; r < rows.end; ++r) {
        const T* row = x + x_(n, first + c, top + r * d.dilation_h, 0) + left * x_.stride(3);
        const T* taps = w + w_(k, c, r, 0);
        for (std::int64_t s = columns.begin; s < columns.end; ++s) {
          sum += static_cast<double>(row[s * step]) * static_cast<double>(taps[s]);
        }
      }
    }
    return sum;
  }

  double finish(const RunArgs& args, double sum, std::int64_t n, std::int64_t k, std::int64_t p,
                std::int64_t q) const {
    const Epilogue& epilogue = problem_.epilogue;
    if (problem_.has_bias) sum += static_cast<double>(args.inputs[kConvBias].as<T>()[k]);
    const double residual =
        problem_.has_residual
            ? static_cast<double>(args.inputs[kConvResidual].as<T>()[residual_(n, k, p, q)])
            : 0;
    if (epilogue.residual == Epilogue::Residual::kBeforeActivation) sum += residual;
    sum = unary_reference(epilogue.activation, sum);
    if (epilogue.residual == Epilogue::Residual::kAfterActivation) sum += residual;
    return sum;
  }

  ConvProblem problem_;
  Indexer x_, w_, y_, residual_;
};

Support supports(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  if (problem.dtype != DType::kF32 && problem.dtype != DType::kF64) {
    return Support::no("computes f32 and f64, x is " + std::string(to_string(problem.dtype)));
  }
  if (!problem.uniform_dtype) return Support::no("needs operands of one data type");
  return Support::yes();
}

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(op, device);
  estimate.flops = static_cast<double>(conv_problem(op).desc.flops());
  // One multiply-add at a time, through four strides, and a scalar epilogue: measured, AVX-512
  // core.
  constexpr double kFlopsPerSecond = 1e9;
  constexpr double kSecondsPerOutput = 2e-8;
  const double outputs = static_cast<double>(op.outputs[0].elements());
  estimate.seconds =
      std::max(estimate.seconds,
               (estimate.flops / kFlopsPerSecond + outputs * kSecondsPerOutput) / device.threads);
  return estimate;
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  if (problem.dtype == DType::kF64) return std::make_unique<Reference<double>>(problem);
  return std::make_unique<Reference<float>>(problem);
}

}  // namespace

const Implementation kConvReference = {
    .name = "conv.reference",
    .supports = supports,
    .workspace = no_workspace,
    .estimate = estimate,
    .prepare = prepare,
};

}  // namespace convoy
