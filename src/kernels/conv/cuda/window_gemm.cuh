// Explicit im2win, second half: a matrix product whose left operand, the windows, is read from the
// batch in window order, where neighbouring windows overlap (from x itself where window order would
// copy nothing).
//
// A block of 256 threads computes kPixels outputs of n x p x q for kFilters channels of one group,
// each thread 4 x 4 of them, in steps of at most 16 terms that go through shared memory.
#pragma once

#include "kernels/conv/cuda/finish.cuh"
#include "kernels/conv/cuda/flat.cuh"

namespace convoy::conv_cuda {

// Channels of a group that a block computes; few channels leave the block more pixels.
constexpr int window_gemm_filters(const Problem& problem) {
  return problem.group_k() > 32 ? 64 : problem.group_k() > 16 ? 32 : 16;
}
constexpr int window_gemm_pixels(const Problem& problem) {
  return 4096 / window_gemm_filters(problem);
}

// One output's window.
struct Window {
  int n, g, p, q;
};

// Term i of a window, in window order: (c, s, r) for NCHW, (s, r, c) for NHWC.
template <Problem kProblem>
__device__ __forceinline__ float window_term(const float* source, const Window& at, int i) {
  constexpr bool kNchw = kProblem.x_layout == Layout::kNchw;
  const int c = kNchw ? i / (kProblem.r * kProblem.s) : i % kProblem.group_c();
  const int tap = kNchw ? i % (kProblem.r * kProblem.s) : i / kProblem.group_c();
  const int r = tap % kProblem.r, s = tap / kProblem.r;
  const int channel = at.g * kProblem.group_c() + c;
  const int column = at.q * kProblem.stride_w + s * kProblem.dilation_w;
  if constexpr (kProblem.rows_are_disjoint()) {
    const int h = at.p * kProblem.stride_h - kProblem.pad_top + r * kProblem.dilation_h;
    const int w = column - kProblem.pad_left;
    const bool inside = h >= 0 && h < kProblem.h && w >= 0 && w < kProblem.w;
    return inside ? source[x_offset<kProblem>(at.n, channel, h, w)] : 0.0f;
  } else if constexpr (kNchw) {
    const Offset row = (Offset{at.n} * kProblem.c + channel) * kProblem.p + at.p;
    return source[(row * kProblem.window_w() + column) * kProblem.r + r];
  } else {
    const Offset row = Offset{at.n} * kProblem.p + at.p;
    return source[((row * kProblem.window_w() + column) * kProblem.r + r) * kProblem.c + channel];
  }
}

// w: [g][term][k/g], terms in window order.
template <Problem kProblem>
__device__ void window_gemm(const float* source, const float* w, const float* bias,
                            const float* residual, float* y) {
  constexpr int kThreads = 256, kRun = 4;
  constexpr int kFilters = window_gemm_filters(kProblem), kPixels = window_gemm_pixels(kProblem);
  constexpr int kGroupK = kProblem.group_k(), kWindow = kProblem.window();
  constexpr int kTerms = kWindow < 16 ? kWindow : 16;
  constexpr unsigned kAllPixels = kProblem.n * kProblem.p * kProblem.q;
  constexpr unsigned kTilesOfGroup = (kGroupK + kFilters - 1) / kFilters;
  constexpr unsigned kTilesOfK = kTilesOfGroup * kProblem.groups;
  // Rows are 16-byte aligned, and padded so that columns do not lie in one bank.
  __shared__ __align__(16) float x_tile[kTerms][kPixels + kRun];
  __shared__ __align__(16) float w_tile[kTerms][kFilters];

  const int t = threadIdx.x;
  const unsigned first_pixel = blockIdx.x / kTilesOfK * kPixels;
  const int g = static_cast<int>(blockIdx.x % kTilesOfK / kTilesOfGroup);
  const int first_k = static_cast<int>(blockIdx.x % kTilesOfGroup) * kFilters;
  const auto window_of = [&](unsigned pixel) {
    const Place at = place<Layout::kNhwc, 1, kProblem.p, kProblem.q>(pixel);
    return Window{at.n, g, at.h, at.w};
  };

  // Neighbouring threads load what lies side by side: pixels in NCHW, terms in NHWC.
  constexpr bool kAlongPixels = kProblem.x_layout == Layout::kNchw;
  const auto load_windows = [&](int first_term) {
#pragma unroll 4
    for (int i = t; i < kTerms * kPixels; i += kThreads) {
      const int pixel = kAlongPixels ? i % kPixels : i / kTerms;
      const int term = kAlongPixels ? i / kPixels : i % kTerms;
      const bool there = first_pixel + pixel < kAllPixels && first_term + term < kWindow;
      x_tile[term][pixel] =
          there ? window_term<kProblem>(source, window_of(first_pixel + pixel), first_term + term)
                : 0.0f;
    }
  };
  const auto load_filters = [&](int first_term) {
    for (int i = t; i < kTerms * kFilters; i += kThreads) {
      const int k = first_k + i % kFilters, term = first_term + i / kFilters;
      const bool there = k < kGroupK && term < kWindow;
      w_tile[i / kFilters][i % kFilters] =
          there ? w[(Offset{g} * kWindow + term) * kGroupK + k] : 0.0f;
    }
  };

  // A warp's outputs lie side by side too.
  constexpr bool kStoreAlongPixels = kProblem.y_layout == Layout::kNchw;
  const int pixel = (kStoreAlongPixels ? t % (kPixels / kRun) : t / (kFilters / kRun)) * kRun;
  const int k = (kStoreAlongPixels ? t / (kPixels / kRun) : t % (kFilters / kRun)) * kRun;
  float sum[kRun][kRun] = {};
#pragma unroll 1
  for (int first_term = 0; first_term < kWindow; first_term += kTerms) {
    load_windows(first_term);
    load_filters(first_term);
    __syncthreads();
    // Not all at once, which would read every operand first and spill.
#pragma unroll 8
    for (int term = 0; term < kTerms; ++term) {
      const float4 a = *reinterpret_cast<const float4*>(&x_tile[term][pixel]);
      const float4 b = *reinterpret_cast<const float4*>(&w_tile[term][k]);
      const float left[kRun] = {a.x, a.y, a.z, a.w}, right[kRun] = {b.x, b.y, b.z, b.w};
#pragma unroll
      for (int i = 0; i < kRun; ++i) {
#pragma unroll
        for (int j = 0; j < kRun; ++j) sum[i][j] = fmaf(left[i], right[j], sum[i][j]);
      }
    }
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < kRun; ++i) {
    if (first_pixel + pixel + i >= kAllPixels) break;
    const Window out = window_of(first_pixel + pixel + i);
#pragma unroll
    for (int j = 0; j < kRun; ++j) {
      if (first_k + k + j >= kGroupK) break;
      const int filter = g * kGroupK + first_k + k + j;
      const Offset at = y_offset<kProblem>(out.n, filter, out.p, out.q);
      y[at] = finish<kProblem>(sum[i][j], kProblem.bias ? bias[filter] : 0.0f,
                               kProblem.residual != Residual::kNone ? residual[at] : 0.0f);
    }
  }
}

}  // namespace convoy::conv_cuda
