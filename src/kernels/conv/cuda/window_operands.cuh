// A thread's operands of one stage: its segment's window of a filter row, and the filter's values
// for its output channels at one tap.
#pragma once

#include "kernels/conv/cuda/vector_access.cuh"
#include "kernels/conv/cuda/window_place.cuh"

namespace convoy::conv_cuda {

// From shared memory.
template <Problem kProblem, Tile kTile>
struct StagedOperands {
  static constexpr TileSizes kSizes = sizes_of(kProblem, kTile);
  const float* x;  // of the thread's segment, the first filter row and channel
  const float* w;  // of the thread's first output channel

  StagedOperands() = default;
  __device__ StagedOperands(const BlockPlace<kProblem, kTile>& place,
                            const ThreadPlace<kProblem, kTile>& at, const float* shared) {
    // Segments past the last row compute what nobody stores, from the last row's input.
    const unsigned flat = place.first_segment + at.segment;
    const unsigned row = flat / kTile.row_segments;
    const unsigned staged = line_row<kProblem, kTile>(row < kSizes.rows ? row : kSizes.rows - 1) -
                            line_row<kProblem, kTile>(place.first_row);
    x = shared + staged * kSizes.row_pitch + flat % kTile.row_segments * kSizes.segment_pitch;
    w = shared + kSizes.x_stage + channel_of<kTile>(at.k, 0);
  }
  __device__ StagedOperands in_buffer(int buffer) const {
    StagedOperands moved = *this;
    moved.x += buffer * (kSizes.x_stage + kSizes.w_stage);
    moved.w += buffer * (kSizes.x_stage + kSizes.w_stage);
    return moved;
  }

  template <int kLength>
  __device__ void load_window(int c, int r, float (&window)[kLength]) const {
    load_run<kSizes.load, kLength>(
        x + c * kSizes.plane + r * (kProblem.dilation_h * kSizes.row_pitch), window);
  }
  __device__ void load_filter(int tap, float (&filter)[kTile.k]) const {
    constexpr int kRun = channel_run<kTile>();
#pragma unroll
    for (int j = 0; j < kTile.k; j += kRun) {
      load_run<kTile.vector_loads ? kRun : 1, kRun>(w + tap * kSizes.block_k + j * kTile.k_threads,
                                                    filter + j);
    }
  }
};

// From global memory, for the ablation that does without shared memory.
template <Problem kProblem, Tile kTile>
struct GlobalOperands {
  static constexpr TileSizes kSizes = sizes_of(kProblem, kTile);
  const float* x;
  const float* w;
  unsigned n, group;
  int h, column;  // of the first window's first tap, padding included
  int channel;

  GlobalOperands() = default;
  __device__ GlobalOperands(const BlockPlace<kProblem, kTile>& place,
                            const ThreadPlace<kProblem, kTile>& at, const float* input,
                            const float* packed)
      : x(input), w(packed + channel_of<kTile>(at.k, 0)), group(place.group), channel(0) {
    const unsigned flat = place.first_segment + at.segment;
    const unsigned row = flat / kTile.row_segments;
    n = row / kProblem.p;
    h = static_cast<int>(row % kProblem.p) * kProblem.stride_h - kProblem.pad_top;
    column = static_cast<int>(place.column_tile * kTile.row_segments + flat % kTile.row_segments) *
                 (kTile.q * kProblem.stride_w) -
             kProblem.pad_left;
  }
  __device__ GlobalOperands of_stage(int stage) const {
    GlobalOperands moved = *this;
    moved.w += static_cast<Offset>(stage) * kSizes.w_stage;
    moved.h += stage % kSizes.row_stages * (kTile.rows * kProblem.dilation_h);
    moved.channel = stage / kSizes.row_stages * kTile.channels;
    return moved;
  }

  template <int kLength>
  __device__ void load_window(int c, int r, float (&window)[kLength]) const {
    const int row = h + r * kProblem.dilation_h;
#pragma unroll
    for (int i = 0; i < kSizes.window; ++i) {
      const int in_group = channel + c * kSizes.lanes + i % kSizes.lanes;
      const int w_at = column + i / kSizes.lanes;
      const bool inside = n < kProblem.n && in_group < kSizes.group_c &&
                          static_cast<unsigned>(row) < kProblem.h &&
                          static_cast<unsigned>(w_at) < kProblem.w;
      window[i] =
          inside ? __ldg(x + x_offset<kProblem>(static_cast<int>(n),
                                                static_cast<int>(group) * kSizes.group_c + in_group,
                                                row, w_at))
                 : 0.0f;
    }
  }
  __device__ void load_filter(int tap, float (&filter)[kTile.k]) const {
    constexpr int kRun = channel_run<kTile>();
#pragma unroll
    for (int j = 0; j < kTile.k; ++j) {
      filter[j] = __ldg(w + tap * kSizes.block_k + j / kRun * kRun * kTile.k_threads + j % kRun);
    }
  }
};

}  // namespace convoy::conv_cuda
