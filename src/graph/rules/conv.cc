// Convolution and transposed convolution.
#include <algorithm>

#include "graph/rules/rules.h"
#include "graph/rules/window.h"

namespace convoy::rules {
namespace {

// What both share: float operands of one type, a weight of x's rank, groups that divide it.
void check_operands(const NodeContext& context, std::int64_t groups) {
  context.require_float(0);
  context.require_same_dtype(0, 1);
  const Shape x = context.shape(0);
  const Shape w = context.shape(1);
  if (w.rank() != x.rank()) {
    invalid("the weight's rank differs from the input's: " + context.describe(1) + " and " +
            context.describe(0));
  }
  if (x.rank() < 3) return;  // refused with the windows
  for (int axis = 0; axis < w.rank(); ++axis) {
    if (w[axis] == 0) invalid("the weight is empty: " + context.describe(1));
  }
  if (groups < 1 || groups > kMaxWindowNumber) {
    invalid("groups is " + std::to_string(groups) + ", expected 1 to 2^31");
  }
}

void check_divisible(const char* what, std::int64_t channels, std::int64_t groups) {
  if (channels % groups == 0) return;
  invalid(std::string(what) + " " + std::to_string(channels) + " are not divisible by groups " +
          std::to_string(groups));
}

void check_bias(const NodeContext& context, std::int64_t k) {
  if (!context.has(2)) return;
  context.require_same_dtype(0, 2);
  if (context.shape(2) == Shape{k}) return;
  invalid("the bias must hold one element per output channel (" + std::to_string(k) + "), found " +
          context.describe(2));
}

Pair kernel_of(const Shape& w) { return w.rank() == 3 ? Pair{1, w[2]} : Pair{w[2], w[3]}; }

struct TransposedExtents {
  std::int64_t in, span, stride, padding;
  // Outputs under no padding: the sum of a 64-bit product that windows have bounded.
  std::int64_t full() const { return (in - 1) * stride + span + padding; }
};

// The output's extent along one axis; sets the window's pads, and the output padding where an
// explicit extent exceeds what the windows cover.
std::int64_t resolve_transposed(Window& window, AutoPad auto_pad, std::int64_t wanted,
                                std::int64_t& output_padding) {
  const TransposedExtents extents{window.in, window.span(), window.stride, output_padding};
  const bool same = auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower;
  if (wanted < 0 && same) wanted = window.in * window.stride;
  if (wanted >= 0) {
    const std::int64_t total = extents.full() - wanted;
    distribute_pads(std::max<std::int64_t>(0, total), auto_pad == AutoPad::kSameUpper,
                    window.pad_begin, window.pad_end);
    if (total < 0) output_padding -= total;
    return wanted;
  }
  if (auto_pad == AutoPad::kValid) window.pad_begin = window.pad_end = 0;
  return extents.full() - window.pad_begin - window.pad_end;
}

void check_output_padding(const Window& window, std::int64_t output_padding) {
  // As in PyTorch, a dilation above the stride also leaves room.
  if (output_padding >= 0 && output_padding < std::max(window.stride, window.dilation)) return;
  invalid("output_padding along " + std::string(window.axis) + " is " +
          std::to_string(output_padding) + ", expected 0 to less than the stride " +
          std::to_string(window.stride));
}

}  // namespace

void infer_conv(NodeContext& context) {
  ConvAttrs& attrs = context.attrs<ConvAttrs>();
  check_operands(context, attrs.groups);
  const Shape x = context.shape(0);
  const Shape w = context.shape(1);
  Windows windows = make_windows(context, kernel_of(w), attrs.stride, attrs.dilation, attrs.pads);
  check_divisible("the input's channels", x[1], attrs.groups);
  check_divisible("the weight's output channels", w[0], attrs.groups);
  if (w[1] != x[1] / attrs.groups) {
    invalid("the weight has " + std::to_string(w[1]) + " input channels, expected " +
            std::to_string(x[1]) + " / groups " + std::to_string(attrs.groups) + " = " +
            std::to_string(x[1] / attrs.groups) + ": " + context.describe(1));
  }
  check_bias(context, w[0]);
  windows.h.resolve(attrs.auto_pad);
  windows.w.resolve(attrs.auto_pad);
  attrs.pads = windows.pads();
  attrs.auto_pad = AutoPad::kNotSet;
  const Shape y = feature_map(x, w[0], windows.h.outputs(false), windows.w.outputs(false));
  if (context.has(3)) {
    context.require_same_dtype(0, 3);
    if (!(context.shape(3) == y)) {
      invalid("the residual must have the result's shape " + to_string(y) + ", found " +
              context.describe(3));
    }
  }
  context.set_output(0, context.dtype(0), y);
}

void infer_conv_transpose(NodeContext& context) {
  ConvTransposeAttrs& attrs = context.attrs<ConvTransposeAttrs>();
  check_operands(context, attrs.groups);
  const Shape x = context.shape(0);
  const Shape w = context.shape(1);
  Windows windows = make_windows(context, kernel_of(w), attrs.stride, attrs.dilation, attrs.pads);
  check_divisible("the input's channels", x[1], attrs.groups);
  if (w[0] != x[1]) {
    invalid("the weight has " + std::to_string(w[0]) + " input channels, expected " +
            std::to_string(x[1]) + ": " + context.describe(1));
  }
  const std::int64_t k = checked_mul(w[1], attrs.groups, "output channels");
  check_bias(context, k);
  check_output_padding(windows.h, attrs.output_padding[0]);
  check_output_padding(windows.w, attrs.output_padding[1]);

  Pair wanted{-1, -1};
  if (!attrs.output_shape.empty()) {
    const auto spatial = static_cast<std::size_t>(x.rank() - 2);
    if (attrs.output_shape.size() != spatial) {
      invalid("output_shape has " + std::to_string(attrs.output_shape.size()) +
              " extents, expected " + std::to_string(spatial));
    }
    for (std::int64_t extent : attrs.output_shape) {
      if (extent < 1 || extent > kMaxWindowNumber) {
        invalid("output_shape holds " + std::to_string(extent) + ", expected 1 to 2^31");
      }
    }
    wanted = {spatial == 1 ? 1 : attrs.output_shape.front(), attrs.output_shape.back()};
  }
  const std::int64_t p =
      resolve_transposed(windows.h, attrs.auto_pad, wanted[0], attrs.output_padding[0]);
  const std::int64_t q =
      resolve_transposed(windows.w, attrs.auto_pad, wanted[1], attrs.output_padding[1]);
  if (p < 1 || q < 1) {
    invalid("the pads leave no output: " + std::to_string(p) + " x " + std::to_string(q));
  }
  attrs.pads = windows.pads();
  attrs.auto_pad = AutoPad::kNotSet;
  attrs.output_shape.clear();
  context.set_output(0, context.dtype(0), feature_map(x, k, p, q));
}

}  // namespace convoy::rules
