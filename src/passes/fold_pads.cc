// Zero padding in front of a convolution becomes the convolution's own.
#include <algorithm>
#include <optional>

#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

// What a Pad node adds around the image; nothing when it pads with anything but zeros, cuts, or
// pads batch or channels.
std::optional<Pads> spatial_zeros(Editor& editor, const Node& node) {
  const Graph& graph = editor.graph();
  if (node.as<PadAttrs>().mode != PadAttrs::Mode::kConstant) return std::nullopt;
  if (node.input(2) != kNoValue && splat(graph, node.input(2)) != 0) return std::nullopt;
  const int rank = editor.shape(node.inputs[0]).rank();
  const auto amounts = integers(graph, node.input(1));
  auto axes = integers(graph, node.input(3));
  if (!amounts || (node.input(3) != kNoValue && !axes)) return std::nullopt;
  if (!axes) {
    axes.emplace();
    for (int axis = 0; axis < rank; ++axis) axes->push_back(axis);
  }
  Pads pads;
  for (std::size_t i = 0; i < axes->size(); ++i) {
    const int axis = normalize_axis((*axes)[i], rank, "axes");
    const std::int64_t before = (*amounts)[i], after = (*amounts)[axes->size() + i];
    if (before < 0 || after < 0) return std::nullopt;
    if (axis < 2) {
      if (before != 0 || after != 0) return std::nullopt;
    } else if (axis == rank - 1) {
      pads.left = before;
      pads.right = after;
    } else {
      pads.top = before;
      pads.bottom = after;
    }
  }
  return pads;
}

bool fold(Editor& editor, int n) {
  const Node& node = editor.node(n);
  if (node.op != Op::kConv || editor.shape(node.inputs[0]).rank() > 4) return false;
  auto attrs = node.as<ConvAttrs>();
  const ValueId padded = node.inputs[0];
  const int pad = editor.producer(padded, Op::kPad);
  if (pad < 0 || !editor.sole_use(padded) || !is_f32(editor.graph(), padded) ||
      (attrs.auto_pad != AutoPad::kNotSet && attrs.auto_pad != AutoPad::kValid)) {
    return false;
  }
  const auto zeros = spatial_zeros(editor, editor.node(pad));
  if (!zeros) return false;
  attrs.auto_pad = AutoPad::kNotSet;
  attrs.pads.top += zeros->top;
  attrs.pads.left += zeros->left;
  attrs.pads.bottom += zeros->bottom;
  attrs.pads.right += zeros->right;
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = editor.node(pad).inputs[0];
  editor.rewrite(n, Op::kConv, attrs, std::move(inputs));
  return true;
}

}  // namespace

int fold_pads(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (!editor.dead(n) && fold(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
