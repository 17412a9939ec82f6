// The definition: one stage after the other, sums in double (or exact integers), each map rounded
// to the module's type as if it had been stored.
#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/unary_reference.h"
#include "kernels/element.h"
#include "kernels/fused/entries.h"

namespace convoy {
namespace {

// f32 operations rounded one by one, as FusedConvAttrs defines them; volatile keeps the compiler
// from contracting a product and a sum.
float multiply(float a, float b) {
  volatile float product = a * b;
  return product;
}

template <class T>
T requantised(float real, float y_scale) {
  const float steps = std::nearbyint(multiply(real, 1.0f / y_scale));
  if (std::isnan(steps)) return T(0);
  return static_cast<T>(std::clamp(steps, -128.0f, 127.0f));
}

// T: of x and y. Acc: of sums, double or std::int64_t.
template <class T, class Acc>
class Reference final : public Kernel {
 public:
  explicit Reference(FusedProblem problem) : problem_(std::move(problem)) {}

  void run(const RunArgs& args) const override {
    // Maps between stages lie in the workspace in turn, in NCHW.
    T* const between[] = {reinterpret_cast<T*>(args.workspace.data()),
                          reinterpret_cast<T*>(args.workspace.data()) + most_elements(problem_)};
    const T* x = args.inputs[kFusedX].as<T>();
    Layout x_layout = problem_.x_layout;
    const std::size_t stages = problem_.stages.size();
    for (std::size_t i = 0; i < stages; ++i) {
      const bool last = i + 1 == stages;
      T* y = last ? args.outputs[0].as<T>() : between[i % 2];
      const Layout y_layout = last ? problem_.y_layout : Layout::kNchw;
      run_stage(args, i, x, x_layout, y, y_layout);
      x = y, x_layout = y_layout;
    }
  }

  // Of the largest map between two stages.
  static std::int64_t most_elements(const FusedProblem& problem) {
    std::int64_t most = 0;
    for (std::size_t i = 0; i + 1 < problem.stages.size(); ++i) {
      most = std::max(most, conv_y_shape(problem.stages[i].desc).elements());
    }
    return most;
  }

 private:
  static constexpr bool kQuantised = std::is_same_v<Acc, std::int64_t>;

  void run_stage(const RunArgs& args, std::size_t i, const T* x, Layout x_layout, T* y,
                 Layout y_layout) const {
    const ConvDesc& d = problem_.stages[i].desc;
    const Strides from = strides_of(conv_x_shape(d), x_layout);
    const Strides to = strides_of(conv_y_shape(d), y_layout);
    const std::int64_t rows = d.p(), columns = d.q();
    args.pool.parallel_for(d.n * d.k * rows, [&](std::int64_t task, int) {
      const std::int64_t p = task % rows, k = task / rows % d.k, n = task / rows / d.k;
      for (std::int64_t q = 0; q < columns; ++q) {
        const Acc sum = accumulate(args, i, x, from, n, k, p, q);
        y[n * to[0] + k * to[1] + p * to[2] + q * to[3]] = finish(args, i, sum, n, k, p, q);
      }
    });
  }

  Acc accumulate(const RunArgs& args, std::size_t i, const T* x, const Strides& from,
                 std::int64_t n, std::int64_t k, std::int64_t p, std::int64_t q) const {
    const ConvDesc& d = problem_.stages[i].desc;
    const std::int64_t channels = d.c / d.groups, first = k / (d.k / d.groups) * channels;
    const T* taps = args.inputs[fused_w(i)].as<T>() + k * channels * d.r * d.s;
    Acc sum = 0;
    for (std::int64_t r = 0; r < d.r; ++r) {
      const std::int64_t h = p * d.stride_h - d.pad_top + r * d.dilation_h;
      if (h < 0 || h >= d.h) continue;
      for (std::int64_t s = 0; s < d.s; ++s) {
        const std::int64_t w = q * d.stride_w - d.pad_left + s * d.dilation_w;
        if (w < 0 || w >= d.w) continue;
        const T* pixel = x + n * from[0] + first * from[1] + h * from[2] + w * from[3];
        for (std::int64_t c = 0; c < channels; ++c) {
          sum += static_cast<Acc>(pixel[c * from[1]]) *
                 static_cast<Acc>(taps[(c * d.r + r) * d.s + s]);
        }
      }
    }
    return sum;
  }

  T finish(const RunArgs& args, std::size_t i, Acc sum, std::int64_t n, std::int64_t k,
           std::int64_t p, std::int64_t q) const {
    using Residual = Epilogue::Residual;
    const FusedStage& stage = problem_.stages[i];
    const Residual when = i + 1 == problem_.stages.size() ? problem_.residual : Residual::kNone;
    T residual = T(0);
    if (when != Residual::kNone) {
      const Strides at = strides_of(conv_y_shape(stage.desc), problem_.residual_layout);
      residual = args.inputs[fused_residual(problem_.stages.size())]
                     .as<T>()[n * at[0] + k * at[1] + p * at[2] + q * at[3]];
    }
    const TensorView& bias = args.inputs[fused_bias(i)];
    if constexpr (kQuantised) {
      if (stage.has_bias) sum += bias.as<std::int32_t>()[k];
      const float scale = args.inputs[fused_scale(i)].as<float>()[k];
      const float added = multiply(problem_.residual_scale, static_cast<float>(residual));
      float real = multiply(scale, static_cast<float>(sum));
      if (when == Residual::kBeforeActivation) real += added;
      real = static_cast<float>(unary_reference(stage.activation, static_cast<double>(real)));
      if (when == Residual::kAfterActivation) real += added;
      return requantised<T>(real, stage.y_scale);
    } else {
      double value = sum;
      if (stage.has_bias) value += static_cast<double>(bias.as<T>()[k]);
      if (when == Residual::kBeforeActivation) value += static_cast<double>(residual);
      value = unary_reference(stage.activation, value);
      if (when == Residual::kAfterActivation) value += static_cast<double>(residual);
      return static_cast<T>(value);
    }
  }

  FusedProblem problem_;
};

bool strided(Layout layout) { return layout != Layout::kChwn8; }

Support supports(const OpDesc& op, const DeviceDesc&) {
  const FusedProblem problem = fused_problem(op);
  if (!is_float(problem.dtype) && problem.dtype != DType::kS8) {
    return Support::no("computes floating point and s8, x is " +
                       std::string(to_string(problem.dtype)));
  }
  if (!strided(problem.x_layout) || !strided(problem.y_layout) ||
      !strided(problem.residual_layout)) {
    return Support::no("walks strides, which chwn8 has none of");
  }
  return Support::yes();
}

std::size_t workspace(const OpDesc& op, const DeviceDesc&) {
  const FusedProblem problem = fused_problem(op);
  return 2 * size_of(problem.dtype) *
         static_cast<std::size_t>(Reference<float, double>::most_elements(problem));
}

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(op, device);
  const FusedProblem problem = fused_problem(op);
  for (const FusedStage& stage : problem.stages) {
    estimate.flops += static_cast<double>(stage.desc.flops());
  }
  estimate.workspace_bytes = workspace(op, device);
  // One multiply-add at a time, through four strides: as conv.reference.
  constexpr double kFlopsPerSecond = 5e8;
  estimate.seconds = std::max(estimate.seconds, estimate.flops / kFlopsPerSecond / device.threads);
  return estimate;
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc&) {
  FusedProblem problem = fused_problem(op);
  switch (problem.dtype) {
    case DType::kF64:
      return std::make_unique<Reference<double, double>>(std::move(problem));
    case DType::kF16:
      return std::make_unique<Reference<F16, double>>(std::move(problem));
    case DType::kBF16:
      return std::make_unique<Reference<BF16, double>>(std::move(problem));
    case DType::kS8:
      return std::make_unique<Reference<std::int8_t, std::int64_t>>(std::move(problem));
    default:
      return std::make_unique<Reference<float, double>>(std::move(problem));
  }
}

}  // namespace

const Implementation kFusedReference = {
    .name = "fused.reference",
    .supports = supports,
    .workspace = workspace,
    .estimate = estimate,
    .prepare = prepare,
};

}  // namespace convoy
