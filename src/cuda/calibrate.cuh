// What a GPU does at most: a copy, fused multiply-adds from registers, and nothing at all.
#pragma once

namespace convoy::calibrate {

// `kCopies` float4 a thread; whole blocks of `kThreads`.
template <int kThreads, int kCopies>
__device__ void copy(const float4* __restrict__ from, float4* __restrict__ to) {
  const long long first = static_cast<long long>(blockIdx.x) * (kThreads * kCopies) + threadIdx.x;
  float4 values[kCopies];  // all loads before the first store: more of them are under way at once
#pragma unroll
  for (int i = 0; i < kCopies; ++i) values[i] = from[first + i * kThreads];
#pragma unroll
  for (int i = 0; i < kCopies; ++i) to[first + i * kThreads] = values[i];
}

// `kSteps` multiply-adds of each of `kChains` independent sums a thread.
// With |scale| below 1 every sum approaches offset / (1 - scale), so that no value overflows.
template <int kChains, int kSteps>
__device__ void multiply_add(float scale, float offset, float* result) {
  float sums[kChains];
#pragma unroll
  for (int i = 0; i < kChains; ++i) sums[i] = static_cast<float>(threadIdx.x + i);
#pragma unroll 8
  for (int step = 0; step < kSteps; ++step) {
#pragma unroll
    for (int i = 0; i < kChains; ++i) sums[i] = fmaf(sums[i], scale, offset);
  }
  float total = 0;
#pragma unroll
  for (int i = 0; i < kChains; ++i) total += sums[i];
  // Never so, which the compiler does not know.
  if (total == 0.125f) *result = total;
}

}  // namespace convoy::calibrate
