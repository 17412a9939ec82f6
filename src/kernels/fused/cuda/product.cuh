// The products of pointwise convolutions: pixels in shared memory times weights in panels.
//
// A warp holds sums of tiles of pixels x 16 channels (one panel); a lane has four neighbouring
// channels of a pixel of each, so that results leave registers in whole vectors. f16, bf16, s8 and
// f32 in parts go to the tensor cores, 16 pixels at a time as their left operand; f32 is multiplied
// by FMA, 8 pixels at a time. Weights are packed in the order in which lanes use them, 16 bytes a
// lane and load, and each is used by one warp of the block only when warps do not share panels:
// they come straight from memory, several steps ahead, and pass no shared memory.
#pragma once

#include "kernels/fused/cuda/tensor.cuh"

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
};

// Which pixel of a tile, and which four channels of a panel, a lane's first four sums are of; where
// it has eight, the others are of the pixel 8 further on. In f32 neighbouring lanes share their
// channels and every other one of them its pixel: 16-byte loads from shared memory take half as
// long when a quarter of a warp reads at most four places, neighbours in pairs (measured on an
// H200).
template <Element kElement>
__device__ __forceinline__ int quad_of_lane() {
  return kElement == Element::kF32 ? lane() >> 1 & 3 : lane() & 3;
}
template <Element kElement>
__device__ __forceinline__ int pixel_of_lane() {
  return kElement == Element::kF32 ? (lane() & 1) | lane() >> 3 << 1 : lane() >> 2;
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
        for (int i = 0; i < kSums; ++i) sums_[panel][tile][i] = 0;
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
      const auto add_step = [&](int step, bool fresh) {
        add<kPitch>(operand + step * kStepLine, pixels, fresh, [&](int panel, int load) {
          return *reinterpret_cast<const uint4*>(from[panel] + step * step_bytes(kElement) +
                                                 load * 64);
        });
      };
      if constexpr (kPartsKept) {
#pragma unroll 1
        for (int base = first; base < steps; base += kTogether * stride) {
#pragma unroll
          for (int i = 0; i < kTogether; ++i) {
            if (base + i * stride >= steps) break;
            add_step(base + i * stride, i == 0);
          }
          add_parts();
        }
      } else {
#pragma unroll 2
        for (int step = first; step < steps; step += stride) add_step(step, true);
      }
    } else {
      uint4 ahead[kTogether][kPanels][kLoads];
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        if (first + i * stride < steps) fetch(ahead[i], from, first + i * stride);
      }
      for (int base = first; base < steps; base += kTogether * stride) {
#pragma unroll
        for (int i = 0; i < kTogether; ++i) {
          const int step = base + i * stride;
          if (step >= steps) break;
          uint4 now[kPanels][kLoads];
#pragma unroll
          for (int panel = 0; panel < kPanels; ++panel) {
#pragma unroll
            for (int load = 0; load < kLoads; ++load) now[panel][load] = ahead[i][panel][load];
          }
          if (step + kTogether * stride < steps) {
            fetch(ahead[i], from, step + kTogether * stride);
          }
          add<kPitch>(operand + step * kStepLine, pixels, i == 0,
                      [&](int panel, int load) { return now[panel][load]; });
        }
        add_parts();
      }
    }
  }

  // For all sums that the warp has: channels(channel) gives a function of a pixel and its four
  // sums, of channels from `channel` on.
  template <class Pixels, class Panels, class Channels>
  __device__ __forceinline__ void for_each(Pixels pixels, Panels panels, Channels&& channels) {
    const int first_pixel = pixels.first * kTilePixels + pixel_of_lane<kElement>();
    const int first_channel = panels.first * kPanel + quad_of_lane<kElement>() * 4;
#pragma unroll
    for (int panel = 0; panel < kPanels; ++panel) {
      if (!panels.has(panel)) continue;
      const auto f = channels(first_channel + panel * panels.stride * kPanel);
#pragma unroll
      for (int tile = 0; tile < kPixelTiles; ++tile) {
        if (!pixels.has(tile)) continue;
#pragma unroll
        for (int half = 0; half < kSums / 4; ++half) {
          Sum<kElement> four[4];
#pragma unroll
          for (int i = 0; i < 4; ++i) four[i] = sums_[panel][tile][half * 4 + i];
          f(first_pixel + tile * pixels.stride * kTilePixels + half * 8, four);
        }
      }
    }
  }

 private:
  static constexpr bool kFma = kElement == Element::kF32;
  static constexpr int kLoads = kFma ? 4 : 1;       // 16-byte loads of a lane, panel and step
  static constexpr int kStepLine = kFma ? 16 : 32;  // bytes of a pixel's line
  static constexpr bool kInParts = kElement == Element::kF32Split;
  // Whether registers have room for sums of several steps beside those of all, and there are enough
  // of them that products wait for nothing.
  static constexpr bool kPartsKept =
      kInParts && kPanels * kPixelTiles >= 3 && kPanels * kPixelTiles <= 8;
  // Steps that are worked on before the next are fetched, or between additions of their sums.
  static constexpr int kTogether = steps_ahead(kElement, kPanels);
  static constexpr int kTilePixels = tile_pixels(kElement);
  static constexpr int kSums = kTilePixels * kPanel / 32;  // of a lane and tile

  __device__ __forceinline__ static int lane_bytes() {
    return kFma ? quad_of_lane<kElement>() * 16 : lane() * 16;
  }
  // Weights that pass no shared memory.
  __device__ __forceinline__ static void fetch(uint4 (&to)[kPanels][kLoads],
                                               const char* const (&from)[kPanels], int step) {
#pragma unroll
    for (int panel = 0; panel < kPanels; ++panel) {
#pragma unroll
      for (int load = 0; load < kLoads; ++load) {
        to[panel][load] = __ldg(
            reinterpret_cast<const uint4*>(from[panel] + step * step_bytes(kElement) + load * 64));
      }
    }
  }

  // The sums of the steps since the last time.
  __device__ __forceinline__ void add_parts() {
    if constexpr (kPartsKept) {
#pragma unroll
      for (int panel = 0; panel < kPanels; ++panel) {
#pragma unroll
        for (int tile = 0; tile < kPixelTiles; ++tile) {
#pragma unroll
          for (int i = 0; i < kSums; ++i) sums_[panel][tile][i] += parts_[panel][tile][i];
        }
      }
    }
  }

  // weight(panel, load): 16 bytes of this lane. fresh: the first step since add_parts().
  template <int kPitch, class Pixels, class Weight>
  __device__ __forceinline__ void add(const char* operand, Pixels pixels, bool fresh,
                                      Weight&& weight) {
    if constexpr (kFma) {
      float x[kPixelTiles][4];
#pragma unroll
      for (int tile = 0; tile < kPixelTiles; ++tile) {
        const float4 four = *reinterpret_cast<const float4*>(
            operand + (pixels.at(tile) * kTilePixels + pixel_of_lane<kElement>()) * kPitch);
        x[tile][0] = four.x, x[tile][1] = four.y, x[tile][2] = four.z, x[tile][3] = four.w;
      }
#pragma unroll
      for (int k = 0; k < 4; ++k) {
#pragma unroll
        for (int panel = 0; panel < kPanels; ++panel) {
          const uint4 w = weight(panel, k);
#pragma unroll
          for (int tile = 0; tile < kPixelTiles; ++tile) {
            float(&sum)[kSums] = sums_[panel][tile];
            sum[0] = fmaf(x[tile][k], __uint_as_float(w.x), sum[0]);
            sum[1] = fmaf(x[tile][k], __uint_as_float(w.y), sum[1]);
            sum[2] = fmaf(x[tile][k], __uint_as_float(w.z), sum[2]);
            sum[3] = fmaf(x[tile][k], __uint_as_float(w.w), sum[3]);
          }
        }
      }
    } else {
      Operand<kElement> w[kPanels];
#pragma unroll
      for (int panel = 0; panel < kPanels; ++panel) {
        w[panel] = operand_of<kElement>(weight(panel, 0));
      }
#pragma unroll
      for (int first = 0; first < kPixelTiles; first += 2) {
        multiply_tiles<kPitch>(operand, pixels, w, first, smaller(2, kPixelTiles - first), fresh);
      }
    }
  }

  // One step of tiles first, first + 1, of which there are `count`.
  template <int kPitch, class Pixels>
  __device__ __forceinline__ void multiply_tiles(const char* operand, Pixels pixels,
                                                 const Operand<kElement> (&w)[kPanels], int first,
                                                 int count, bool fresh) {
    Operand<kElement> x[2];
    Sum<kElement> own[2][kPanels][kSums];  // of this step alone
#pragma unroll
    for (int j = 0; j < count; ++j) {
      // Lanes 0-15 give the first halves of 16 pixels' lines, lanes 16-31 the second.
      x[j] = operand_of<kElement>(load_matrices(
          shared_address(operand + (pixels.at(first + j) * kTilePixels + (lane() & 15)) * kPitch +
                         (lane() >> 4) * 16)));
    }
    const auto sums = [&](int panel, int j) -> Sum<kElement>(&)[kSums] {
      return !kInParts    ? sums_[panel][first + j]
             : kPartsKept ? parts_[panel][first + j]
                          : own[j][panel];
    };
    if (kInParts && (fresh || !kPartsKept)) {
#pragma unroll
      for (int panel = 0; panel < kPanels; ++panel) {
#pragma unroll
        for (int j = 0; j < count; ++j) {
#pragma unroll
          for (int i = 0; i < kSums; ++i) sums(panel, j)[i] = 0;
        }
      }
    }
#pragma unroll
    for (int factor = 0; factor < kFactors<kElement>; ++factor) {
#pragma unroll
      for (int panel = 0; panel < kPanels; ++panel) {
#pragma unroll
        for (int j = 0; j < count; ++j) {
          tensor_product<kElement>(sums(panel, j), x[j], w[panel], factor);
        }
      }
    }
    if constexpr (kInParts && !kPartsKept) {
#pragma unroll
      for (int panel = 0; panel < kPanels; ++panel) {
#pragma unroll
        for (int j = 0; j < count; ++j) {
#pragma unroll
          for (int i = 0; i < kSums; ++i) sums_[panel][first + j][i] += own[j][panel][i];
        }
      }
    }
  }

  Sum<kElement> sums_[kPanels][kPixelTiles][kSums];
  // Of the steps since add_parts(), where they are kept.
  Sum<kElement> parts_[kPanels][kPixelTiles][kSums];
};

}  // namespace convoy::fused_cuda
