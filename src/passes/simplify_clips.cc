// Every form of limiting becomes one Relu or Clip: the Clip operator with known bounds, Min and Max
// with a constant, and chains of them.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Limits {
  double low = -kInf, high = kInf;
  ValueId x = kNoValue;
};

std::optional<Limits> of_clip(const Graph& graph, const Node& node) {
  Limits limits{-kInf, kInf, node.inputs[0]};
  for (std::size_t i : {1, 2}) {
    if (node.input(i) == kNoValue) continue;
    const auto bound = splat(graph, node.input(i));
    if (!bound || std::isnan(*bound)) return std::nullopt;
    (i == 1 ? limits.low : limits.high) = *bound;
  }
  return limits;
}

std::optional<Limits> of_unary(const Node& node) {
  const Unary& f = node.as<Unary>();
  if (f.kind == UnaryKind::kRelu) return Limits{0, kInf, node.inputs[0]};
  if (f.kind != UnaryKind::kClip) return std::nullopt;
  return Limits{static_cast<double>(f.alpha), static_cast<double>(f.beta), node.inputs[0]};
}

std::optional<Limits> of_binary(Editor& editor, const Node& node) {
  const auto& attrs = node.as<BinaryAttrs>();
  const bool max = attrs.kind == BinaryKind::kMax;
  if ((!max && attrs.kind != BinaryKind::kMin) || attrs.activation.kind != UnaryKind::kIdentity) {
    return std::nullopt;
  }
  for (std::size_t i : {0, 1}) {
    const ValueId x = node.inputs[i];
    const auto bound = splat(editor.graph(), node.inputs[1 - i]);
    if (!bound || std::isnan(*bound) || !(editor.shape(x) == editor.shape(node.outputs[0])))
      continue;
    return max ? Limits{*bound, kInf, x} : Limits{-kInf, *bound, x};
  }
  return std::nullopt;
}

std::optional<Limits> limits_of(Editor& editor, int n) {
  const Node& node = editor.node(n);
  if (node.outputs.size() != 1 || !is_f32(editor.graph(), node.outputs[0])) return std::nullopt;
  switch (node.op) {
    case Op::kClip:
      return of_clip(editor.graph(), node);
    case Op::kUnary:
      return of_unary(node);
    case Op::kBinary:
      return of_binary(editor, node);
    default:
      return std::nullopt;
  }
}

// The outer limits applied to what the inner ones let through.
Limits compose(const Limits& inner, const Limits& outer) {
  const auto clamp = [&](double v) { return std::min(std::max(v, outer.low), outer.high); };
  return {clamp(inner.low), clamp(inner.high), inner.x};
}

}  // namespace

int simplify_clips(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (editor.dead(n)) continue;
    std::optional<Limits> limits = limits_of(editor, n);
    if (!limits) continue;
    const bool spelled_out = editor.node(n).op != Op::kUnary;
    const int before = editor.producer(limits->x);
    bool merged = false;
    if (before >= 0 && editor.sole_use(limits->x)) {
      if (const auto inner = limits_of(editor, before)) {
        limits = compose(*inner, *limits);
        merged = true;
      }
    }
    const bool relu = limits->low == 0 && limits->high == kInf;
    const bool is_relu = !spelled_out && editor.node(n).as<Unary>().kind == UnaryKind::kRelu;
    if (!spelled_out && !merged && relu == is_relu) continue;
    // A lone Min or Max with another constant is one pass over memory either way.
    if (editor.node(n).op == Op::kBinary && !merged && !relu) continue;
    const Unary f = relu ? Unary{UnaryKind::kRelu}
                         : Unary{UnaryKind::kClip, static_cast<float>(limits->low),
                                 static_cast<float>(limits->high)};
    editor.rewrite(n, Op::kUnary, f, {limits->x});
    editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
