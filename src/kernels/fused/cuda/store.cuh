// From sums to y: bias, residual, activation and the order of memory.
#pragma once

#include "kernels/conv/cuda/flat.cuh"
#include "kernels/fused/cuda/transfer.cuh"

namespace convoy::fused_cuda {

// The upper left pixel and the first channel of y that a block computes.
struct Place {
  int n, p, q, k;
};

// Distances within a tile of y, in elements; an int where that is enough.
template <Module kModule>
struct Distance {
  static constexpr bool kNarrow = 64.0 * kModule.q * kModule.k < 2147483648.0;
  using Type = typename conv_cuda::IndexType<!kNarrow>::Type;
};

template <Element kElement>
__device__ __forceinline__ void store_vector(TypeOf<kElement>* to, FourOf<kElement> four) {
  // As one store, which the compiler does not see by itself.
  if constexpr (sizeof(four) == 16) {
    asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(to), "f"(four.x), "f"(four.y),
                 "f"(four.z), "f"(four.w)
                 : "memory");
  } else if constexpr (sizeof(four) == 8) {
    asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(to), "r"(four.x), "r"(four.y) : "memory");
  } else {
    *reinterpret_cast<FourOf<kElement>*>(to) = four;
  }
}

// The upper left pixel of a tile and its first channel, of y and of the residual.
template <Module kModule>
struct Corner {
  using T = TypeOf<kModule.element>;
  T* y;
  const T* residual;
};

template <Module kModule>
__device__ __forceinline__ Corner<kModule> corner(const Arguments& a, Place place) {
  using T = TypeOf<kModule.element>;
  const Offset at =
      ((place.n * Offset{kModule.p} + place.p) * kModule.q + place.q) * kModule.k + place.k;
  T* y = static_cast<T*>(a.y) + at;
  const T* residual = static_cast<const T*>(a.residual) + at;
  // As values: the compiler would work them out again for every store.
  asm volatile("" : "+l"(y));
  if constexpr (kModule.residual != Residual::kNone) asm volatile("" : "+l"(residual));
  return {y, residual};
}

// Four channels from `c` on of one pixel of a tile in NHWC; those past the last, and pixels past
// the map, are left out. sums: of stage kStage; kBiased as in finish().
template <Module kModule, Stage kStage, Tile kTile, bool kBiased = false>
__device__ __forceinline__ void store_four(const Corner<kModule>& tile,
                                           const FourChannels& channels, Place place, int row,
                                           int column, int c,
                                           const Sum<kModule.element> (&sums)[4]) {
  constexpr Element kElement = kModule.element;
  using T = TypeOf<kElement>;
  using Four = FourOf<kElement>;
  using D = typename Distance<kModule>::Type;
  const int k = place.k + c;
  if (kModule.p % kTile.rows != 0 && place.p + row >= kModule.p) return;
  if (kModule.q % kTile.columns != 0 && place.q + column >= kModule.q) return;
  if (kModule.k % kTile.outputs != 0 && k >= kModule.k) return;
  const D within = (static_cast<D>(row) * kModule.q + static_cast<D>(column)) * kModule.k + c;
  const T* residual = tile.residual + within;
  T* y = tile.y + within;
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
    v[i] = finish<kModule, kStage, kModule.residual, kBiased>(sums[i], channels.of[i], r[i]);
  }
  if constexpr (kWhole) {
    store_vector<kElement>(y, from_f32<kElement>(float4{v[0], v[1], v[2], v[3]}));
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
  constexpr int kPlane = round_up(kCut.pixels, tile_pixels(kElement)) * kCut.sum_pitch;
  constexpr int kQuads = kTile.outputs / 4;
  const auto sum_up = [&](int pixel, int c, Sum<kElement>(&sums)[4]) {
#pragma unroll
    for (int block = 0; block < kTile.blocks_sums; ++block) {
#pragma unroll
      for (int plane = 0; plane < kCut.sum_planes; ++plane) {
        const Sum<kElement>* from = planes + plane * kPlane + pixel * kCut.sum_pitch + c;
        Sum<kElement> four[4];
        if constexpr (kTile.blocks_sums > 1) {
          load_from_block(from, block, four);
        } else {
          const int4 words = *reinterpret_cast<const int4*>(from);
          four[0] = __builtin_bit_cast(Sum<kElement>, words.x);
          four[1] = __builtin_bit_cast(Sum<kElement>, words.y);
          four[2] = __builtin_bit_cast(Sum<kElement>, words.z);
          four[3] = __builtin_bit_cast(Sum<kElement>, words.w);
        }
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          sums[j] = block == 0 && plane == 0 ? four[j] : sums[j] + four[j];
        }
      }
    }
  };
  if constexpr (kModule.y_layout == Layout::kNhwc) {
    // A thread keeps its channels.
    constexpr bool kOneQuad = kQuads <= kTile.threads();
    constexpr int kGroups = kOneQuad ? kTile.threads() / kQuads : 1;
    const int thread = static_cast<int>(threadIdx.x);
    const int group = kOneQuad ? thread / kQuads : 0;
    if (group >= kGroups) return;
    const Corner<kModule> tile = corner<kModule>(a, place);
#pragma unroll 1
    for (int quad = kOneQuad ? thread % kQuads : thread; quad < kQuads;
         quad += kOneQuad ? kQuads : kTile.threads()) {
      const int c = quad * 4;
      const FourChannels channels = four_channels<kModule, kStage, kTile.outputs>(constants, c);
#pragma unroll 2
      for (int pixel = rank * kGroups + group; pixel < kCut.pixels;
           pixel += kTile.blocks_sums * kGroups) {
        Sum<kElement> sums[4];
        sum_up(pixel, c, sums);
        store_four<kModule, kStage, kTile>(tile, channels, place, pixel / kTile.columns,
                                           pixel % kTile.columns, c, sums);
      }
    }
  } else {
    // Neighbours have neighbouring pixels.
#pragma unroll 1
    for (int i = rank * kTile.threads() + static_cast<int>(threadIdx.x); i < kCut.pixels * kQuads;
         i += kTile.blocks_sums * kTile.threads()) {
      const int pixel = i % kCut.pixels, c = i / kCut.pixels * 4;
      const int p = place.p + pixel / kTile.columns, q = place.q + pixel % kTile.columns;
      if (p >= kModule.p || q >= kModule.q) continue;
      Sum<kElement> sums[4];
      sum_up(pixel, c, sums);
      const FourChannels channels = four_channels<kModule, kStage, kTile.outputs>(constants, c);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int k = place.k + c + j;
        if (k >= kModule.k) break;
        const Offset at = ((place.n * Offset{kModule.k} + k) * kModule.p + p) * kModule.q + q;
        float residual = 0;
        if constexpr (kModule.residual != Residual::kNone) {
          residual = one_to_f32<kElement>(__ldg(static_cast<const T*>(a.residual) + at));
        }
        static_cast<T*>(a.y)[at] = one_from_f32<kElement>(
            finish<kModule, kStage, kModule.residual>(sums[j], channels.of[j], residual));
      }
    }
  }
}

}  // namespace convoy::fused_cuda
