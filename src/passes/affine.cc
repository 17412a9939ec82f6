#include "passes/affine.h"

#include <algorithm>
#include <cmath>

#include "passes/constants.h"

namespace convoy::passes {
namespace {

std::optional<Affine> of_batch_norm(Editor& editor, const Node& node, int axis) {
  // The training form also returns the batch's statistics.
  const auto present = [](ValueId v) { return v != kNoValue; };
  if (axis != 1 || std::count_if(node.outputs.begin(), node.outputs.end(), present) != 1) {
    return std::nullopt;
  }
  std::vector<std::vector<double>> constants;  // scale, bias, mean, variance
  const Shape channels{editor.shape(node.outputs[0])[1]};
  for (std::size_t i = 1; i < 5; ++i) {
    auto values = per_channel(editor.graph(), node.input(i), channels, 0);
    if (!values) return std::nullopt;
    constants.push_back(std::move(*values));
  }
  Affine affine{node.inputs[0], constants[0], constants[1]};
  const auto epsilon = static_cast<double>(node.as<NormAttrs>().epsilon);
  for (std::size_t c = 0; c < affine.scale.size(); ++c) {
    affine.scale[c] /= std::sqrt(constants[3][c] + epsilon);
    affine.shift[c] -= constants[2][c] * affine.scale[c];
  }
  return affine;
}

std::optional<Affine> of_binary(Editor& editor, const Node& node, int axis) {
  const auto& attrs = node.as<BinaryAttrs>();
  if (attrs.activation.kind != UnaryKind::kIdentity) return std::nullopt;
  const bool constant_first = is_constant(editor.graph(), node.inputs[0]);
  const ValueId x = node.inputs[constant_first ? 1 : 0];
  const Shape& result = editor.shape(node.outputs[0]);
  auto values = per_channel(editor.graph(), node.inputs[constant_first ? 0 : 1], result, axis);
  if (!values || is_constant(editor.graph(), x) || !(editor.shape(x) == result)) {
    return std::nullopt;
  }
  const std::vector<double> ones(values->size(), 1), zeros(values->size(), 0);
  switch (attrs.kind) {
    case BinaryKind::kAdd:
      return Affine{x, ones, std::move(*values)};
    case BinaryKind::kSub:
      if (constant_first) return Affine{x, std::vector<double>(values->size(), -1), *values};
      for (double& v : *values) v = -v;
      return Affine{x, ones, std::move(*values)};
    case BinaryKind::kMul:
      return Affine{x, std::move(*values), zeros};
    case BinaryKind::kDiv:
      if (constant_first) return std::nullopt;
      for (double& v : *values) v = 1 / v;
      return Affine{x, std::move(*values), zeros};
    default:
      return std::nullopt;
  }
}

}  // namespace

bool Affine::shifts() const {
  return std::any_of(shift.begin(), shift.end(), [](double v) { return v != 0; });
}

bool Affine::finite() const {
  const auto ok = [](double v) { return std::isfinite(v); };
  return std::all_of(scale.begin(), scale.end(), ok) && std::all_of(shift.begin(), shift.end(), ok);
}

std::optional<Affine> read_affine(Editor& editor, int n, int axis) {
  if (n < 0) return std::nullopt;
  const Node& node = editor.node(n);
  if (node.outputs[0] == kNoValue || !is_f32(editor.graph(), node.outputs[0]) ||
      editor.shape(node.outputs[0]).rank() <= axis) {
    return std::nullopt;
  }
  if (node.op == Op::kBatchNorm) return of_batch_norm(editor, node, axis);
  if (node.op == Op::kBinary) return of_binary(editor, node, axis);
  return std::nullopt;
}

Affine compose(const Affine& inner, const Affine& outer) {
  Affine both{inner.x, outer.scale, outer.shift};
  for (std::size_t c = 0; c < both.scale.size(); ++c) {
    both.scale[c] *= inner.scale[c];
    both.shift[c] += outer.scale[c] * inner.shift[c];
  }
  return both;
}

AffineChain affine_chain(Editor& editor, int n, int axis) {
  AffineChain chain;
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

bool has_constant_weights(Editor& editor, int n) {
  if (n < 0) return false;
  const Node& node = editor.node(n);
  if (node.op != Op::kConv && node.op != Op::kConvTranspose) return false;
  return is_f32_constant(editor.graph(), node.input(1)) &&
         (node.input(2) == kNoValue || is_f32_constant(editor.graph(), node.input(2)));
}

std::vector<double> bias_of(Editor& editor, int n, std::size_t channels) {
  const ValueId bias = editor.node(n).input(2);
  if (bias == kNoValue) return std::vector<double>(channels, 0);
  const float* p = editor.value(bias).constant->as<float>();
  return std::vector<double>(p, p + channels);
}

}  // namespace convoy::passes
