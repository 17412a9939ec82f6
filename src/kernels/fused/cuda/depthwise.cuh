// The depthwise stage: four channels of a strip of outputs a thread, each input loaded once for all
// the taps of its row that meet it. Sums in f32, which for s8 are exact (as many taps as 1023).
#pragma once

#include "kernels/fused/cuda/transfer.cuh"

namespace convoy::fused_cuda {

// Whether the taps are few enough to be unrolled.
template <Module kModule>
inline constexpr bool kUnrolled = kModule.r* kModule.s <= 49 && kModule.s <= 8;

// Sums of a strip, which begin with `start`: load(row, column) gives four channels of the input
// pixel that far from the strip's first, as f32; weight(tap) four channels' weights.
template <Module kModule, int kRows, int kColumns, class Load, class Weight>
__device__ __forceinline__ void filter_strip(float4 (&sums)[kRows][kColumns], float4 start,
                                             Load&& load, Weight&& weight) {
  const auto add = [](float4& sum, float4 x, float4 w) {
    sum.x = fmaf(x.x, w.x, sum.x), sum.y = fmaf(x.y, w.y, sum.y);
    sum.z = fmaf(x.z, w.z, sum.z), sum.w = fmaf(x.w, w.w, sum.w);
  };
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) sums[i][j] = start;
  }
  if constexpr (kUnrolled<kModule>) {
    constexpr int kInputRows =
        (kRows - 1) * kModule.stride_h + (kModule.r - 1) * kModule.dilation_h + 1;
    constexpr int kInputColumns =
        (kColumns - 1) * kModule.stride_w + (kModule.s - 1) * kModule.dilation_w + 1;
    // The tap of output i that meets input j, or none (-1).
    constexpr auto tap = [](int j, int i, int stride, int dilation, int taps) {
      const int reach = j - i * stride;
      return reach >= 0 && reach % dilation == 0 && reach / dilation < taps ? reach / dilation : -1;
    };
#pragma unroll
    for (int row = 0; row < kInputRows; ++row) {
      bool row_used = false;
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        row_used |= tap(row, i, kModule.stride_h, kModule.dilation_h, kModule.r) >= 0;
      }
      if (!row_used) continue;
#pragma unroll
      for (int column = 0; column < kInputColumns; ++column) {
        bool used = false;
#pragma unroll
        for (int j = 0; j < kColumns; ++j) {
          used |= tap(column, j, kModule.stride_w, kModule.dilation_w, kModule.s) >= 0;
        }
        if (!used) continue;
        const float4 x = load(row, column);
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
          const int r = tap(row, i, kModule.stride_h, kModule.dilation_h, kModule.r);
          if (r < 0) continue;
#pragma unroll
          for (int j = 0; j < kColumns; ++j) {
            const int s = tap(column, j, kModule.stride_w, kModule.dilation_w, kModule.s);
            if (s >= 0) add(sums[i][j], x, weight(r * kModule.s + s));
          }
        }
      }
    }
  } else {
#pragma unroll 1
    for (int r = 0; r < kModule.r; ++r) {
#pragma unroll 1
      for (int s = 0; s < kModule.s; ++s) {
        const float4 w = weight(r * kModule.s + s);
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
#pragma unroll
          for (int j = 0; j < kColumns; ++j) {
            add(sums[i][j],
                load(i * kModule.stride_h + r * kModule.dilation_h,
                     j * kModule.stride_w + s * kModule.dilation_w),
                w);
          }
        }
      }
    }
  }
}

// Sums begin with the bias, but where it is an integer, or added when they are stored from planes.
template <Module kModule>
inline constexpr bool kBiasInSums = kModule.element != Element::kS8 &&
                                    (kModule.project.present || kModule.y_layout == Layout::kNhwc);

// All strips of a tile and kCount channels of results, shared by the block. `weights`: in shared
// memory, a line of kCount floats a tap. load(row, column, c) gives a function of the distance from
// a pixel of the halo, which gives the input there for results c .. c + 3 of the slice; store(row,
// column, c, channels, sums) takes those of one output. `constants`: of the channels.
template <Module kModule, Tile kTile, int kCount, class Load, class Store>
__device__ __forceinline__ void filter_tile(const char* weights, const char* constants, Load&& load,
                                            Store&& store) {
  constexpr int kThreads = kTile.threads();
  constexpr int kQuads = kCount / 4;
  // A thread keeps its channels, and with them the weights, where there are threads for all.
  constexpr bool kOneQuad = kQuads <= kThreads;
  constexpr int kGroups = kOneQuad ? kThreads / kQuads : 1;
  constexpr int kStripsW = kTile.columns / kTile.strip;
  constexpr int kStrips = kTile.rows / kTile.strip_rows * kStripsW;
  constexpr int kTaps = kModule.taps();
  constexpr bool kKept = kTaps <= 9;
  const int thread = static_cast<int>(threadIdx.x);
  const int group = kOneQuad ? thread / kQuads : 0;
  if (group >= kGroups) return;
#pragma unroll 1
  for (int quad = kOneQuad ? thread % kQuads : thread; quad < kQuads;
       quad += kOneQuad ? kQuads : kThreads) {
    const int c = quad * 4;
    const FourChannels channels = four_channels<kModule, kModule.depthwise, kCount>(constants, c);
    float4 start{0, 0, 0, 0};
    if constexpr (kBiasInSums<kModule>) {
      start = {channels.of[0].bias, channels.of[1].bias, channels.of[2].bias, channels.of[3].bias};
    }
    const float4* const w = reinterpret_cast<const float4*>(weights) + quad;
    float4 kept[kKept ? kTaps : 1];
    if constexpr (kKept) {
#pragma unroll
      for (int tap = 0; tap < kTaps; ++tap) kept[tap] = w[tap * kQuads];
    }
    const auto weight = [&](int tap) {
      if constexpr (kKept) {
        return kept[tap];
      } else {
        return w[tap * kQuads];
      }
    };
#pragma unroll 1
    for (int strip = group; strip < kStrips; strip += kGroups) {
      const int row = strip / kStripsW * kTile.strip_rows;
      const int column = strip % kStripsW * kTile.strip;
      float4 sums[kTile.strip_rows][kTile.strip];
      const auto from = load(row * kModule.stride_h, column * kModule.stride_w, c);
      filter_strip<kModule, kTile.strip_rows, kTile.strip>(sums, start, from, weight);
#pragma unroll
      for (int i = 0; i < kTile.strip_rows; ++i) {
#pragma unroll
        for (int j = 0; j < kTile.strip; ++j) store(row + i, column + j, c, channels, sums[i][j]);
      }
    }
  }
}

}  // namespace convoy::fused_cuda
