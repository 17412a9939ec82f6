#include "kernels/matmul/matmul.h"

#include <string>

#include "base/error.h"

namespace convoy {
namespace {

void require(bool ok, const OpDesc& op, const std::string& what) {
  if (ok) return;
  fail(ErrorCode::kInvalidArgument, std::string(to_string(op.op)) + ": " + what + " for a " +
                                        to_string(op.inputs[kMatmulA].shape) + " and b " +
                                        to_string(op.inputs[kMatmulB].shape));
}

// Leading extents, all but the matrix's.
Shape batch_shape(const Shape& shape) {
  Shape batch;
  for (int axis = 0; axis + 2 < shape.rank(); ++axis) batch.push_back(shape[axis]);
  return batch;
}

// For each batch of `whole`, the index of the operand's matrix that broadcasts to it.
std::vector<std::int64_t> matrix_indices(const Shape& whole, const Shape& operand) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(whole.elements()));
  const int missing = whole.rank() - operand.rank();
  for (std::size_t batch = 0; batch < indices.size(); ++batch) {
    std::int64_t rest = static_cast<std::int64_t>(batch), index = 0, step = 1;
    for (int axis = whole.rank() - 1; axis >= missing; --axis) {
      const std::int64_t extent = operand[axis - missing];
      if (extent != 1) index += rest % whole[axis] * step;
      rest /= whole[axis];
      step *= extent;
    }
    indices[batch] = index;
  }
  return indices;
}

MatrixStrides matrix_strides(const Shape& shape, bool transposed) {
  const std::int64_t columns = shape[shape.rank() - 1];
  return transposed ? MatrixStrides{1, columns} : MatrixStrides{columns, 1};
}

// One shared b and rows that follow each other: the batches are more rows of one product.
void merge_batches(MatmulProblem& p) {
  if (p.b_count != 1 || p.a_count != p.batches() || p.batches() < 2) return;
  if (p.a.column != 1 || p.has_c) return;
  p.m *= p.batches();
  p.a_count = 1;
  p.a_index = p.b_index = {0};
}

MatmulProblem batched_problem(const OpDesc& op) {
  Shape a = op.inputs[kMatmulA].shape, b = op.inputs[kMatmulB].shape;
  require(a.rank() > 0 && b.rank() > 0, op, "a scalar operand");
  if (a.rank() == 1) a = Shape{1, a[0]};
  if (b.rank() == 1) b = Shape{b[0], 1};
  MatmulProblem p;
  p.m = a[a.rank() - 2];
  p.depth = a[a.rank() - 1];
  p.n = b[b.rank() - 1];
  require(b[b.rank() - 2] == p.depth, op, "depths differ");
  const Shape a_batch = batch_shape(a), b_batch = batch_shape(b);
  const Shape whole = broadcast(a_batch, b_batch);
  p.a_count = a_batch.elements();
  p.b_count = b_batch.elements();
  p.a_index = matrix_indices(whole, a_batch);
  p.b_index = matrix_indices(whole, b_batch);
  p.a = matrix_strides(a, false);
  p.b = matrix_strides(b, false);
  merge_batches(p);
  return p;
}

MatmulProblem gemm_problem(const OpDesc& op) {
  const auto& attrs = op.as<GemmAttrs>();
  const Shape& a = op.inputs[kMatmulA].shape;
  const Shape& b = op.inputs[kMatmulB].shape;
  require(a.rank() == 2 && b.rank() == 2, op, "operands must have rank 2");
  MatmulProblem p;
  p.m = a[attrs.transpose_a ? 1 : 0];
  p.depth = a[attrs.transpose_a ? 0 : 1];
  p.n = b[attrs.transpose_b ? 0 : 1];
  require(b[attrs.transpose_b ? 1 : 0] == p.depth, op, "depths differ");
  p.a_index = p.b_index = {0};
  p.a = matrix_strides(a, attrs.transpose_a);
  p.b = matrix_strides(b, attrs.transpose_b);
  p.alpha = attrs.alpha;
  p.beta = attrs.beta;
  p.activation = attrs.activation;
  if (op.present(kMatmulC)) {
    const Shape& c = op.inputs[kMatmulC].shape;
    require(c.rank() <= 2 && broadcast(c, Shape{p.m, p.n}) == Shape{p.m, p.n}, op,
            "c of shape " + to_string(c) + " does not broadcast");
    p.has_c = true;
    const std::int64_t columns = c.rank() > 0 ? c[c.rank() - 1] : 1;
    p.c.column = columns == 1 ? 0 : 1;
    p.c.row = c.rank() == 2 && c[0] != 1 ? columns : 0;
  }
  return p;
}

}  // namespace

MatmulProblem matmul_problem(const OpDesc& op) {
  require(op.present(kMatmulA) && op.present(kMatmulB) && op.outputs.size() == 1, op,
          "needs a, b and one output");
  MatmulProblem p = op.op == Op::kGemm ? gemm_problem(op) : batched_problem(op);
  const std::int64_t elements = p.batches() * p.m * p.n;
  require(op.outputs[0].elements() == elements, op,
          "output of shape " + to_string(op.outputs[0].shape));
  p.dtype = op.inputs[kMatmulA].dtype;
  p.uniform_dtype = op.outputs[0].dtype == p.dtype;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    if (op.present(i)) p.uniform_dtype &= op.inputs[i].dtype == p.dtype;
  }
  p.b_constant = op.inputs[kMatmulB].data;
  return p;
}

ImplementationList matmul_implementations(Op op) {
  static const std::vector<Implementation> matmul = {kMatmulBlocked, kMatmulReference};
  static const std::vector<Implementation> gemm = {kGemmBlocked, kGemmReference};
  return op == Op::kGemm ? gemm : matmul;
}

}  // namespace convoy
