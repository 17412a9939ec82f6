// The products of pointwise convolutions: pixels in shared memory times weights in panels.
//
// A warp holds sums of tiles of 8 pixels x 16 channels (one panel), four a lane. f16, bf16 and s8
// go to the tensor cores with the weights as their left operand, so that pixels count by eight; f32
// is multiplied by FMA, in the same tiles. Weights are packed in the order in which lanes use them,
// 16 bytes a lane and load, and each is used by one warp of the block only when warps do not share
// panels: they come straight from memory, several steps ahead, and pass no shared memory.
//
// kF32Split goes to the tensor cores as well: each factor is split in registers into two tf32,
// x = high + low + e with |low| <= 2^-11 |x| and |e| <= 2^-22 |x|, and three of the four products
// are added up, which is within 3 * 2^-22 of the product (Ootomo and Yokota, "Recovering single
// precision accuracy from tensor cores", 2022). Tensor cores cut off what their sums have no room
// for: they add up the 24 products of a step alone, and those sums are added by FADD. Infinities
// (and what rounds to one as tf32) become NaN: infinity has no low part.
#pragma once

#include "kernels/fused/cuda/transfer.cuh"

namespace convoy::fused_cuda {

// Which of something a warp works on: first, first + kStride, ..., none after last. What would lie
// past it is worked on twice and not stored. kExact: that does not happen, so that everything lies
// a constant distance from the first.
template <int kStride, bool kExact>
struct Share {
  static constexpr int stride = kStride;
  int first, last;
  __device__ __forceinline__ int at(int i) const {
    return kExact ? first + i * kStride : smaller(first + i * kStride, last);
  }
  __device__ __forceinline__ bool has(int i) const { return kExact || first + i * kStride <= last; }
  // Of what it has.
  __device__ __forceinline__ int own(int i) const { return first + i * kStride; }
};

__device__ __forceinline__ int lane() { return threadIdx.x & 31; }

// Where the sum `i` of a lane lies in its tile. In f32 neighbouring lanes share their four channels
// and every other one of them its pixel: 16-byte loads from shared memory take half as long when a
// quarter of a warp reads at most four places, neighbours in pairs (measured on an H200).
__device__ __forceinline__ int fma_quad() { return lane() >> 1 & 3; }
__device__ __forceinline__ int fma_pixel() { return (lane() & 1) | lane() >> 3 << 1; }
template <Element kElement>
__device__ __forceinline__ int channel_of(int i) {
  return kElement == Element::kF32 ? fma_quad() * 4 + i : (lane() >> 2) + (i & 2) * 4;
}
template <Element kElement>
__device__ __forceinline__ int pixel_of(int i) {
  return kElement == Element::kF32 ? fma_pixel() : (lane() & 3) * 2 + (i & 1);
}

template <Element kElement>
__device__ __forceinline__ void tensor_product(Sum<kElement> (&d)[4], uint4 a, unsigned b0,
                                               unsigned b1) {
  if constexpr (kElement == Element::kF16) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
#else
    const auto half = [&](unsigned x, unsigned y, unsigned b) {
      asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5},{%6},"
          "{%0,%1,%2,%3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(x), "r"(y), "r"(b));
    };
    half(a.x, a.y, b0);
    half(a.z, a.w, b1);
#endif
  } else if constexpr (kElement == Element::kBf16) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
#endif
  } else if constexpr (kElement == Element::kS8) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
        "{%0,%1,%2,%3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
#else
    const auto quarter = [](int& x, int& y, unsigned a, unsigned b) {
      asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1},{%2},{%3},{%0,%1};"
          : "+r"(x), "+r"(y)
          : "r"(a), "r"(b));
    };
    quarter(d[0], d[1], a.x, b0);
    quarter(d[2], d[3], a.y, b0);
    quarter(d[0], d[1], a.z, b1);
    quarter(d[2], d[3], a.w, b1);
#endif
  }
}

// Operands of the tensor cores as lanes have them: four words of the left one (weights), two of the
// right one (pixels).
template <Element kElement>
struct Left {
  uint4 of;
};
template <Element kElement>
struct Right {
  unsigned of[2];
};
template <>
struct Left<Element::kF32Split> {
  uint4 high, low;
};
template <>
struct Right<Element::kF32Split> {
  uint2 high, low;
};

// Rounded half away from zero, which cvt.rna does as well, in five instructions in place of two. Of
// a NaN the low part is one.
__device__ __forceinline__ void split(unsigned x, unsigned& high, unsigned& low) {
  high = (x + 0x1000u) & 0xffffe000u;
  low = __float_as_uint(__uint_as_float(x) - __uint_as_float(high));
}

template <Element kElement>
__device__ __forceinline__ Left<kElement> left(uint4 words) {
  if constexpr (kElement == Element::kF32Split) {
    Left<kElement> parts;
    split(words.x, parts.high.x, parts.low.x), split(words.y, parts.high.y, parts.low.y);
    split(words.z, parts.high.z, parts.low.z), split(words.w, parts.high.w, parts.low.w);
    return parts;
  } else {
    return {words};
  }
}

template <Element kElement>
__device__ __forceinline__ Right<kElement> right(unsigned b0, unsigned b1) {
  if constexpr (kElement == Element::kF32Split) {
    Right<kElement> parts;
    split(b0, parts.high.x, parts.low.x), split(b1, parts.high.y, parts.low.y);
    return parts;
  } else {
    return {{b0, b1}};
  }
}

// d += a * b, of tf32.
__device__ __forceinline__ void tf32_product(float (&d)[4], uint4 a, uint2 b) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y));
#endif
}

template <Element kElement>
__device__ __forceinline__ void tensor_product(Sum<kElement> (&d)[4], const Left<kElement>& left,
                                               const Right<kElement>& right) {
  if constexpr (kElement == Element::kF32Split) {
    float step[4] = {0, 0, 0, 0};
    tf32_product(step, left.low, right.high);
    tf32_product(step, left.high, right.low);
    tf32_product(step, left.high, right.high);
#pragma unroll
    for (int i = 0; i < 4; ++i) d[i] += step[i];
    return;
  } else {
    tensor_product<kElement>(d, left.of, right.of[0], right.of[1]);
  }
}

// kShared: the weights lie in shared memory.
template <Element kElement, int kPanels, int kPixelTiles, bool kShared>
class Product {
 public:
  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int panel = 0; panel < kPanels; ++panel) {
#pragma unroll
      for (int tile = 0; tile < kPixelTiles; ++tile) {
#pragma unroll
        for (int i = 0; i < 4; ++i) sums_[panel][tile][i] = 0;
      }
    }
  }

  // Adds `steps` steps, of which this warp takes every `stride`th from `first` on. `operand`: line
  // of pixel 0, kPitch bytes each; `weights`: the first step of panel 0, kPanelBytes each.
  template <int kPitch, int kPanelBytes, class Pixels, class Panels>
  __device__ __forceinline__ void multiply(const char* operand, Pixels pixels, const char* weights,
                                           Panels panels, int first, int stride, int steps) {
    const char* from[kPanels];
#pragma unroll
    for (int i = 0; i < kPanels; ++i) {
      from[i] = weights + static_cast<long long>(panels.at(i)) * kPanelBytes + lane_bytes();
    }
    if constexpr (kShared) {
#pragma unroll 2
      for (int step = first; step < steps; step += stride) {
        add<kPitch>(operand + step * kStepLine, pixels, [&](int panel, int load) {
          return *reinterpret_cast<const uint4*>(from[panel] + step * step_bytes(kElement) +
                                                 load * 64);
        });
      }
    } else {
      uint4 ahead[kAhead][kPanels][kLoads];
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (first + i * stride < steps) fetch(ahead[i], from, first + i * stride);
      }
      for (int base = first; base < steps; base += kAhead * stride) {
#pragma unroll
        for (int i = 0; i < kAhead; ++i) {
          const int step = base + i * stride;
          if (step >= steps) break;
          uint4 now[kPanels][kLoads];
#pragma unroll
          for (int panel = 0; panel < kPanels; ++panel) {
#pragma unroll
            for (int load = 0; load < kLoads; ++load) now[panel][load] = ahead[i][panel][load];
          }
          if (step + kAhead * stride < steps) fetch(ahead[i], from, step + kAhead * stride);
          add<kPitch>(operand + step * kStepLine, pixels,
                      [&](int panel, int load) { return now[panel][load]; });
        }
      }
    }
  }

  // f(panel, tile, sums) for those that the warp has, counted within it.
  template <class Pixels, class Panels, class F>
  __device__ __forceinline__ void for_each(Pixels pixels, Panels panels, F&& f) {
#pragma unroll
    for (int panel = 0; panel < kPanels; ++panel) {
      if (!panels.has(panel)) continue;
#pragma unroll
      for (int tile = 0; tile < kPixelTiles; ++tile) {
        if (!pixels.has(tile)) continue;
        f(panel, tile, sums_[panel][tile]);
      }
    }
  }

 private:
  static constexpr bool kFma = kElement == Element::kF32;
  static constexpr int kLoads = kFma ? 4 : 1;       // 16-byte loads of a lane, panel and step
  static constexpr int kStepLine = kFma ? 16 : 32;  // bytes of a pixel's line
  static constexpr int kAhead = steps_ahead(kElement, kPanels);

  __device__ __forceinline__ static int lane_bytes() {
    return kFma ? fma_quad() * 16 : lane() * 16;
  }
  __device__ __forceinline__ static void fetch(uint4 (&to)[kPanels][kLoads],
                                               const char* const (&from)[kPanels], int step) {
#pragma unroll
    for (int panel = 0; panel < kPanels; ++panel) {
#pragma unroll
      for (int load = 0; load < kLoads; ++load) {
        const auto* at =
            reinterpret_cast<const uint4*>(from[panel] + step * step_bytes(kElement) + load * 64);
        if constexpr (kShared) {
          to[panel][load] = *at;
        } else {
          to[panel][load] = __ldg(at);
        }
      }
    }
  }

  // weight(panel, load): 16 bytes of this lane.
  template <int kPitch, class Pixels, class Weight>
  __device__ __forceinline__ void add(const char* operand, Pixels pixels, Weight&& weight) {
    if constexpr (kFma) {
      float x[kPixelTiles][4];
#pragma unroll
      for (int tile = 0; tile < kPixelTiles; ++tile) {
        const float4 four = *reinterpret_cast<const float4*>(
            operand + (pixels.at(tile) * kPixels + fma_pixel()) * kPitch);
        x[tile][0] = four.x, x[tile][1] = four.y, x[tile][2] = four.z, x[tile][3] = four.w;
      }
#pragma unroll
      for (int k = 0; k < 4; ++k) {
#pragma unroll
        for (int panel = 0; panel < kPanels; ++panel) {
          const uint4 w = weight(panel, k);
#pragma unroll
          for (int tile = 0; tile < kPixelTiles; ++tile) {
            float(&sum)[4] = sums_[panel][tile];
            sum[0] = fmaf(x[tile][k], __uint_as_float(w.x), sum[0]);
            sum[1] = fmaf(x[tile][k], __uint_as_float(w.y), sum[1]);
            sum[2] = fmaf(x[tile][k], __uint_as_float(w.z), sum[2]);
            sum[3] = fmaf(x[tile][k], __uint_as_float(w.w), sum[3]);
          }
        }
      }
    } else {
      Left<kElement> w[kPanels];
#pragma unroll
      for (int panel = 0; panel < kPanels; ++panel) w[panel] = left<kElement>(weight(panel, 0));
#pragma unroll
      for (int tile = 0; tile < kPixelTiles; tile += 2) {
        // Lanes 0-15 give the lines of one tile's pixels, lanes 16-31 those of the next one's.
        const int mine = tile + (lane() >> 4) % 2 < kPixelTiles ? tile + (lane() >> 4) : tile;
        const unsigned line = shared_address(
            operand + (pixels.at(mine) * kPixels + (lane() & 7)) * kPitch + (lane() >> 3 & 1) * 16);
        unsigned b[4];
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3])
                     : "r"(line)
                     : "memory");
        const Right<kElement> x = right<kElement>(b[0], b[1]), next = right<kElement>(b[2], b[3]);
#pragma unroll
        for (int panel = 0; panel < kPanels; ++panel) {
          tensor_product<kElement>(sums_[panel][tile], w[panel], x);
          if (tile + 1 < kPixelTiles) {
            tensor_product<kElement>(sums_[panel][tile + 1], w[panel], next);
          }
        }
      }
    }
  }

  Sum<kElement> sums_[kPanels][kPixelTiles][4];
};

// Puts the sums of a lane down: `to` is for the first of them, in a line of kPitch words a pixel.
template <Element kElement, int kPitch>
__device__ __forceinline__ void put_sums(Sum<kElement>* to, const Sum<kElement> (&v)[4]) {
  if constexpr (kElement == Element::kF32) {
    *reinterpret_cast<float4*>(to) = float4{v[0], v[1], v[2], v[3]};
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) to[(i & 1) * kPitch + (i & 2) * 4] = v[i];
  }
}

// Puts four values of a lane (see channel_of, pixel_of) into lines of elements, `line(pixel)` of
// the tile's pixel or null.
template <Element kElement, class Line>
__device__ __forceinline__ void put(const float (&v)[4], int first_channel, Line&& line) {
  using T = TypeOf<kElement>;
  if constexpr (kElement == Element::kF32) {
    if (char* to = line(pixel_of<kElement>(0)); to != nullptr) {
      *reinterpret_cast<float4*>(to + (first_channel + channel_of<kElement>(0)) * 4) =
          float4{v[0], v[1], v[2], v[3]};
    }
  } else {
    // Neighbours have neighbouring channels of the same two pixels: they swap, so that each has
    // both channels of one pixel.
    const bool odd = lane() >> 2 & 1;
    const int pixel = pixel_of<kElement>(odd);
    char* to = line(pixel);
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
      const float other = __shfl_xor_sync(~0u, odd ? v[i] : v[i + 1], 4);
      const float low = odd ? other : v[i], high = odd ? v[i + 1] : other;
      if (to == nullptr) continue;
      const int c = first_channel + (channel_of<kElement>(i) & ~1);
      char* at = to + c * static_cast<int>(sizeof(T));
      if constexpr (kElement == Element::kS8) {
        *reinterpret_cast<unsigned short*>(at) =
            static_cast<unsigned short>((quantise(low) & 0xff) | (quantise(high) & 0xff) << 8);
      } else if constexpr (is_f32(kElement)) {
        *reinterpret_cast<float2*>(at) = float2{low, high};
      } else {
        *reinterpret_cast<unsigned*>(at) = pack<kElement>(low, high);
      }
    }
  }
}

}  // namespace convoy::fused_cuda
