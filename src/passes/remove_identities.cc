// Removes nodes that hand on their first operand unchanged.
#include <algorithm>

#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

bool all_positive(const Graph& graph, ValueId id) {
  const auto values = integers(graph, id);
  return values && std::all_of(values->begin(), values->end(), [](auto v) { return v > 0; });
}

bool all_zero(const Graph& graph, ValueId id) {
  const auto values = integers(graph, id);
  return values && std::all_of(values->begin(), values->end(), [](auto v) { return v == 0; });
}

// Only extents of 1 move past others: the elements stay where they are.
bool keeps_order(const Shape& x, std::vector<std::int64_t> perm) {
  if (perm.empty()) {
    for (int axis = x.rank() - 1; axis >= 0; --axis) perm.push_back(axis);
  }
  std::int64_t last = -1;
  for (std::int64_t axis : perm) {
    if (x[static_cast<int>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

// The operand that a binary node returns unchanged, or kNoValue: x + 0, x - 0, x * 1, x / 1, x ^ 1.
ValueId neutral_operand(const Graph& graph, const Node& node) {
  const auto& attrs = node.as<BinaryAttrs>();
  if (attrs.activation.kind != UnaryKind::kIdentity) return kNoValue;
  const auto is = [&](ValueId id, double v) { return splat(graph, id) == v; };
  const ValueId a = node.inputs[0], b = node.inputs[1];
  switch (attrs.kind) {
    case BinaryKind::kAdd:
      return is(b, 0) ? a : is(a, 0) ? b : kNoValue;
    case BinaryKind::kSub:
      return is(b, 0) ? a : kNoValue;
    case BinaryKind::kMul:
      return is(b, 1) ? a : is(a, 1) ? b : kNoValue;
    case BinaryKind::kDiv:
    case BinaryKind::kPow:
      return is(b, 1) ? a : kNoValue;
    default:
      return kNoValue;
  }
}

// Whether the result equals the first operand, given that its shape and type do.
bool hands_on(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kIdentity:
    case Op::kCast:
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
    case Op::kExpand:
    case Op::kTile:
      return true;
    case Op::kUnary:
      return node.as<Unary>().kind == UnaryKind::kIdentity;
    case Op::kSlice:  // a negative step reverses
      return node.input(4) == kNoValue || all_positive(graph, node.input(4));
    case Op::kPad:  // opposite pads shift
      return all_zero(graph, node.input(1));
    case Op::kTranspose:
      return keeps_order(*graph.value(node.inputs[0]).shape, node.as<TransposeAttrs>().perm);
    case Op::kConcat:
      return node.inputs.size() == 1;
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      return node.as<BlockAttrs>().block == 1;
    default:
      return false;
  }
}

}  // namespace

int remove_identities(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (editor.dead(n)) continue;
    const Node& node = editor.node(n);
    if (node.inputs.empty() || node.outputs.size() != 1) continue;
    ValueId source = node.inputs[0];
    if (node.op == Op::kBinary) {
      source = neutral_operand(graph, node);
    } else if (!hands_on(graph, node)) {
      continue;
    }
    const ValueId result = node.outputs[0];
    if (source == kNoValue || editor.value(source).dtype != editor.value(result).dtype ||
        !(editor.shape(source) == editor.shape(result))) {
      continue;
    }
    if (editor.bypass(n, source)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
