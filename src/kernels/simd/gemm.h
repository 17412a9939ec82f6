// Blocked single-precision matrix multiplication, y = a * b with a fused epilogue: the arithmetic
// of pointwise convolutions and of matrix products. Nothing here allocates (but the packing of
// constants) or knows of threads: callers cut the rows and the panels of y among their tasks.
#pragma once

#include <cstdint>

#include "base/op.h"

namespace convoy {

// What happens to element (i, j) of a product before it is stored:
//   y = activation(scale * acc + column_bias[j] + row_bias[i] [+ addend[i][j]]) [+ addend[i][j]]
// Pointers are those of the first row and column of the block; null where a term is absent.
struct GemmEpilogue {
  float scale = 1;
  const float* column_bias = nullptr;
  const float* row_bias = nullptr;
  const float* addend = nullptr;
  std::int64_t addend_row = 0;     // elements between rows of the addend; 0 broadcasts one row
  std::int64_t addend_column = 1;  // 1, or 0 to broadcast one column
  float addend_scale = 1;
  bool addend_after = false;  // added after the activation
  Unary activation;
};

// Rows of a times panels [panel_begin, panel_end) of b, into y. Row i of a starts at a + i * lda.
struct GemmBlock {
  const float* a = nullptr;
  std::int64_t lda = 0;
  std::int64_t rows = 0;
  std::int64_t depth = 0;
  // Packed: what pack() made. Otherwise depth rows of `columns` values, ldb elements apart.
  const float* b = nullptr;
  std::int64_t ldb = 0;
  std::int64_t columns = 0;  // of the whole of b and y
  std::int64_t panel_begin = 0, panel_end = 0;
  float* y = nullptr;  // element (0, 0) of the rows given
  std::int64_t ldy = 0;
  GemmEpilogue epilogue;
};

// The functions compiled for one instruction set. A panel is a group of columns of b, a few vectors
// wide; in packed form the panels follow each other, each depth x (its vectors' lanes), the last
// columns padded with zeros.
struct GemmKernels {
  const char* target;  // "AVX3"
  std::int64_t lanes;  // floats per vector

  std::int64_t (*panels)(std::int64_t columns);
  std::int64_t (*panel_column)(std::int64_t columns, std::int64_t panel);  // its first column
  std::int64_t (*packed_elements)(std::int64_t depth, std::int64_t columns);
  // Rows of y that stay in registers at a time, while the panel is walked along its depth.
  std::int64_t (*tile_rows)(std::int64_t columns, std::int64_t panel);
  // Packs panels [begin, end) of b[kk * row_stride + j * column_stride] into the whole buffer's
  // start `packed`, which must be 64-byte aligned.
  void (*pack)(const float* b, std::int64_t row_stride, std::int64_t column_stride,
               std::int64_t depth, std::int64_t columns, std::int64_t begin, std::int64_t end,
               float* packed);
  void (*packed)(const GemmBlock& block);
  void (*unpacked)(const GemmBlock& block);
};

// Those of the best instruction set of this machine. Keep the reference: packed data belong to it.
const GemmKernels& gemm_kernels();

}  // namespace convoy
