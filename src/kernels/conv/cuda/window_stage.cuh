// Bringing one stage of the operands to shared memory.
#pragma once

#include "kernels/conv/cuda/async_copy.cuh"
#include "kernels/conv/cuda/window_place.cuh"

namespace convoy::conv_cuda {

// Where the copies of a stage of x come from.
template <Problem kProblem, Tile kTile>
struct WindowSource {
  static constexpr TileSizes kSizes = sizes_of(kProblem, kTile);
  static constexpr bool kNhwc = kProblem.x_layout == Layout::kNhwc;
  static constexpr int kPixelStride = kNhwc ? kProblem.c : 1;
  static constexpr int kChannelStride = kNhwc ? 1 : kProblem.h * kProblem.w;
  static constexpr int kOffsetBits = 32 - kSizes.row_stages;
  static constexpr unsigned kOffsetMask = (1u << kOffsetBits % 32) - 1;

  const float* base;  // the group's first channel of the first image, at the top of its padding
  unsigned first_line, first_n;
  int first_w;

  __device__ WindowSource(const BlockPlace<kProblem, kTile>& place, const float* x)
      : first_line(line_row<kProblem, kTile>(place.first_row)),
        first_n(first_line / kSizes.image_rows),
        first_w(static_cast<int>(place.column_tile) *
                    (kTile.row_segments * kTile.q * kProblem.stride_w) -
                kProblem.pad_left) {
    base = x + static_cast<Offset>(first_n) * kProblem.c * kProblem.h * kProblem.w +
           static_cast<Offset>(place.group) * kSizes.group_c * kChannelStride -
           static_cast<Offset>(kProblem.pad_top) * kProblem.w * kPixelStride;
  }

  // The offset from `base` of one copy, and whether each row stage finds input there: bit
  // kOffsetBits + i is of the i-th.
  __device__ unsigned entry(unsigned unit) const {
    const unsigned at = unit * kSizes.copy;
    const unsigned line = first_line + at / kSizes.row_pitch;
    const unsigned in_row = at % kSizes.row_pitch;
    const unsigned lane = in_row % kSizes.lanes;
    int w = static_cast<int>(in_row / kSizes.lanes);
    bool staged = true;
    if constexpr (kTile.separate_windows) {
      const int in_window = static_cast<int>(in_row % kSizes.segment_pitch) / kSizes.lanes;
      staged = in_window < kSizes.window / kSizes.lanes;
      w = static_cast<int>(in_row / kSizes.segment_pitch) * (kTile.q * kProblem.stride_w) +
          in_window;
    }
    w += first_w;
    const unsigned n = line / kSizes.image_rows;
    const unsigned padded_h = line % kSizes.image_rows;
    staged = staged && n < kProblem.n && static_cast<unsigned>(w) < kProblem.w;
    if (!staged) return 0;
    unsigned result = (n - first_n) * (kProblem.c * kProblem.h * kProblem.w) +
                      (padded_h * kProblem.w + static_cast<unsigned>(w)) * kPixelStride + lane;
#pragma unroll
    for (int i = 0; i < kSizes.row_stages; ++i) {
      const unsigned h = padded_h + i * kTile.rows * kProblem.dilation_h - kProblem.pad_top;
      if (h < kProblem.h) result |= 1u << (kOffsetBits + i) % 32;
    }
    return result;
  }
};

// x: one stage of channels from `c` (in the group) and filter rows from row_stage * rows on.
template <Problem kProblem, Tile kTile>
__device__ inline void stage_windows(const WindowSource<kProblem, kTile>& source, int c,
                                     int row_stage, float* stage, const unsigned* table) {
  using Source = WindowSource<kProblem, kTile>;
  constexpr TileSizes z = sizes_of(kProblem, kTile);
  constexpr int kPlanes = kTile.channels / z.lanes;
  constexpr bool kWholeStages = z.group_c % kTile.channels == 0;
  const float* base = source.base + static_cast<Offset>(c) * Source::kChannelStride +
                      static_cast<Offset>(row_stage) *
                          (kTile.rows * kProblem.dilation_h * kProblem.w) * Source::kPixelStride;
#pragma unroll 2
  for (unsigned unit = threadIdx.x; unit < z.units; unit += z.threads) {
    const unsigned entry = z.table ? table[unit] : source.entry(unit);
    const bool valid = entry >> (Source::kOffsetBits + row_stage) % 32 & 1;
    const float* from = base + (entry & Source::kOffsetMask);
    const int lane = z.copy == 1 ? static_cast<int>(unit % z.lanes) : 0;
    float* to = stage + unit * z.copy;
#pragma unroll
    for (int i = 0; i < kPlanes; ++i) {
      const bool exists = kWholeStages || c + i * z.lanes + lane < z.group_c;
      copy_async<z.copy>(to + i * z.plane, from + i * (z.lanes * Source::kChannelStride),
                         valid && exists);
    }
  }
}

// The filter's slice of one stage, packed in the order of its use.
template <Problem kProblem, Tile kTile>
__device__ inline void stage_filter(const float* packed, float* stage) {
  constexpr TileSizes z = sizes_of(kProblem, kTile);
  constexpr int kCopy = kTile.vector_loads ? 4 : 1;
#pragma unroll 4
  for (unsigned at = threadIdx.x * kCopy; at < z.w_stage; at += z.threads * kCopy) {
    copy_async<kCopy>(stage + at, packed + at, true);
  }
}

}  // namespace convoy::conv_cuda
