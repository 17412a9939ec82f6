// Elementwise operators.
#include <cmath>
#include <limits>

#include "graph/rules/rules.h"

namespace convoy::rules {
namespace {

// One bound of a clip: `open` when absent. Rank 0 or one element.
double clip_bound(const NodeContext& context, std::size_t i, const char* what, double open) {
  if (!context.has(i)) return open;
  const auto values = context.numbers(i, what);
  if (values.size() != 1) invalid(context.describe(i) + " must hold one element");
  if (std::isnan(values[0])) invalid(context.describe(i) + " is NaN");
  return values[0];
}

bool is_comparison(BinaryKind kind) {
  return kind == BinaryKind::kEqual || kind == BinaryKind::kLess ||
         kind == BinaryKind::kLessOrEqual || kind == BinaryKind::kGreater ||
         kind == BinaryKind::kGreaterOrEqual;
}

bool is_logical(BinaryKind kind) { return kind == BinaryKind::kAnd || kind == BinaryKind::kOr; }

void require_bool(const NodeContext& context, std::size_t i, bool expected) {
  if ((context.dtype(i) == DType::kBool) == expected) return;
  invalid(context.describe(i) + (expected ? " must be bool" : " must be a numeric tensor"));
}

}  // namespace

void infer_unary(NodeContext& context) {
  const UnaryKind kind = context.attrs<Unary>().kind;
  if (kind != UnaryKind::kIdentity) require_bool(context, 0, kind == UnaryKind::kNot);
  context.set_output(0, context.dtype(0), context.shape(0));
}

void infer_clip(NodeContext& context) {
  require_bool(context, 0, false);
  const auto is_known = [&](std::size_t i) { return !context.has(i) || context.constant(i); };
  for (std::size_t i : {1, 2}) {
    if (context.has(i)) context.require_same_dtype(0, i);
  }
  context.set_output(0, context.dtype(0), context.shape(0));
  if (!is_known(1) || !is_known(2)) return;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double least = clip_bound(context, 1, "the least value", -kInfinity);
  const double most = clip_bound(context, 2, "the greatest value", kInfinity);
  if (least > most) {
    invalid("min " + std::to_string(least) + " is above max " + std::to_string(most));
  }
  // The attributes are f32: wider types keep their operands.
  if (!is_float(context.dtype(0)) || context.dtype(0) == DType::kF64) return;
  Node& node = context.node();
  node.op = Op::kUnary;
  node.attrs = Unary{UnaryKind::kClip, static_cast<float>(least), static_cast<float>(most)};
  node.inputs.resize(1);
}

void infer_binary(NodeContext& context) {
  const BinaryKind kind = context.attrs<BinaryAttrs>().kind;
  if (kind != BinaryKind::kPow) context.require_same_dtype(0, 1);
  for (std::size_t i : {0, 1}) {
    if (kind != BinaryKind::kEqual) require_bool(context, i, is_logical(kind));
  }
  const Shape y = broadcast(context.shape(0), context.shape(1));
  if (kind == BinaryKind::kPrelu && !(y == context.shape(0))) {
    invalid("the slope must broadcast to " + context.describe(0) + ", found " +
            context.describe(1));
  }
  context.set_output(0, is_comparison(kind) ? DType::kBool : context.dtype(0), y);
}

void infer_where(NodeContext& context) {
  require_bool(context, 0, true);
  context.require_same_dtype(1, 2);
  const Shape y = broadcast(context.shape(0), broadcast(context.shape(1), context.shape(2)));
  context.set_output(0, context.dtype(1), y);
}

void infer_cast(NodeContext& context) {
  context.set_output(0, context.attrs<CastAttrs>().to, context.shape(0));
}

}  // namespace convoy::rules
