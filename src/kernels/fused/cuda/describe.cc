#include "kernels/fused/cuda/describe.h"

#include <limits>

#include "kernels/conv/cuda/operands.h"

namespace convoy::fused_cuda {
namespace {

bool plain(convoy::Layout layout) {
  return layout == convoy::Layout::kNchw || layout == convoy::Layout::kNhwc;
}

Layout of(convoy::Layout layout) {
  return layout == convoy::Layout::kNchw ? Layout::kNchw : Layout::kNhwc;
}

Element element_of(const FusedProblem& problem) {
  switch (problem.dtype) {
    case DType::kF16:
      return Element::kF16;
    case DType::kBF16:
      return Element::kBf16;
    case DType::kS8:
      return Element::kS8;
    default:
      return problem.precision == Precision::kSplit ? Element::kF32Split : Element::kF32;
  }
}

// The enumerators of both lists stand in one order, but for kNot at the end.
static_assert(static_cast<int>(UnaryKind::kSign) == static_cast<int>(Activation::kSign));
static_assert(static_cast<int>(UnaryKind::kMish) == static_cast<int>(Activation::kMish));
static_assert(static_cast<int>(Epilogue::Residual::kAfterActivation) ==
              static_cast<int>(Residual::kAfterActivation));

Stage of(const FusedStage& stage) {
  return {.present = true,
          .bias = stage.has_bias,
          .activation = static_cast<Activation>(stage.activation.kind),
          .alpha = stage.activation.alpha,
          .beta = stage.activation.beta,
          .inverse_y_scale = 1.0f / stage.y_scale};
}

std::string literal(float value) { return conv_cuda::float_literal(value); }
std::string literal(int value) { return std::to_string(value); }
std::string literal(bool value) { return value ? "true" : "false"; }
template <class Enum>
std::string literal(const char* type, Enum value) {
  return "convoy::fused_cuda::" + std::string(type) + "(" +
         std::to_string(static_cast<int>(value)) + ")";
}
std::string literal(const Stage& s) {
  return "{" + literal(s.present) + "," + literal(s.bias) + "," +
         literal("Activation", s.activation) + "," + literal(s.alpha) + "," + literal(s.beta) +
         "," + literal(s.inverse_y_scale) + "}";
}

}  // namespace

Support supports(const FusedProblem& problem, const DeviceDesc& device) {
  const bool known = problem.dtype == DType::kF32 || problem.dtype == DType::kF16 ||
                     problem.dtype == DType::kBF16 || problem.dtype == DType::kS8;
  if (!known) {
    return Support::no("computes f32, f16, bf16 and s8, x is " +
                       std::string(to_string(problem.dtype)));
  }
  if (problem.dtype == DType::kBF16 && device.cuda.compute_major < 8) {
    return Support::no("bf16 needs sm_80, the device is " + device.cuda.arch);
  }
  if (problem.precision == Precision::kSplit && device.cuda.compute_major < 8) {
    return Support::no(
        "f32 in parts needs tensor cores for tf32 and with them sm_80, the device is " +
        device.cuda.arch);
  }
  if (!module_of(problem)) {
    return Support::no(
        "needs a depthwise convolution, a pointwise one, or dwpw, pwdw, pwpw or "
        "pwdwpw with strides in the depthwise alone");
  }
  if (!plain(problem.x_layout) || !plain(problem.y_layout)) {
    return Support::no("needs x and y in nchw or nhwc");
  }
  if (problem.has_residual() && problem.residual_layout != problem.y_layout) {
    return Support::no("needs y and residual in one layout");
  }
  if (!problem.constant_operands) return Support::no("needs constant weights, biases and scales");
  for (const FusedStage& stage : problem.stages) {
    const ConvDesc& d = stage.desc;
    if (stage.activation.kind == UnaryKind::kNot) {
      return Support::no("'not' is no activation of numbers");
    }
    // Sums of a depthwise in s8 are whole numbers in f32.
    if (problem.dtype == DType::kS8 && stage.is_depthwise() && d.r * d.s > 1023) {
      return Support::no("sums at most 1023 taps in s8, the filter is " + std::to_string(d.r) +
                         " x " + std::to_string(d.s));
    }
    // Channels, pixels of an image and padded coordinates are ints, and so are weights' offsets.
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max() / 64;
    const Shape counted[] = {{d.n, 1},       {d.h, d.w},    {d.p(), d.q()}, {d.c, 1},
                             {d.k, 1},       {d.r, d.s},    {d.stride_h},   {d.stride_w},
                             {d.padded_h()}, {d.padded_w()}};
    if (!conv_cuda::counts_within(counted, kMost)) {
      return Support::no("counts pixels and channels in 32 bits, fewer than " + to_string(d) +
                         " needs");
    }
  }
  return Support::yes();
}

Module describe(const FusedProblem& problem) {
  const auto i = [](std::int64_t value) { return static_cast<int>(value); };
  const ConvDesc& x = problem.first();
  const ConvDesc& y = problem.last();
  Module m{.element = element_of(problem),
           .n = i(x.n),
           .c = i(x.c),
           .h = i(x.h),
           .w = i(x.w),
           .mid_c = i(x.c),
           .mid_h = i(x.h),
           .mid_w = i(x.w),
           .filtered_c = i(x.c),
           .k = i(y.k),
           .p = i(y.p()),
           .q = i(y.q()),
           .r = 1,
           .s = 1,
           .stride_h = 1,
           .stride_w = 1,
           .dilation_h = 1,
           .dilation_w = 1,
           .pad_top = 0,
           .pad_left = 0,
           .project_stride_h = 1,
           .project_stride_w = 1,
           .x_layout = of(problem.x_layout),
           .y_layout = of(problem.y_layout),
           .residual = static_cast<Residual>(problem.residual),
           .residual_scale = problem.residual_scale};
  for (std::size_t at = 0; at < problem.stages.size(); ++at) {
    const FusedStage& stage = problem.stages[at];
    const ConvDesc& d = stage.desc;
    if (stage.is_depthwise()) {
      m.depthwise = of(stage);
      m.mid_c = i(d.c), m.mid_h = i(d.h), m.mid_w = i(d.w);
      m.filtered_c = i(d.k);
      m.r = i(d.r), m.s = i(d.s);
      m.stride_h = i(d.stride_h), m.stride_w = i(d.stride_w);
      m.dilation_h = i(d.dilation_h), m.dilation_w = i(d.dilation_w);
      m.pad_top = i(d.pad_top), m.pad_left = i(d.pad_left);
    } else if (at == 0 && problem.stages.size() > 1) {
      m.expand = of(stage);
      m.mid_c = m.filtered_c = i(d.k);
    } else {
      m.project = of(stage);
      m.project_stride_h = i(d.stride_h), m.project_stride_w = i(d.stride_w);
    }
  }
  return m;
}

std::string constants(const Module& m, const Tile& t) {
  std::string out = "constexpr convoy::fused_cuda::Module kModule{" + literal("Element", m.element);
  for (const int value : {m.n,
                          m.c,
                          m.h,
                          m.w,
                          m.mid_c,
                          m.mid_h,
                          m.mid_w,
                          m.filtered_c,
                          m.k,
                          m.p,
                          m.q,
                          m.r,
                          m.s,
                          m.stride_h,
                          m.stride_w,
                          m.dilation_h,
                          m.dilation_w,
                          m.pad_top,
                          m.pad_left,
                          m.project_stride_h,
                          m.project_stride_w}) {
    out += "," + literal(value);
  }
  out += "," + literal("Layout", m.x_layout) + "," + literal("Layout", m.y_layout) + "," +
         literal("Residual", m.residual) + "," + literal(m.residual_scale) + "," +
         literal(m.expand) + "," + literal(m.depthwise) + "," + literal(m.project) + "};\n";
  out += "constexpr convoy::fused_cuda::Tile kTile{";
  for (const int value :
       {t.rows, t.columns, t.outputs, t.middle, t.inputs, t.warps_pixels, t.warps_outputs,
        t.warps_sums, t.blocks_sums, t.expand_warps_pixels, t.strip, t.strip_rows, t.blocks}) {
    out += literal(value) + ",";
  }
  return out + literal(t.stage_weights) + "," + literal(t.walks) + "};\n";
}

}  // namespace convoy::fused_cuda
