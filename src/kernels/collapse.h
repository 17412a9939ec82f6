// Loops over tensors made as few and as long as their strides allow: what lets one fast kernel
// serve every layout and broadcast.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/tensor.h"

namespace convoy {

// Nested loops, the innermost last; strides[i][axis] is how far tensor i moves.
template <std::size_t kCount>
struct LoopNest {
  Shape extents;
  std::array<Strides, kCount> strides{};

  // Where iteration `index`, counted over the first `loops` loops, finds each tensor.
  std::array<std::int64_t, kCount> offsets(std::int64_t index, int loops) const {
    std::array<std::int64_t, kCount> at{};
    for (int axis = loops - 1; axis >= 0; --axis) {
      const std::int64_t i = index % extents[axis];
      index /= extents[axis];
      for (std::size_t t = 0; t < kCount; ++t)
        at[t] += i * strides[t][static_cast<std::size_t>(axis)];
    }
    return at;
  }
  std::int64_t innermost() const { return extents.rank() > 0 ? extents[extents.rank() - 1] : 1; }
  std::int64_t stride(std::size_t tensor) const {
    return extents.rank() > 0 ? strides[tensor][static_cast<std::size_t>(extents.rank() - 1)] : 1;
  }
  // Iterations of all loops but the innermost.
  std::int64_t outer() const {
    std::int64_t product = 1;
    for (int axis = 0; axis + 1 < extents.rank(); ++axis) product *= extents[axis];
    return product;
  }
};

// The loops over `shape` in the order in which tensor 0 lies in memory, extents of one dropped and
// loops joined where every tensor allows it.
template <std::size_t kCount>
LoopNest<kCount> collapse(const Shape& shape, const std::array<Strides, kCount>& strides) {
  std::array<std::size_t, kMaxRank> order{};
  std::size_t count = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] != 1) order[count++] = static_cast<std::size_t>(axis);
  }
  std::stable_sort(order.begin(), order.begin() + count,
                   [&](std::size_t a, std::size_t b) { return strides[0][a] > strides[0][b]; });
  LoopNest<kCount> nest;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t axis = order[i];
    const std::int64_t extent = shape[static_cast<int>(axis)];
    const auto last = static_cast<std::size_t>(std::max(nest.extents.rank() - 1, 0));
    bool joins = nest.extents.rank() > 0;
    for (std::size_t t = 0; t < kCount; ++t) {
      joins = joins && nest.strides[t][last] == strides[t][axis] * extent;
    }
    const auto to = joins ? last : static_cast<std::size_t>(nest.extents.rank());
    if (joins) {
      nest.extents[static_cast<int>(last)] *= extent;
    } else {
      nest.extents.push_back(extent);
    }
    for (std::size_t t = 0; t < kCount; ++t) nest.strides[t][to] = strides[t][axis];
  }
  return nest;
}

}  // namespace convoy
