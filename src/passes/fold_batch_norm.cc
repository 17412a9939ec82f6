// Scale and shift per channel behind a convolution, transposed convolution, Gemm or MatMul go into
// its weights and bias: batch normalisation, and additions and products with constants.
#include <algorithm>

#include "passes/affine.h"
#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

struct Chain {
  Affine affine;
  int last = -1;  // the node whose output ends it; -1: nothing follows
};

// All the scaling and shifting that follows `n`, each step the only reader of the one before.
Chain following(Editor& editor, int n, int axis) {
  Chain chain;
  ValueId v = editor.node(n).outputs[0];
  while (true) {
    const int next = editor.sole_consumer(v);
    const auto step = read_affine(editor, next, axis);
    if (!step || step->x != v || !step->finite()) return chain;
    chain.affine = chain.last < 0 ? *step : compose(chain.affine, *step);
    chain.last = next;
    v = editor.node(next).outputs[0];
  }
}

// Weights multiplied per output channel: k x c/groups x r x s, or c x k/groups x r x s.
std::vector<double> scaled_weights(const Tensor& w, const std::vector<double>& scale,
                                   bool transposed, std::int64_t groups) {
  const Shape& shape = w.shape();
  const std::int64_t count = shape.elements(), rows = shape[0], columns = shape[1];
  const std::int64_t taps = rows * columns == 0 ? 0 : count / (rows * columns);
  const std::int64_t rows_per_group = std::max<std::int64_t>(1, rows / groups);
  std::vector<double> out(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = i / (columns * taps), column = i / taps % columns;
    const std::int64_t k = transposed ? row / rows_per_group * columns + column : row;
    out[static_cast<std::size_t>(i)] =
        static_cast<double>(w.as<float>()[i]) * scale[static_cast<std::size_t>(k)];
  }
  return out;
}

bool plain_conv(const Node& node) {
  if (node.op == Op::kConvTranspose) {
    return node.as<ConvTransposeAttrs>().activation.kind == UnaryKind::kIdentity;
  }
  const Epilogue& epilogue = node.as<ConvAttrs>().epilogue;
  return epilogue.activation.kind == UnaryKind::kIdentity &&
         epilogue.residual == Epilogue::Residual::kNone;
}

bool fold_conv(Editor& editor, int n) {
  if (!has_constant_weights(editor, n) || !plain_conv(editor.node(n))) return false;
  const Chain chain = following(editor, n, 1);
  if (chain.last < 0) return false;
  const Node& node = editor.node(n);
  const bool transposed = node.op == Op::kConvTranspose;
  const std::int64_t groups =
      transposed ? node.as<ConvTransposeAttrs>().groups : node.as<ConvAttrs>().groups;
  const Tensor& w = *editor.value(node.inputs[1]).constant;
  const auto& [x, scale, shift] = chain.affine;
  std::vector<double> bias = bias_of(editor, n, scale.size());
  for (std::size_t k = 0; k < bias.size(); ++k) bias[k] = bias[k] * scale[k] + shift[k];
  const auto channels = static_cast<std::int64_t>(scale.size());
  const ConstTensor weights = make_f32(w.shape(), scaled_weights(w, scale, transposed, groups));
  const std::string name = node.name;
  const ValueId input = node.inputs[0];
  const ValueId folded = editor.add_constant(name + ".weights", weights);
  const ValueId folded_bias = editor.add_constant(name + ".bias", make_f32({channels}, bias));
  editor.sink(n, chain.last, {input, folded, folded_bias});
  return true;
}

// a x b [+ c] with constant b (and c), two-dimensional: becomes or stays a Gemm.
bool fold_matrix(Editor& editor, int n) {
  const Node& node = editor.node(n);
  const bool gemm = node.op == Op::kGemm;
  if (!gemm && node.op != Op::kMatMul) return false;
  const Shape result = editor.shape(node.outputs[0]);
  const ValueId a = node.inputs[0], b = node.inputs[1], c = gemm ? node.input(2) : kNoValue;
  if (!is_f32_constant(editor.graph(), b) || editor.shape(b).rank() != 2 ||
      editor.shape(a).rank() != 2 || is_constant(editor.graph(), a)) {
    return false;
  }
  GemmAttrs attrs = gemm ? node.as<GemmAttrs>() : GemmAttrs{};
  if (attrs.activation.kind != UnaryKind::kIdentity) return false;
  std::vector<double> bias(static_cast<std::size_t>(result[1]), 0);
  if (c != kNoValue) {
    const auto values = per_channel(editor.graph(), c, result, 1);
    if (!values) return false;
    bias = *values;
  }
  const Chain chain = following(editor, n, 1);
  if (chain.last < 0) return false;
  const auto& [x, scale, shift] = chain.affine;
  const auto beta = static_cast<double>(attrs.beta);
  for (std::size_t k = 0; k < bias.size(); ++k) bias[k] = beta * bias[k] * scale[k] + shift[k];
  attrs.beta = 1;
  const Tensor& w = *editor.value(b).constant;
  std::vector<double> weights(w.as<float>(), w.as<float>() + w.shape().elements());
  const std::size_t columns = static_cast<std::size_t>(w.shape()[1]);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] *= scale[attrs.transpose_b ? i / columns : i % columns];
  }
  const ConstTensor folded = make_f32(w.shape(), weights);
  const std::string name = node.name;
  const ValueId new_b = editor.add_constant(name + ".weights", folded);
  const ValueId new_c = editor.add_constant(name + ".bias", make_f32({result[1]}, bias));
  editor.sink(n, chain.last, {a, new_b, new_c});
  editor.node(chain.last).op = Op::kGemm;
  editor.node(chain.last).attrs = attrs;
  return true;
}

}  // namespace

int fold_batch_norm(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (editor.dead(n)) continue;
    if (fold_conv(editor, n) || fold_matrix(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
