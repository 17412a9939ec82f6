// Scale and shift per channel behind a convolution or transposed convolution go into its weights
// and bias: batch normalisation, and additions and products with constants.
#include <algorithm>

#include "passes/affine.h"
#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

// Weights multiplied per output channel: k x c/groups x r x s, or c x k/groups x r x s.
ConstTensor scaled_weights(const Tensor& w, const std::vector<double>& scale, bool transposed,
                           std::int64_t groups) {
  const Shape& shape = w.shape();
  auto scaled = std::make_shared<Tensor>(DType::kF32, shape);
  const std::int64_t rows = shape[0], columns = shape[1], count = shape.elements();
  const std::int64_t taps = count == 0 ? 0 : count / (rows * columns);
  const std::int64_t rows_per_group = std::max<std::int64_t>(1, rows / groups);
  const float* from = w.as<float>();
  float* to = scaled->as<float>();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      const std::int64_t k = transposed ? row / rows_per_group * columns + column : row;
      const double factor = scale[static_cast<std::size_t>(k)];
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        *to++ = static_cast<float>(static_cast<double>(*from++) * factor);
      }
    }
  }
  return scaled;
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
  const AffineChain chain = affine_chain(editor, n, 1);
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
  const ConstTensor weights = scaled_weights(w, scale, transposed, groups);
  const std::string name = node.name;
  const ValueId input = node.inputs[0];
  const ValueId folded = editor.add_constant(name + ".weights", weights);
  const ValueId folded_bias = editor.add_constant(name + ".bias", make_f32({channels}, bias));
  editor.sink(n, chain.last, {input, folded, folded_bias});
  return true;
}

}  // namespace

int fold_batch_norm(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (editor.dead(n)) continue;
    if (fold_conv(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
