// Direct convolution without any technique: one output per thread, every operand from global memory
// each time it is used. Accesses are coalesced, no more.
#pragma once

#include "kernels/conv/cuda/finish.cuh"
#include "kernels/conv/cuda/flat.cuh"

namespace convoy::conv_cuda {

// w: [k][c/g][r][s] where neighbouring threads have one k (y in NCHW), [c/g][r][s][k] where they
// have neighbouring ones.
template <Problem kProblem>
__device__ void direct(const float* x, const float* w, const float* bias, const float* residual,
                       float* y) {
  const auto index = flat_index<kOutputs<kProblem>>();
  if (index >= kOutputs<kProblem>) return;
  const Place out = output_place<kProblem>(index);
  const int h0 = out.h * kProblem.stride_h - kProblem.pad_top;
  const int w0 = out.w * kProblem.stride_w - kProblem.pad_left;
  const int c0 = out.c / kProblem.group_k() * kProblem.group_c();

  float sum = 0;
  const auto add = [&](int c, int r, int s) {
    const int column = w0 + s * kProblem.dilation_w;
    if (column < 0 || column >= kProblem.w) return;
    const Offset tap = (Offset{c} * kProblem.r + r) * kProblem.s + s;
    const Offset at = kProblem.y_layout == Layout::kNchw ? Offset{out.c} * kProblem.window() + tap
                                                         : tap * kProblem.k + out.c;
    const int row = h0 + r * kProblem.dilation_h;
    sum = fmaf(x[x_offset<kProblem>(out.n, c0 + c, row, column)], w[at], sum);
  };
  const auto row_is_inside = [&](int r) {
    const int row = h0 + r * kProblem.dilation_h;
    return row >= 0 && row < kProblem.h;
  };
  if constexpr (kProblem.x_layout == Layout::kNchw) {
#pragma unroll 1
    for (int c = 0; c < kProblem.group_c(); ++c) {
#pragma unroll 1
      for (int r = 0; r < kProblem.r; ++r) {
        if (!row_is_inside(r)) continue;
#pragma unroll 4
        for (int s = 0; s < kProblem.s; ++s) add(c, r, s);
      }
    }
  } else {
#pragma unroll 1
    for (int r = 0; r < kProblem.r; ++r) {
      if (!row_is_inside(r)) continue;
#pragma unroll 1
      for (int s = 0; s < kProblem.s; ++s) {
#pragma unroll 4
        for (int c = 0; c < kProblem.group_c(); ++c) add(c, r, s);
      }
    }
  }
  y[index] = finish<kProblem>(sum, kProblem.bias ? bias[out.c] : 0.0f,
                              kProblem.residual != Residual::kNone ? residual[index] : 0.0f);
}

}  // namespace convoy::conv_cuda
