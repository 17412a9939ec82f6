// From sums to y: bias, residual, activation and the order of memory.
#pragma once

#include "kernels/fused/cuda/transfer.cuh"

namespace convoy::fused_cuda {

// The upper left pixel and the first channel of y that a block computes.
struct Place {
  int n, p, q, k;
};

// Four channels from `k` on of one pixel of y in NHWC; those past the last, and pixels past the
// map, are left out. sums: of stage kStage.
template <Module kModule, Stage kStage>
__device__ __forceinline__ void store_four(const Arguments& a, const Channel (&channels)[4], int n,
                                           int p, int q, int k,
                                           const Sum<kModule.element> (&sums)[4]) {
  constexpr Element kElement = kModule.element;
  using T = TypeOf<kElement>;
  using Four = FourOf<kElement>;
  if (p >= kModule.p || q >= kModule.q || k >= kModule.k) return;
  const Offset at = ((n * Offset{kModule.p} + p) * kModule.q + q) * kModule.k + k;
  const T* residual = static_cast<const T*>(a.residual) + at;
  T* y = static_cast<T*>(a.y) + at;
  constexpr bool kWhole = kModule.k % 4 == 0;
  float r[4] = {0, 0, 0, 0};
  if constexpr (kModule.residual != Residual::kNone) {
    if constexpr (kWhole) {
      const float4 four = to_f32<kElement>(__ldg(reinterpret_cast<const Four*>(residual)));
      r[0] = four.x, r[1] = four.y, r[2] = four.z, r[3] = four.w;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (k + i < kModule.k) r[i] = one_to_f32<kElement>(__ldg(residual + i));
      }
    }
  }
  float v[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    v[i] = finish<kModule, kStage, kModule.residual>(sums[i], channels[i], r[i]);
  }
  if constexpr (kWhole) {
    *reinterpret_cast<Four*>(y) = from_f32<kElement>(float4{v[0], v[1], v[2], v[3]});
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (k + i < kModule.k) y[i] = one_from_f32<kElement>(v[i]);
    }
  }
}

// A tile from `planes` of sums in shared memory, which are added in their order, those of one block
// of a cluster after those of another; each block stores its share. All threads call it, after the
// sums are written.
template <Module kModule, Stage kStage, Tile kTile>
__device__ __forceinline__ void store_sums(const Arguments& a, const char* constants, Place place,
                                           int rank, const Sum<kModule.element>* planes) {
  constexpr Element kElement = kModule.element;
  using T = TypeOf<kElement>;
  constexpr Cut kCut = cut(kModule, kTile);
  constexpr int kPlane = round_up(kCut.pixels, kPixels) * kCut.sum_pitch;
  constexpr int kQuads = kTile.outputs / 4;
  constexpr bool kNchw = kModule.y_layout == Layout::kNchw;
#pragma unroll 1
  for (int i = rank * kTile.threads() + static_cast<int>(threadIdx.x); i < kCut.pixels * kQuads;
       i += kTile.blocks_sums * kTile.threads()) {
    const int pixel = kNchw ? i % kCut.pixels : i / kQuads;
    const int c = (kNchw ? i / kCut.pixels : i % kQuads) * 4;
    Sum<kElement> sums[4] = {0, 0, 0, 0};
#pragma unroll
    for (int block = 0; block < kTile.blocks_sums; ++block) {
#pragma unroll
      for (int plane = 0; plane < kCut.sum_planes; ++plane) {
        const Sum<kElement>* from = planes + plane * kPlane + pixel * kCut.sum_pitch + c;
        Sum<kElement> four[4];
        if constexpr (kTile.blocks_sums > 1) {
          load_from_block(from, block, four);
        } else {
#pragma unroll
          for (int j = 0; j < 4; ++j) four[j] = from[j];
        }
#pragma unroll
        for (int j = 0; j < 4; ++j) sums[j] += four[j];
      }
    }
    Channel channels[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      channels[j] = channel<kModule, kStage, kTile.outputs>(constants, c + j);
    }
    const int p = place.p + pixel / kTile.columns, q = place.q + pixel % kTile.columns;
    const int k = place.k + c;
    if constexpr (!kNchw) {
      store_four<kModule, kStage>(a, channels, place.n, p, q, k, sums);
    } else {
      if (p >= kModule.p || q >= kModule.q) continue;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        if (k + j >= kModule.k) break;
        const Offset at = ((place.n * Offset{kModule.k} + k + j) * kModule.p + p) * kModule.q + q;
        float residual = 0;
        if constexpr (kModule.residual != Residual::kNone) {
          residual = one_to_f32<kElement>(__ldg(static_cast<const T*>(a.residual) + at));
        }
        static_cast<T*>(a.y)[at] = one_from_f32<kElement>(
            finish<kModule, kStage, kModule.residual>(sums[j], channels[j], residual));
      }
    }
  }
}

}  // namespace convoy::fused_cuda
