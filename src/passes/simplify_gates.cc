// y + y * g becomes y * (g + 1) where g is one gate per channel: squeeze-and-excite with a shortcut
// then passes over the map once.
#include <utility>

#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

bool plain(const Node& node, BinaryKind kind) {
  return node.op == Op::kBinary && node.as<BinaryAttrs>().kind == kind &&
         node.as<BinaryAttrs>().activation.kind == UnaryKind::kIdentity;
}

// The gate when `product` is y * gate, read once, with a gate much smaller than y; else kNoValue.
ValueId gate_of(Editor& editor, ValueId product, ValueId y) {
  const int mul = editor.producer(product, Op::kBinary);
  if (mul < 0 || !plain(editor.node(mul), BinaryKind::kMul) || !editor.sole_use(product)) {
    return kNoValue;
  }
  const Node& node = editor.node(mul);
  if (node.inputs[0] != y && node.inputs[1] != y) return kNoValue;
  const ValueId gate = node.inputs[node.inputs[0] == y ? 1 : 0];
  const bool small = editor.shape(gate).elements() * 4 <= editor.shape(y).elements();
  return small && editor.shape(product) == editor.shape(y) ? gate : kNoValue;
}

bool simplify(Editor& editor, int add) {
  if (!plain(editor.node(add), BinaryKind::kAdd) ||
      !is_f32(editor.graph(), editor.node(add).outputs[0])) {
    return false;
  }
  for (std::size_t i : {0, 1}) {
    const ValueId y = editor.node(add).inputs[i];
    const ValueId gate = gate_of(editor, editor.node(add).inputs[1 - i], y);
    if (gate == kNoValue) continue;
    const Shape shape = editor.shape(gate);
    const std::string name = editor.node(add).name;
    const ValueId raised = editor.add_value(name + ".gate", DType::kF32, shape);
    Node plus_one;
    plus_one.op = Op::kBinary;
    plus_one.attrs = BinaryAttrs{BinaryKind::kAdd, {}};
    plus_one.name = name + ".gate";
    plus_one.inputs = {gate, editor.add_constant(name + ".one", make_f32(Shape{}, {1}))};
    plus_one.outputs = {raised};
    editor.insert_before(add, std::move(plus_one));
    editor.rewrite(add, Op::kBinary, BinaryAttrs{BinaryKind::kMul, {}}, {y, raised});
    return true;
  }
  return false;
}

}  // namespace

int simplify_gates(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  const int nodes = editor.size();
  for (int n = 0; n < nodes; ++n) {
    if (!editor.dead(n) && simplify(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
