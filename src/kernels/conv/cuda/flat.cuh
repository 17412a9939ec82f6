// Kernels with one thread per element: blocks of 256 threads over one index.
#pragma once

#include "kernels/conv/cuda/problem.cuh"

namespace convoy::conv_cuda {

// 32 bits where they are enough, because they divide several times faster.
template <bool kWide>
struct IndexType {
  using Type = unsigned;
};
template <>
struct IndexType<true> {
  using Type = unsigned long long;
};
template <Offset kCount>
using Index = typename IndexType<(kCount > 0x7fffff00)>::Type;

// Of this thread; at or past kCount in the last block.
template <Offset kCount>
__device__ __forceinline__ Index<kCount> flat_index() {
  return Index<kCount>{blockIdx.x} * blockDim.x + threadIdx.x;
}

// Coordinates of the element at `index` of a tensor n x c x h x w; those are its indices in memory.
struct Place {
  int n, c, h, w;
};
template <Layout kLayout, int kC, int kH, int kW, class I>
__device__ __forceinline__ Place place(I index) {
  if constexpr (kLayout == Layout::kNchw) {
    const I row = index / kW, plane = row / kH;
    return {static_cast<int>(plane / kC), static_cast<int>(plane % kC), static_cast<int>(row % kH),
            static_cast<int>(index % kW)};
  } else {
    const I column = index / kC, row = column / kW;
    return {static_cast<int>(row / kH), static_cast<int>(index % kC), static_cast<int>(row % kH),
            static_cast<int>(column % kW)};
  }
}

template <Problem kProblem>
inline constexpr Offset kOutputs = Offset{kProblem.n} * kProblem.k* kProblem.p* kProblem.q;

// Where output `index` lies: n, k, p, q.
template <Problem kProblem, class I>
__device__ __forceinline__ Place output_place(I index) {
  return place<kProblem.y_layout, kProblem.k, kProblem.p, kProblem.q>(index);
}

}  // namespace convoy::conv_cuda
