// Matrix products.
#include "graph/rules/rules.h"

namespace convoy::rules {
namespace {

void check_inner(const NodeContext& context, std::int64_t a, std::int64_t b) {
  if (a == b) return;
  invalid("inner extents differ, " + std::to_string(a) + " and " + std::to_string(b) + ": " +
          context.describe(0) + " times " + context.describe(1));
}

}  // namespace

// numpy's matmul: a vector on the left is a row, on the right a column, and the added dimension
// is dropped from the result; leading dimensions broadcast.
void infer_matmul(NodeContext& context) {
  context.require_same_dtype(0, 1);
  const Shape a = context.shape(0);
  const Shape b = context.shape(1);
  if (a.rank() == 0 || b.rank() == 0) invalid("a scalar has no matrix product");
  const bool row = a.rank() == 1;
  const bool column = b.rank() == 1;
  check_inner(context, a[a.rank() - 1], column ? b[0] : b[b.rank() - 2]);
  const auto batch_of = [](const Shape& s) {
    return s.rank() <= 2 ? Shape{} : Shape(s.dims().first(static_cast<std::size_t>(s.rank() - 2)));
  };
  Shape y = broadcast(batch_of(a), batch_of(b));
  if (!row) y.push_back(a[a.rank() - 2]);
  if (!column) y.push_back(b[b.rank() - 1]);
  context.set_output(0, context.dtype(0), y);
}

void infer_gemm(NodeContext& context) {
  const GemmAttrs& attrs = context.attrs<GemmAttrs>();
  context.require_same_dtype(0, 1);
  const Shape a = context.shape(0);
  const Shape b = context.shape(1);
  for (std::size_t i : {0, 1}) {
    if (context.shape(i).rank() != 2) invalid(context.describe(i) + " must be a matrix");
  }
  check_inner(context, a[attrs.transpose_a ? 0 : 1], b[attrs.transpose_b ? 1 : 0]);
  const Shape y{a[attrs.transpose_a ? 1 : 0], b[attrs.transpose_b ? 0 : 1]};
  if (context.has(2)) {
    context.require_same_dtype(0, 2);
    if (!(broadcast(y, context.shape(2)) == y)) {
      invalid(context.describe(2) + " does not broadcast to the result's " + to_string(y));
    }
  }
  context.set_output(0, context.dtype(0), y);
}

}  // namespace convoy::rules
