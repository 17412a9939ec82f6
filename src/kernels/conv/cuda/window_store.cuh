// From a thread's sums to the output: residual, activation, and stores that fill whole sectors. The
// bias is in the sums already.
#pragma once

#include "kernels/conv/cuda/finish.cuh"
#include "kernels/conv/cuda/vector_access.cuh"
#include "kernels/conv/cuda/window_place.cuh"

namespace convoy::conv_cuda {

// One run of kVector outputs; `residual` is null where there is none.
template <Problem kProblem, int kVector>
__device__ inline void store_finished(float* y, const float* residual, float (&value)[kVector]) {
  float added[kVector] = {};
  if constexpr (kProblem.residual != Residual::kNone) load_run<kVector, kVector>(residual, added);
#pragma unroll
  for (int v = 0; v < kVector; ++v) value[v] = finish_biased<kProblem>(value[v], added[v]);
  store_vector<kVector>(y, value);
}

// NHWC: a pixel's channels lie side by side, and so do the threads that hold them.
template <Problem kProblem, Tile kTile>
__device__ inline void store_channels(const BlockPlace<kProblem, kTile>& place,
                                      const ThreadPlace<kProblem, kTile>& at,
                                      const float (&sum)[kTile.k][kTile.q], const float* residual,
                                      float* y) {
  constexpr TileSizes z = sizes_of(kProblem, kTile);
  constexpr int kRun = channel_run<kTile>();
  constexpr int kVector = z.group_k % kRun == 0 && kTile.vector_loads ? kRun : 1;
  const unsigned flat = place.first_segment + at.segment;
  const unsigned row = flat / kTile.row_segments;
  if (row >= z.rows) return;
  const int q0 = static_cast<int>(
      (place.column_tile * kTile.row_segments + flat % kTile.row_segments) * kTile.q);
  const int k0 = static_cast<int>(place.k_tile) * z.block_k;
  const Offset base = static_cast<Offset>(row) * kProblem.q * kProblem.k +
                      static_cast<Offset>(q0) * kProblem.k + place.group * z.group_k;
#pragma unroll
  for (int q = 0; q < kTile.q; ++q) {
    if (q0 + q >= kProblem.q) break;
#pragma unroll
    for (int j = 0; j < kTile.k; j += kVector) {
      const int k = k0 + channel_of<kTile>(at.k, j);
      if (z.group_k % z.block_k != 0 && k >= z.group_k) continue;
      const Offset to = base + q * kProblem.k + k;
      float value[kVector];
#pragma unroll
      for (int v = 0; v < kVector; ++v) value[v] = sum[j + v][q];
      store_finished<kProblem, kVector>(y + to, residual + to, value);
    }
  }
}

// NCHW: a thread's columns lie side by side but its neighbours' do not follow at once, so a warp
// exchanges them through its own slice of shared memory and stores runs of all its segments.
template <Problem kProblem, Tile kTile>
__device__ inline void store_columns(const BlockPlace<kProblem, kTile>& place,
                                     const ThreadPlace<kProblem, kTile>& at,
                                     const float (&sum)[kTile.k][kTile.q], const float* residual,
                                     float* y, float* shared) {
  constexpr TileSizes z = sizes_of(kProblem, kTile);
  constexpr int kExchange = kTile.q % 4 == 0 ? 4 : kTile.q % 2 == 0 ? 2 : 1;
  constexpr int kVector = !kTile.vector_loads                         ? 1
                          : kProblem.q % kExchange == 0               ? kExchange
                          : kProblem.q % 2 == 0 && kExchange % 2 == 0 ? 2
                                                                      : 1;
  constexpr int kPlane = kProblem.p * kProblem.q;
  constexpr int kRun = ThreadPlace<kProblem, kTile>::kWarpSegments * kTile.q;  // of one channel
  constexpr int kCount = kTile.q / kVector;  // vectors a thread stores of each of its channels
  const unsigned lane = threadIdx.x % 32;
  float* slice = shared + threadIdx.x / 32 * (32 * kTile.q);

  // Of this lane's segment: where it lies, from the block's first image and channel, and how many
  // of its columns exist.
  const unsigned first_n = place.first_row / kProblem.p;
  const unsigned flat = place.first_segment + at.segment;
  const unsigned row = flat / kTile.row_segments;
  const int q0 = static_cast<int>(
      (place.column_tile * kTile.row_segments + flat % kTile.row_segments) * kTile.q);
  const int segment_offset = static_cast<int>((row / kProblem.p - first_n) * (kProblem.k * kPlane) +
                                              row % kProblem.p * kProblem.q) +
                             q0;
  const int segment_columns = row < z.rows ? kProblem.q - q0 : 0;

  const int k0 = static_cast<int>(place.k_tile) * z.block_k;
  const Offset base =
      (static_cast<Offset>(first_n) * kProblem.k + place.group * z.group_k + k0) * kPlane;

  // The same for every channel: where this lane's vectors go to, and whether they exist.
  int to[kCount], first_k[kCount];  // past all channels where there is no pixel
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    const unsigned m = (lane + 32 * i) * kVector;
    const int holder = static_cast<int>(m % kRun / kTile.q) * kTile.warp_k;
    const int column = static_cast<int>(m % kTile.q);
    const int k = channel_of<kTile>(at.warp_k + m / kRun, 0);
    const int columns = __shfl_sync(0xffffffffu, segment_columns, holder);
    to[i] = __shfl_sync(0xffffffffu, segment_offset, holder) + column + k * kPlane;
    first_k[i] = column < columns ? k0 + k : z.group_k;
  }
#pragma unroll
  for (int j = 0; j < kTile.k; ++j) {
    const int step = channel_of<kTile>(0, j);
    __syncwarp();
#pragma unroll
    for (int q = 0; q < kTile.q; q += kExchange) {
      float value[kExchange];
#pragma unroll
      for (int v = 0; v < kExchange; ++v) value[v] = sum[j][q + v];
      store_vector<kExchange>(
          slice + lane % kTile.warp_k * kRun + lane / kTile.warp_k * kTile.q + q, value);
    }
    __syncwarp();
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const bool exists =
          z.group_k % z.block_k == 0 ? first_k[i] < z.group_k : first_k[i] + step < z.group_k;
      if (!exists) continue;
      float value[kVector];
      load_run<kVector, kVector>(slice + (lane + 32 * i) * kVector, value);
      const Offset at_k = base + to[i] + static_cast<Offset>(step) * kPlane;
      store_finished<kProblem, kVector>(y + at_k, residual + at_k, value);
    }
  }
}

}  // namespace convoy::conv_cuda
