// How a box is copied fast: its loops merged and ordered, the two inner ones given to one of three
// methods, and the whole cut into pieces that threads take.
#pragma once

#include "kernels/movement/box.h"

namespace convoy::movement {

// A piece is about this many bytes: its operand and its result fit the first cache together.
inline constexpr std::int64_t kPieceBytes = 16 << 10;

struct BoxPlan {
  enum class Method : std::uint8_t {
    kRuns,       // columns are consecutive on both sides
    kTranspose,  // columns are consecutive in the result, rows in the operand
    kElements,   // anything else
  };
  Method method = Method::kRuns;
  Box outer;    // the loops around the inner two, and the offsets
  Loop row;     // second innermost
  Loop column;  // innermost
  std::int64_t rows_per_piece = 1, columns_per_piece = 1;
  std::int64_t row_pieces = 1, column_pieces = 1;
  std::int64_t pieces = 0;  // of all outer iterations
};

BoxPlan plan_box(const Box& box, std::size_t element_bytes);

}  // namespace convoy::movement
