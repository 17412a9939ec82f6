// cuBLAS, opened at run time: single-precision matrix products in strict f32.
#pragma once

#include <cuda.h>

#include <cstdint>
#include <memory>
#include <string>

#include "cuda/device.h"

namespace convoy::cuda {

// Why cuBLAS cannot be used; empty when it can.
std::string blas_missing();

// C = op(A) * op(B), column-major, for `batch` products whose matrices lie `*_stride` elements
// apart. op(A) is m x k, op(B) k x n, C m x n; the *_rows are elements from column to column.
struct MatrixProduct {
  bool transpose_a = false, transpose_b = false;
  int m = 0, n = 0, k = 0;
  int a_rows = 0, b_rows = 0, c_rows = 0;
  std::int64_t a_stride = 0, b_stride = 0, c_stride = 0;
  int batch = 1;
};

// cuBLAS on one device.
class Blas {
 public:
  // Created on first use and kept for the process. Throws kDevice when cuBLAS is missing or refuses
  // the device.
  static const Blas& get(const Device& device);

  // Enqueues; products enqueued from several threads take turns.
  void multiply(const MatrixProduct& product, const float* a, const float* b, float* c,
                CUstream stream) const;

  explicit Blas(const Device& device);
  ~Blas();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace convoy::cuda
