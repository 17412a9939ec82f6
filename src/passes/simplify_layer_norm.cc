// Layer normalisation spelled out (mean, difference, mean of squares, square root, quotient, scale,
// shift) becomes one kLayerNorm.
#include <optional>
#include <vector>

#include "base/error.h"
#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

bool plain(const Node& node, BinaryKind kind) {
  return node.op == Op::kBinary && node.as<BinaryAttrs>().kind == kind &&
         node.as<BinaryAttrs>().activation.kind == UnaryKind::kIdentity;
}

// First axis of a mean over all trailing axes, which must be kept as 1.
std::optional<int> trailing_mean_axis(Editor& editor, const Node& node) {
  const auto& attrs = node.as<ReduceAttrs>();
  if (attrs.kind != ReduceAttrs::Kind::kMean || !attrs.keep_dims || attrs.spatial) {
    return std::nullopt;
  }
  const auto axes = integers(editor.graph(), node.input(1));
  if (!axes || axes->empty()) return std::nullopt;
  const int rank = editor.shape(node.inputs[0]).rank();
  std::vector<bool> reduced(static_cast<std::size_t>(rank), false);
  for (std::int64_t axis : *axes) {
    reduced[static_cast<std::size_t>(normalize_axis(axis, rank, "axes"))] = true;
  }
  int first = rank;
  while (first > 0 && reduced[static_cast<std::size_t>(first - 1)]) --first;
  for (int axis = 0; axis < first; ++axis) {
    if (reduced[static_cast<std::size_t>(axis)]) return std::nullopt;
  }
  return first < rank ? std::optional(first) : std::nullopt;
}

struct Match {
  ValueId x = kNoValue;
  int axis = 0;
  double epsilon = 0;
};

// centred = x - mean(x): sets x and axis.
bool match_centred(Editor& editor, ValueId centred, Match& match) {
  const int sub = editor.producer(centred);
  if (sub < 0 || !plain(editor.node(sub), BinaryKind::kSub)) return false;
  const ValueId x = editor.node(sub).inputs[0];
  const int mean = editor.producer(editor.node(sub).inputs[1], Op::kReduce);
  if (mean < 0 || editor.node(mean).inputs[0] != x) return false;
  const auto axis = trailing_mean_axis(editor, editor.node(mean));
  if (!axis) return false;
  match.x = x;
  match.axis = *axis;
  return true;
}

// squares = centred^2 or centred * centred
bool is_square_of(Editor& editor, ValueId squares, ValueId centred) {
  const int n = editor.producer(squares);
  if (n < 0) return false;
  const Node& node = editor.node(n);
  if (plain(node, BinaryKind::kMul)) return node.inputs[0] == centred && node.inputs[1] == centred;
  return plain(node, BinaryKind::kPow) && node.inputs[0] == centred &&
         splat(editor.graph(), node.inputs[1]) == 2.0;
}

// deviation = sqrt(mean(centred^2) + epsilon), every step read once.
bool match_deviation(Editor& editor, ValueId deviation, ValueId centred, Match& match) {
  const int root = editor.producer(deviation, Op::kUnary);
  if (root < 0 || editor.node(root).as<Unary>().kind != UnaryKind::kSqrt) return false;
  const ValueId shifted = editor.node(root).inputs[0];
  const int add = editor.producer(shifted);
  if (add < 0 || !plain(editor.node(add), BinaryKind::kAdd)) return false;
  for (std::size_t i : {0, 1}) {
    const ValueId variance = editor.node(add).inputs[i];
    const auto epsilon = splat(editor.graph(), editor.node(add).inputs[1 - i]);
    const int mean = editor.producer(variance, Op::kReduce);
    if (!epsilon || mean < 0) continue;
    const ValueId squares = editor.node(mean).inputs[0];
    const auto axis = trailing_mean_axis(editor, editor.node(mean));
    match.epsilon = *epsilon;
    return axis && *axis == match.axis && is_square_of(editor, squares, centred) &&
           editor.sole_use(deviation) && editor.sole_use(shifted) && editor.sole_use(variance) &&
           editor.sole_use(squares);
  }
  return false;
}

// The operand beside `v` when node `n` is v * s or v + s with s of exactly the normalised shape.
ValueId affine_operand(Editor& editor, int n, BinaryKind kind, ValueId v, int axis) {
  if (n < 0 || !plain(editor.node(n), kind)) return kNoValue;
  const Node& node = editor.node(n);
  const ValueId other = node.inputs[0] == v ? node.inputs[1] : node.inputs[0];
  const Shape normalised(editor.shape(v).dims().subspan(static_cast<std::size_t>(axis)));
  return is_f32(editor.graph(), other) && editor.shape(other) == normalised ? other : kNoValue;
}

bool simplify(Editor& editor, int div) {
  if (!plain(editor.node(div), BinaryKind::kDiv)) return false;
  const ValueId centred = editor.node(div).inputs[0], deviation = editor.node(div).inputs[1];
  ValueId normal = editor.node(div).outputs[0];
  Match match;
  if (!is_f32(editor.graph(), normal) || !match_centred(editor, centred, match) ||
      !match_deviation(editor, deviation, centred, match)) {
    return false;
  }
  const int mul = editor.sole_consumer(normal);
  const ValueId scale = affine_operand(editor, mul, BinaryKind::kMul, normal, match.axis);
  if (scale == kNoValue) return false;
  const ValueId scaled = editor.node(mul).outputs[0];
  const int add = editor.sole_consumer(scaled);
  const ValueId bias = affine_operand(editor, add, BinaryKind::kAdd, scaled, match.axis);
  NormAttrs attrs;
  attrs.epsilon = static_cast<float>(match.epsilon);
  attrs.axis = match.axis;
  std::vector<ValueId> inputs{match.x, scale};
  if (bias != kNoValue) inputs.push_back(bias);
  editor.rewrite(bias == kNoValue ? mul : add, Op::kLayerNorm, attrs, std::move(inputs));
  return true;
}

}  // namespace

int simplify_layer_norm(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (!editor.dead(n) && simplify(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
