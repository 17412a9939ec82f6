// Normalisations and softmax.
#include <cmath>

#include "graph/rules/rules.h"

namespace convoy::rules {
namespace {

void check_epsilon(float epsilon) {
  if (epsilon >= 0 && std::isfinite(epsilon)) return;
  invalid("epsilon is " + std::to_string(epsilon) + ", expected a finite number of at least 0");
}

}  // namespace

void infer_batch_norm(NodeContext& context) {
  check_epsilon(context.attrs<NormAttrs>().epsilon);
  context.require_float(0);
  const Shape x = context.shape(0);
  if (x.rank() < 2) invalid(context.describe(0) + " has no channel dimension");
  for (std::size_t i = 1; i <= 4; ++i) {
    context.require_same_dtype(0, i);
    if (!(context.shape(i) == Shape{x[1]})) {
      invalid(context.describe(i) + " must hold one element per channel (" + std::to_string(x[1]) +
              ")");
    }
  }
  context.set_output(0, context.dtype(0), x);
}

void infer_layer_norm(NodeContext& context) {
  NormAttrs& attrs = context.attrs<NormAttrs>();
  check_epsilon(attrs.epsilon);
  context.require_float(0);
  const Shape x = context.shape(0);
  attrs.axis = normalize_axis(attrs.axis, x.rank(), "the first normalised axis");
  const Shape normalised(x.dims().subspan(static_cast<std::size_t>(attrs.axis)));
  for (std::size_t i = 1; i <= 2; ++i) {
    if (i == 2 && !context.has(i)) continue;
    context.require_same_dtype(0, i);
    if (!(broadcast(normalised, context.shape(i)) == normalised)) {
      invalid(context.describe(i) + " does not broadcast to the normalised " +
              to_string(normalised));
    }
  }
  context.set_output(0, context.dtype(0), x);
}

void infer_softmax(NodeContext& context) {
  AxisAttrs& attrs = context.attrs<AxisAttrs>();
  context.require_float(0);
  const Shape x = context.shape(0);
  attrs.axis = normalize_axis(attrs.axis, x.rank(), "softmax");
  context.set_output(0, context.dtype(0), x);
}

}  // namespace convoy::rules
