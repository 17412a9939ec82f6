// Scale and shift per channel in front of a convolution go into its weights and bias. What is left
// of batch normalisation after that becomes a product and a sum.
#include "passes/affine.h"
#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

bool padded(const ConvAttrs& attrs) {
  return !(attrs.pads == Pads{}) || attrs.auto_pad == AutoPad::kSameUpper ||
         attrs.auto_pad == AutoPad::kSameLower;
}

// One step into convolution `n`. A shift does not pass padding: the border is zero after it, not
// before.
bool fold(Editor& editor, int n) {
  if (!has_constant_weights(editor, n) || editor.node(n).op != Op::kConv) return false;
  const Node& node = editor.node(n);
  const auto& attrs = node.as<ConvAttrs>();
  if (!editor.sole_use(node.inputs[0])) return false;
  const auto affine = read_affine(editor, editor.producer(node.inputs[0]), 1);
  if (!affine || !affine->finite() || (affine->shifts() && padded(attrs))) return false;

  const Tensor& w = *editor.value(node.inputs[1]).constant;
  const Shape shape = w.shape();  // k x c/groups x r x s
  const std::int64_t count = shape.elements(),
                     taps = shape[0] * shape[1] == 0 ? 0 : count / (shape[0] * shape[1]);
  const std::int64_t rows_per_group = shape[0] / attrs.groups;
  std::vector<double> weights(static_cast<std::size_t>(count));
  std::vector<double> bias = bias_of(editor, n, static_cast<std::size_t>(shape[0]));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t k = i / (shape[1] * taps);
    const auto c = static_cast<std::size_t>(k / rows_per_group * shape[1] + i / taps % shape[1]);
    const auto tap = static_cast<double>(w.as<float>()[i]);
    weights[static_cast<std::size_t>(i)] = tap * affine->scale[c];
    bias[static_cast<std::size_t>(k)] += tap * affine->shift[c];
  }
  const ConstTensor folded = make_f32(shape, weights);
  const std::string name = node.name;
  const bool needs_bias = affine->shifts() || node.input(2) != kNoValue;
  std::vector<ValueId> inputs = node.inputs;
  inputs.resize(std::max<std::size_t>(inputs.size(), needs_bias ? 3 : 2), kNoValue);
  inputs[0] = affine->x;
  inputs[1] = editor.add_constant(name + ".weights", folded);
  if (needs_bias) inputs[2] = editor.add_constant(name + ".bias", make_f32({shape[0]}, bias));
  const Attrs same = editor.node(n).attrs;
  editor.rewrite(n, Op::kConv, same, std::move(inputs));
  return true;
}

// Batch normalisation that met no convolution: x * scale + shift.
bool expand_batch_norm(Editor& editor, int n) {
  if (editor.node(n).op != Op::kBatchNorm) return false;
  const auto affine = read_affine(editor, n, 1);
  if (!affine || !affine->finite()) return false;
  const Shape shape = editor.shape(affine->x);
  Shape channels = shape;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis != 1) channels[axis] = 1;
  }
  const std::string name = editor.node(n).name;
  const ValueId scale = editor.add_constant(name + ".scale", make_f32(channels, affine->scale));
  const ValueId shift = editor.add_constant(name + ".shift", make_f32(channels, affine->shift));
  const ValueId scaled = editor.add_value(name + ".scaled", DType::kF32, shape);
  Node mul;
  mul.op = Op::kBinary;
  mul.attrs = BinaryAttrs{BinaryKind::kMul, {}};
  mul.name = name + ".scale";
  mul.inputs = {affine->x, scale};
  mul.outputs = {scaled};
  editor.insert_before(n, std::move(mul));
  editor.rewrite(n, Op::kBinary, BinaryAttrs{BinaryKind::kAdd, {}}, {scaled, shift});
  return true;
}

}  // namespace

int fold_into_next(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  const int nodes = editor.size();
  for (int n = 0; n < nodes; ++n) {
    while (!editor.dead(n) && fold(editor, n)) editor.changed();
  }
  for (int n = 0; n < nodes; ++n) {
    if (!editor.dead(n) && expand_batch_norm(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
