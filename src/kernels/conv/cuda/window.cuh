// Implicit im2win: convolution whose operand is brought into window order on chip (Lu et al.,
// "Im2win: An Efficient Convolution Paradigm on GPU"; here the order never reaches memory).
//
// A block computes `segments` segments of `q` output columns for k_threads * k output channels. The
// reduction runs over stages of `channels` input channels and `rows` filter rows. A stage is
// brought to shared memory once: the filter's slice, and the input rows that its output rows need,
// each once. A thread then takes the windows of its q outputs, which overlap, as one run into
// registers: an input value loaded once serves all the products of q columns and s taps that it
// takes part in.
//
//   shared memory, one stage:  x [channels / lanes][staged rows][row: columns x lanes]
//                              w [channels / lanes][rows][lanes][s][k_threads * k]
//   registers:                 sum[k][q], window[columns x lanes], filter[k]
#pragma once

#include "kernels/conv/cuda/window_operands.cuh"
#include "kernels/conv/cuda/window_stage.cuh"
#include "kernels/conv/cuda/window_store.cuh"

namespace convoy::conv_cuda {

// sum += the products of one tap. Their order decides which operands come from the operand cache
// and which registers are read together; ptxas keeps it. No order is best for all register tiles,
// and between the best and the worst lie 3 to 15 % (docs/performance/gpu-im2win.md).
template <Problem kProblem, Tile kTile, int kWindow>
__device__ inline void add_products(const float (&window)[kWindow], const float (&filter)[kTile.k],
                                    int tap, float (&sum)[kTile.k][kTile.q]) {
  constexpr int kLanes = sizes_of(kProblem, kTile).lanes;
  constexpr int kInner = kTile.q_outer ? kTile.k : kTile.q;
  const int lane = tap / kProblem.s, s = tap % kProblem.s;
#pragma unroll
  for (int i = 0; i < kTile.q * kTile.k; ++i) {
    const int outer = i / kInner;
    const int inner = kTile.back_and_forth && outer % 2 == 1 ? kInner - 1 - i % kInner : i % kInner;
    const int k = kTile.q_outer ? inner : outer, q = kTile.q_outer ? outer : inner;
    const int column = q * kProblem.stride_w + s * kProblem.dilation_w;
    asm("fma.rn.f32 %0, %1, %2, %0;"
        : "+f"(sum[k][q])
        : "f"(window[column * kLanes + lane]), "f"(filter[k]));
  }
}

// sum += the products of one stage.
template <Problem kProblem, Tile kTile, class Operands>
__device__ inline void multiply(const Operands& operands, unsigned part,
                                float (&sum)[kTile.k][kTile.q]) {
  constexpr TileSizes z = sizes_of(kProblem, kTile);
  constexpr int kTaps = z.lanes * kProblem.s;  // that one window serves
  // A pragma of 0 is none: one on a loop of one turn may keep the taps, too, from being unrolled.
  constexpr int kRowUnroll = kTile.rows == 1 ? 0 : kTile.rows * kTaps <= 12 ? kTile.rows : 1;
  constexpr int kFilters = kTile.prefetch ? 2 : 1;
#pragma unroll 1
  for (int c = static_cast<int>(part); c < kTile.channels / z.lanes; c += kTile.split) {
#pragma unroll kRowUnroll
    for (int r = 0; r < kTile.rows; ++r) {
      const int tap = (c * kTile.rows + r) * kTaps;
      float window[round_up(z.window, z.load)], filter[kFilters][kTile.k];
      operands.load_window(c, r, window);
      operands.load_filter(tap, filter[0]);
#pragma unroll
      for (int t = 0; t < kTaps; ++t) {
        if (kTile.prefetch && t + 1 < kTaps) {
          operands.load_filter(tap + t + 1, filter[(t + 1) % kFilters]);
        }
        if (!kTile.prefetch && t > 0) operands.load_filter(tap + t, filter[0]);
        add_products<kProblem, kTile>(window, filter[t % kFilters], t, sum);
      }
    }
  }
}

// The first addend of every sum; of a split reduction, in its first part.
template <Problem kProblem, Tile kTile>
__device__ inline void start_with_bias(const BlockPlace<kProblem, kTile>& place,
                                       const ThreadPlace<kProblem, kTile>& at, const float* bias,
                                       float (&sum)[kTile.k][kTile.q]) {
  constexpr TileSizes z = sizes_of(kProblem, kTile);
  if (at.part > 0) return;
#pragma unroll
  for (int k = 0; k < kTile.k; ++k) {
    const int channel = static_cast<int>(place.k_tile) * z.block_k + channel_of<kTile>(at.k, k);
    const float value =
        channel < z.group_k ? __ldg(bias + place.group * z.group_k + channel) : 0.0f;
#pragma unroll
    for (int q = 0; q < kTile.q; ++q) sum[k][q] = value;
  }
}

// Adds up the parts of a split reduction, in their order; the first part has the result.
template <Problem kProblem, Tile kTile>
__device__ inline void add_parts(unsigned part, float (&sum)[kTile.k][kTile.q], float* shared) {
  constexpr int kPart = kTile.k_threads * kTile.segments;
  constexpr int kSums = kTile.k * kTile.q;
  const unsigned thread = threadIdx.x % kPart;
  __syncthreads();
  if (part > 0) {
#pragma unroll
    for (int i = 0; i < kSums; ++i) {
      shared[((part - 1) * kSums + i) * kPart + thread] = sum[i / kTile.q][i % kTile.q];
    }
  }
  __syncthreads();
  if (part > 0) return;
#pragma unroll 1
  for (int other = 0; other < kTile.split - 1; ++other) {
#pragma unroll
    for (int i = 0; i < kSums; ++i) {
      sum[i / kTile.q][i % kTile.q] += shared[(other * kSums + i) * kPart + thread];
    }
  }
}

// packed: [groups][k_tiles][channel_stages][row_stages] stages of w, each as in shared memory, zero
// where a tile reaches past the filter.
template <Problem kProblem, Tile kTile>
__device__ inline void window_conv(const float* x, const float* packed, const float* bias,
                                   const float* residual, float* y) {
  constexpr TileSizes z = sizes_of(kProblem, kTile);
  extern __shared__ __align__(16) float shared[];
  const BlockPlace<kProblem, kTile> place(blockIdx.x);
  const ThreadPlace<kProblem, kTile> at(threadIdx.x);
  packed += (place.group * z.k_tiles + place.k_tile) * static_cast<Offset>(z.stages) * z.w_stage;
  float sum[kTile.k][kTile.q] = {};
  if constexpr (kProblem.bias) start_with_bias<kProblem, kTile>(place, at, bias, sum);

  if constexpr (kTile.shared_memory) {
    const WindowSource<kProblem, kTile> source(place, x);
    unsigned* table = reinterpret_cast<unsigned*>(shared + z.table_at);
    if constexpr (z.table) {
      for (unsigned unit = threadIdx.x; unit < z.units; unit += z.threads) {
        table[unit] = source.entry(unit);  // read by the same thread alone
      }
    }
    const auto fetch = [&](int stage) {
      if (stage < z.stages) {
        float* buffer = shared + stage % kTile.buffers * (z.x_stage + z.w_stage);
        stage_windows<kProblem, kTile>(source, stage / z.row_stages * kTile.channels,
                                       stage % z.row_stages, buffer, table);
        stage_filter<kProblem, kTile>(packed + static_cast<Offset>(stage) * z.w_stage,
                                      buffer + z.x_stage);
      }
      end_copies();
    };
    const StagedOperands<kProblem, kTile> first(place, at, shared);
#pragma unroll
    for (int i = 0; i < kTile.buffers - 1; ++i) fetch(i);
#pragma unroll 1
    for (int stage = 0; stage < z.stages; ++stage) {
      if constexpr (kTile.buffers == 1) {
        __syncthreads();
        fetch(stage);
        wait_copies<0>();
        __syncthreads();
      } else {
        // One barrier says both that this stage is there and that the buffer before it is free.
        wait_copies<kTile.buffers - 2>();
        __syncthreads();
        fetch(stage + kTile.buffers - 1);
      }
      multiply<kProblem, kTile>(first.in_buffer(stage % kTile.buffers), at.part, sum);
    }
    __syncthreads();
  } else {
    const GlobalOperands<kProblem, kTile> first(place, at, x, packed);
#pragma unroll 1
    for (int stage = 0; stage < z.stages; ++stage) {
      multiply<kProblem, kTile>(first.of_stage(stage), at.part, sum);
    }
  }

  if constexpr (kTile.split > 1) {
    add_parts<kProblem, kTile>(at.part, sum, shared);
    if (at.part > 0) return;
    // The stores exchange columns where the sums of other parts still are.
    named_barrier<kTile.k_threads * kTile.segments>();
  }
  if constexpr (kProblem.y_layout == Layout::kNhwc) {
    store_channels<kProblem, kTile>(place, at, sum, residual, y);
  } else {
    store_columns<kProblem, kTile>(place, at, sum, residual, y, shared);
  }
}

}  // namespace convoy::conv_cuda
