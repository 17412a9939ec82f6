// Operators that pass their operand on, or tell its shape.
#include <algorithm>

#include "graph/rules/rules.h"

namespace convoy::rules {

void infer_shape(NodeContext& context) {
  ShapeAttrs& attrs = context.attrs<ShapeAttrs>();
  const std::int64_t rank = context.shape(0).rank();
  const auto clamp = [rank](std::int64_t d) {
    return std::clamp<std::int64_t>(d < 0 ? d + rank : d, 0, rank);
  };
  attrs.start = clamp(attrs.start);
  attrs.end = std::max(attrs.start, clamp(attrs.end));
  context.set_output(0, DType::kS64, Shape{attrs.end - attrs.start});
}

void infer_identity(NodeContext& context) {
  context.set_output(0, context.dtype(0), context.shape(0));
}

}  // namespace convoy::rules
