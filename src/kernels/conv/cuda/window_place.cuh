// Which part of the output a block, a warp and a thread compute.
#pragma once

#include "kernels/conv/cuda/window_tile.cuh"

namespace convoy::conv_cuda {

// What a block computes, from its index. Blocks that share input are neighbours, so that it is in
// L2.
template <Problem kProblem, Tile kTile>
struct BlockPlace {
  static constexpr TileSizes kSizes = sizes_of(kProblem, kTile);
  unsigned k_tile, group, column_tile;
  unsigned first_segment;  // in the column tile's (n, p, segment) order
  unsigned first_row;      // n * p + row of that segment

  __device__ explicit BlockPlace(unsigned index) {
    k_tile = index % kSizes.k_tiles;
    index /= kSizes.k_tiles;
    group = index % kProblem.groups;
    index /= kProblem.groups;
    column_tile = index % kSizes.column_tiles;
    first_segment = index / kSizes.column_tiles * kTile.segments;
    first_row = first_segment / kTile.row_segments;
  }
};

// All input rows that any output row needs are numbered in one line: an image's, from its first
// output row's first to its last's last, then the next image's. A block stages a run of that line.
template <Problem kProblem, Tile kTile>
__device__ inline unsigned line_row(unsigned row) {
  constexpr TileSizes z = sizes_of(kProblem, kTile);
  return row / kProblem.p * z.image_rows + row % kProblem.p * kProblem.stride_h;
}

// A thread's place in its block.
template <Problem kProblem, Tile kTile>
struct ThreadPlace {
  static constexpr int kWarpSegments = 32 / kTile.warp_k;
  static constexpr int kWarpsAlongK = kTile.k_threads / kTile.warp_k;
  unsigned part;                  // of the split reduction
  unsigned k, segment;            // thread along output channels and pixels
  unsigned warp_k, warp_segment;  // the first ones of its warp

  __device__ explicit ThreadPlace(unsigned thread) {
    constexpr unsigned kPart = kTile.k_threads * kTile.segments;
    part = kTile.split == 1 ? 0 : thread / kPart;
    const unsigned lane = thread % 32, warp = thread % kPart / 32;
    warp_k = warp % kWarpsAlongK * kTile.warp_k;
    warp_segment = warp / kWarpsAlongK * kWarpSegments;
    k = warp_k + lane % kTile.warp_k;
    segment = warp_segment + lane / kTile.warp_k;
  }
};

// Channels are dealt to threads in runs of up to four, so that neighbours load neighbouring
// vectors: the j-th channel of thread `k` within its block's.
template <Tile kTile>
constexpr int channel_run() {
  return kTile.k % 4 == 0 ? 4 : kTile.k % 2 == 0 ? 2 : 1;
}
template <Tile kTile>
__device__ constexpr int channel_of(unsigned k, int j) {
  constexpr int kRun = channel_run<kTile>();
  return (j / kRun * kTile.k_threads + static_cast<int>(k)) * kRun + j % kRun;
}

}  // namespace convoy::conv_cuda
