// conv(x) + x is a convolution of x: the shortcut is one more in the tap that meets the same pixel
// of the same channel. x then has one reader fewer, often one, and can stay in registers.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "passes/affine.h"
#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

// The tap of a filter of `taps` that reads position i for output i, if there is one.
std::optional<std::int64_t> centre(std::int64_t taps, std::int64_t dilation, std::int64_t pad) {
  if (pad % dilation != 0 || pad / dilation >= taps) return std::nullopt;
  return pad / dilation;
}

// Weights k x c/groups x r x s, k = c, with one more at tap (row, column) of each channel's own
// filter.
ConstTensor with_identity(const Tensor& weights, std::int64_t row, std::int64_t column) {
  const Shape& shape = weights.shape();
  auto sum = std::make_shared<Tensor>(DType::kF32, shape);
  const std::int64_t per_group = shape[1], taps = shape[2] * shape[3];
  const float* from = weights.as<float>();
  std::copy(from, from + shape.elements(), sum->as<float>());
  for (std::int64_t k = 0; k < shape[0]; ++k) {
    const std::int64_t i = (k * per_group + k % per_group) * taps + row * shape[3] + column;
    sum->as<float>()[i] = static_cast<float>(static_cast<double>(from[i]) + 1);
  }
  return sum;
}

// Whether node `n` is a convolution, and nothing more, whose result `add` alone reads.
bool plain_conv(Editor& editor, int n, int add) {
  if (n < 0 || !has_constant_weights(editor, n)) return false;
  const Node& node = editor.node(n);
  if (node.op != Op::kConv || editor.sole_consumer(node.outputs[0]) != add) return false;
  const auto& attrs = node.as<ConvAttrs>();
  return attrs.auto_pad == AutoPad::kNotSet && attrs.stride == Pair{1, 1} &&
         attrs.epilogue.activation.kind == UnaryKind::kIdentity &&
         attrs.epilogue.residual == Epilogue::Residual::kNone;
}

bool fold(Editor& editor, int n) {
  const Node& add = editor.node(n);
  if (add.op != Op::kBinary || add.as<BinaryAttrs>().kind != BinaryKind::kAdd ||
      add.as<BinaryAttrs>().activation.kind != UnaryKind::kIdentity) {
    return false;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const ValueId x = add.inputs[1 - i];
    const int conv = editor.producer(add.inputs[i], Op::kConv);
    if (!plain_conv(editor, conv, n) || editor.node(conv).inputs[0] != x) continue;
    const Node& node = editor.node(conv);
    const auto& attrs = node.as<ConvAttrs>();
    const Tensor& weights = *editor.value(node.inputs[1]).constant;
    const Shape& shape = weights.shape();
    if (shape.rank() != 4 || !(editor.shape(x) == editor.shape(node.outputs[0]))) continue;
    const auto row = centre(shape[2], attrs.dilation[0], attrs.pads.top);
    const auto column = centre(shape[3], attrs.dilation[1], attrs.pads.left);
    if (!row || !column) continue;
    std::vector<ValueId> inputs = node.inputs;
    inputs[1] = editor.add_constant(node.name + ".weights", with_identity(weights, *row, *column));
    editor.sink(conv, n, std::move(inputs));
    return true;
  }
  return false;
}

}  // namespace

int fold_shortcuts(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (!editor.dead(n) && fold(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
