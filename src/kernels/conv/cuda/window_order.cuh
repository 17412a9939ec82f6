// Explicit im2win, first half: the batch is written in window order (Lu et al., "Im2win"), each row
// of windows becoming one consecutive row that holds every element once.
#pragma once

#include "kernels/conv/cuda/flat.cuh"

namespace convoy::conv_cuda {

template <Problem kProblem>
inline constexpr Offset kWindowOrderElements =
    Offset{kProblem.n} * kProblem.c* kProblem.p* kProblem.window_w() * kProblem.r;

// x -> NCHW: win[n][c][p][w][r] = xpad[n][c][p * stride_h + r * dilation_h][w]
//      NHWC: win[n][p][w][r][c]
// for the window_w() columns w that windows reach, zeros where that is padding. One thread writes
// one element.
template <Problem kProblem>
__device__ void window_order(const float* x, float* win) {
  constexpr Offset kCount = kWindowOrderElements<kProblem>;
  constexpr int kColumns = kProblem.window_w();
  const auto index = flat_index<kCount>();
  if (index >= kCount) return;
  constexpr bool kNchw = kProblem.x_layout == Layout::kNchw;
  // r plays the part of w in the one layout, of c and w in the other.
  const auto outer = kNchw ? index / kProblem.r : index / kProblem.c;
  int n, c, p, column, r;
  if constexpr (kNchw) {
    const Place at = place<Layout::kNchw, kProblem.c, kProblem.p, kColumns>(outer);
    n = at.n, c = at.c, p = at.h, column = at.w;
    r = static_cast<int>(index % kProblem.r);
  } else {
    const Place at = place<Layout::kNhwc, kProblem.r, kProblem.p, kColumns>(outer);
    n = at.n, r = at.c, p = at.h, column = at.w;
    c = static_cast<int>(index % kProblem.c);
  }
  const int h = p * kProblem.stride_h - kProblem.pad_top + r * kProblem.dilation_h;
  const int w = column - kProblem.pad_left;
  const bool inside = h >= 0 && h < kProblem.h && w >= 0 && w < kProblem.w;
  win[index] = inside ? x[x_offset<kProblem>(n, c, h, w)] : 0.0f;
}

}  // namespace convoy::conv_cuda
