// The inner loops of the vectorised reductions.
#pragma once

#include <cstdint>

#include "base/op.h"

namespace convoy::reduce {

// The reduction of x[0, count), count > 0; any kind but kProd.
float reduce_row(ReduceAttrs::Kind kind, const float* x, std::int64_t count);

// y[i] = the reduction over r of x[r * stride + i], for i in [0, width) and r in [0, count).
struct Columns {
  const float* x;
  std::int64_t stride, count, width;
  float* y;
};
void reduce_columns(ReduceAttrs::Kind kind, const Columns& columns);

}  // namespace convoy::reduce
