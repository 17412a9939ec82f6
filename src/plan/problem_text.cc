#include "plan/problem_text.h"

#include <cstdio>

#include "base/conv_desc.h"

namespace convoy {
namespace {

std::string number(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
  return text;
}

std::string activation_text(const Unary& unary) {
  if (unary.kind == UnaryKind::kIdentity) return {};
  std::string text = " " + std::string(to_string(unary.kind));
  if (unary.alpha != 0 || unary.beta != 0) {
    text += "(" + number(unary.alpha) + "," + number(unary.beta) + ")";
  }
  return text;
}

// The convolution of a map with that shape; one-dimensional maps are rows.
ConvDesc conv_of(const ConvAttrs& attrs, const Shape& x, const Shape& w) {
  const bool row = x.rank() == 3;
  return {.n = x[0],
          .c = x[1],
          .h = row ? 1 : x[2],
          .w = row ? x[2] : x[3],
          .k = w[0],
          .r = row ? 1 : w[2],
          .s = row ? w[2] : w[3],
          .stride_h = attrs.stride[0],
          .stride_w = attrs.stride[1],
          .dilation_h = attrs.dilation[0],
          .dilation_w = attrs.dilation[1],
          .pad_top = attrs.pads.top,
          .pad_left = attrs.pads.left,
          .pad_bottom = attrs.pads.bottom,
          .pad_right = attrs.pads.right,
          .groups = attrs.groups};
}

std::string residual_text(Epilogue::Residual residual) {
  if (residual == Epilogue::Residual::kNone) return {};
  return residual == Epilogue::Residual::kBeforeActivation ? " residual-then-activation"
                                                           : " residual";
}

std::string precision_text(Precision precision) {
  return precision == Precision::kSplit ? " f32_split" : "";
}

}  // namespace

std::string problem_text(const OpDesc& desc) {
  if (desc.op != Op::kConv && desc.op != Op::kFusedConv) return {};
  const TensorView& x = desc.inputs[0];
  std::string text = std::string(to_string(x.dtype)) + " " + std::string(to_string(x.layout)) +
                     ">" + std::string(to_string(desc.outputs[0].layout));
  const auto weights = [&](std::size_t w) {
    return std::string(desc.constant(w) ? "" : " variable-weights");
  };
  if (desc.op == Op::kConv) {
    const auto& attrs = desc.as<ConvAttrs>();
    return text + " " + to_string(conv_of(attrs, x.shape, desc.inputs[1].shape)) + weights(1) +
           (desc.present(2) ? " bias" : "") + activation_text(attrs.epilogue.activation) +
           residual_text(attrs.epilogue.residual) + precision_text(attrs.precision);
  }
  const auto& attrs = desc.as<FusedConvAttrs>();
  Shape map = x.shape;
  for (std::size_t i = 0; i < attrs.stages.size(); ++i) {
    const std::size_t w = 1 + 3 * i;
    const ConvAttrs& conv = attrs.stages[i].conv;
    const ConvDesc d = conv_of(conv, map, desc.inputs[w].shape);
    text += (i == 0 ? " " : " | ") + to_string(d) + weights(w) +
            (desc.present(w + 1) ? " bias" : "") + activation_text(conv.epilogue.activation) +
            precision_text(conv.precision);
    map = Shape{d.n, d.k, d.p(), d.q()};
  }
  return text + residual_text(attrs.residual);
}

}  // namespace convoy
