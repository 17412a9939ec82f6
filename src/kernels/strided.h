// Walking tensors by strides: what lets one reference kernel serve every layout and broadcast.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/tensor.h"

namespace convoy {

// Strides of `x` as an index of `result` sees them: aligned at the last dimension, 0 where x is
// broadcast.
inline Strides broadcast_strides(const TensorView& x, const Shape& result) {
  const Strides own = strides_of(x.shape, x.layout);
  Strides strides{};
  const int lead = result.rank() - x.shape.rank();
  for (int axis = 0; axis < x.shape.rank(); ++axis) {
    if (x.shape[axis] != 1) {
      strides[static_cast<std::size_t>(axis + lead)] = own[static_cast<std::size_t>(axis)];
    }
  }
  return strides;
}

// Calls f(offsets) for every index of `shape` in row-major order, offsets[i] being where strides[i]
// puts it.
template <std::size_t kCount, class F>
void for_each_offset(const Shape& shape, const std::array<Strides, kCount>& strides, F&& f) {
  std::array<std::int64_t, kMaxRank> index{};
  std::array<std::int64_t, kCount> offset{};
  const int rank = shape.rank();
  for (std::int64_t left = shape.elements(); left > 0; --left) {
    f(offset);
    for (int axis = rank - 1; axis >= 0; --axis) {
      const auto a = static_cast<std::size_t>(axis);
      for (std::size_t i = 0; i < kCount; ++i) offset[i] += strides[i][a];
      if (++index[a] < shape[axis]) break;
      for (std::size_t i = 0; i < kCount; ++i) offset[i] -= strides[i][a] * shape[axis];
      index[a] = 0;
    }
  }
}

}  // namespace convoy
