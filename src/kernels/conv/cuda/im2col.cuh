// The two kernels around the matrix product of im2col: one writes every window of the batch out,
// the other does what follows the sums.
#pragma once

#include "kernels/conv/cuda/finish.cuh"
#include "kernels/conv/cuda/flat.cuh"

namespace convoy::conv_cuda {

template <Problem kProblem>
__device__ __forceinline__ float padded_x(const float* x, int n, int c, int h, int w) {
  const bool inside = h >= 0 && h < kProblem.h && w >= 0 && w < kProblem.w;
  return inside ? x[x_offset<kProblem>(n, c, h, w)] : 0.0f;
}

// Rows of the matrix that one block writes, of c * r * s elements: about 2048 elements.
constexpr int im2col_rows(const Problem& problem) {
  const int row = problem.c * problem.r * problem.s;
  return row < 2048 ? 2048 / row : 1;
}

// x -> NCHW: [n][c][r][s][p][q], one thread per (n, c, p, q);
//      NHWC: [n][p][q][g][r][s][c/g], im2col_rows() pixels per block.
template <Problem kProblem>
__device__ void im2col(const float* x, float* matrix) {
  if constexpr (kProblem.x_layout == Layout::kNchw) {
    constexpr Offset kCount = Offset{kProblem.n} * kProblem.c * kProblem.p * kProblem.q;
    const auto index = flat_index<kCount>();
    if (index >= kCount) return;
    const Place at = place<Layout::kNchw, kProblem.c, kProblem.p, kProblem.q>(index);
    const int h0 = at.h * kProblem.stride_h - kProblem.pad_top;
    const int w0 = at.w * kProblem.stride_w - kProblem.pad_left;
    float* to =
        matrix +
        (Offset{at.n} * kProblem.c + at.c) * kProblem.r * kProblem.s * kProblem.p * kProblem.q +
        at.h * kProblem.q + at.w;
#pragma unroll 1
    for (int r = 0; r < kProblem.r; ++r) {
      for (int s = 0; s < kProblem.s; ++s, to += kProblem.p * kProblem.q) {
        *to = padded_x<kProblem>(x, at.n, at.c, h0 + r * kProblem.dilation_h,
                                 w0 + s * kProblem.dilation_w);
      }
    }
  } else {
    constexpr unsigned kRow = kProblem.c * kProblem.r * kProblem.s;
    constexpr unsigned kRows = im2col_rows(kProblem);
    constexpr unsigned kPixels = kProblem.n * kProblem.p * kProblem.q;
    const unsigned first = blockIdx.x * kRows;
    for (unsigned i = threadIdx.x; i < kRows * kRow; i += blockDim.x) {
      const unsigned pixel = first + i / kRow, at = i % kRow;
      if (pixel >= kPixels) return;
      const unsigned c = at % kProblem.group_c(), tap = at / kProblem.group_c();
      const unsigned s = tap % kProblem.s, r = tap / kProblem.s % kProblem.r;
      const unsigned g = tap / kProblem.s / kProblem.r;
      const Place out = place<Layout::kNhwc, 1, kProblem.p, kProblem.q>(pixel);
      matrix[Offset{first} * kRow + i] = padded_x<kProblem>(
          x, out.n, static_cast<int>(g * kProblem.group_c() + c),
          out.h * kProblem.stride_h - kProblem.pad_top + static_cast<int>(r) * kProblem.dilation_h,
          out.w * kProblem.stride_w - kProblem.pad_left +
              static_cast<int>(s) * kProblem.dilation_w);
    }
  }
}

// y, holding sums, becomes the convolution's result.
template <Problem kProblem>
__device__ void epilogue(const float* bias, const float* residual, float* y) {
  const auto index = flat_index<kOutputs<kProblem>>();
  if (index >= kOutputs<kProblem>) return;
  const int k = output_place<kProblem>(index).c;
  y[index] = finish<kProblem>(y[index], kProblem.bias ? bias[k] : 0.0f,
                              kProblem.residual != Residual::kNone ? residual[index] : 0.0f);
}

}  // namespace convoy::conv_cuda
