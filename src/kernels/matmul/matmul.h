// Matrix products as their kernels see them: MatMul (batched, broadcasting) and Gemm are one form,
//   y[batch] = activation(alpha * a[batch] * b[batch] + beta * c)
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/registry.h"

namespace convoy {

enum MatmulInput : std::size_t { kMatmulA = 0, kMatmulB = 1, kMatmulC = 2 };

// Element (i, j) of a matrix lies at i * row + j * column elements.
struct MatrixStrides {
  std::int64_t row = 0, column = 0;
};

struct MatmulProblem {
  DType dtype = DType::kF32;
  bool uniform_dtype = true;
  std::int64_t m = 0, n = 0, depth = 0;        // m x depth times depth x n
  std::vector<std::int64_t> a_index, b_index;  // per batch: which matrix of the operand, in order
  std::int64_t a_count = 1, b_count = 1;       // matrices in each operand
  MatrixStrides a, b, c;                       // c broadcasts with zeros
  bool has_c = false;
  float alpha = 1, beta = 1;
  Unary activation;
  const void* b_constant = nullptr;  // null unless known when planning

  std::int64_t batches() const { return static_cast<std::int64_t>(a_index.size()); }
};

// Throws kInvalidArgument when the operands' shapes make no product.
MatmulProblem matmul_problem(const OpDesc& op);

extern const Implementation kMatmulBlocked, kGemmBlocked;      // blocked.cc
extern const Implementation kMatmulReference, kGemmReference;  // reference.cc

}  // namespace convoy
