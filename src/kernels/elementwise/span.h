// Elementwise functions over contiguous f32 elements: the inner loops of the vectorised kernels.
#pragma once

#include <cstdint>

#include "base/op.h"

namespace convoy::elementwise {

// y[i] = f(x[i]) for i in [0, count). y may be x. kNot copies.
void apply_unary(const Unary& f, const float* x, float* y, std::int64_t count);

// One operand of a binary function: `step` 1 walks its elements, 0 repeats the first one.
struct BinarySpan {
  const float* a;
  const float* b;
  float* y;  // may be a or b where that one's step is 1
  std::int64_t a_step, b_step;
  std::int64_t count;
};

bool is_vectorised(BinaryKind kind);  // the arithmetic kinds but kPow
void apply_binary(BinaryKind kind, const BinarySpan& span);

}  // namespace convoy::elementwise
