// One rectangle of a box copied: rows x columns elements of 1, 2, 4 or 8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace convoy::movement {

struct Block {
  const std::byte* in;
  std::byte* out;
  std::int64_t rows, columns;
  std::int64_t in_row, out_row;        // strides in elements
  std::int64_t in_column, out_column;  // strides in elements
};

// Columns consecutive on both sides.
void copy_runs(const Block& block, std::size_t element_bytes);
// in_row = 1 and out_column = 1.
void copy_transposed(const Block& block, std::size_t element_bytes);
// Any strides; a column stride of 0 on the operand's side fills.
void copy_elements(const Block& block, std::size_t element_bytes);

}  // namespace convoy::movement
