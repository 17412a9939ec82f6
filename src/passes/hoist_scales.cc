// s * f(conv(x)) becomes f'(s * conv(x)) for positive s, so that the scale can go into the weights:
// exact for functions that only stretch when their argument does.
#include <algorithm>
#include <optional>

#include "passes/affine.h"
#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

// f' with f'(s x) = s f(x).
std::optional<Unary> stretched(const Unary& f, const std::vector<double>& scale) {
  const double s = scale[0];
  const bool uniform = std::all_of(scale.begin(), scale.end(), [&](double v) { return v == s; });
  switch (f.kind) {
    case UnaryKind::kRelu:
    case UnaryKind::kLeakyRelu:
      return f;
    case UnaryKind::kClip:
      if (!uniform) return std::nullopt;
      return Unary{f.kind, static_cast<float>(s * static_cast<double>(f.alpha)),
                   static_cast<float>(s * static_cast<double>(f.beta))};
    case UnaryKind::kHardSwish:
      if (!uniform) return std::nullopt;
      return Unary{f.kind, static_cast<float>(static_cast<double>(f.alpha) / s), f.beta};
    default:
      return std::nullopt;
  }
}

// Whether `v` is a convolution's result, scaled and shifted at most, that nobody else reads.
bool comes_from_conv(Editor& editor, ValueId v) {
  while (editor.sole_use(v)) {
    const int n = editor.producer(v);
    if (has_constant_weights(editor, n)) return true;
    const auto affine = read_affine(editor, n, 1);
    if (!affine) return false;
    v = affine->x;
  }
  return false;
}

bool hoist(Editor& editor, int mul) {
  const auto affine = read_affine(editor, mul, 1);
  if (!affine || editor.node(mul).op != Op::kBinary || affine->shifts() || !affine->finite()) {
    return false;
  }
  const auto positive = [](double s) { return s > 1e-6 && s < 1e6; };
  if (!std::all_of(affine->scale.begin(), affine->scale.end(), positive)) return false;
  const int function = editor.producer(affine->x, Op::kUnary);
  if (function < 0 || !editor.sole_use(affine->x)) return false;
  const auto f = stretched(editor.node(function).as<Unary>(), affine->scale);
  const ValueId conv_result = editor.node(function).inputs[0];
  if (!f || !comes_from_conv(editor, conv_result)) return false;

  // The two nodes change places: the first now scales, the second applies the function.
  std::vector<ValueId> operands = editor.node(mul).inputs;
  std::replace(operands.begin(), operands.end(), affine->x, conv_result);
  const Attrs scaling = editor.node(mul).attrs;
  editor.rewrite(mul, Op::kUnary, *f, {affine->x});
  editor.rewrite(function, Op::kBinary, scaling, operands);
  std::swap(editor.node(mul).name, editor.node(function).name);
  std::swap(editor.node(mul).onnx_type, editor.node(function).onnx_type);
  return true;
}

}  // namespace

int hoist_scales(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (!editor.dead(n) && hoist(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
