// Runs of floats in vectors of the widest kind.
#pragma once

namespace convoy::conv_cuda {

// `count` floats from an address aligned for vectors of kVector; may read up to the next multiple.
template <int kVector, int kCount>
__device__ inline void load_run(const float* from, float* to) {
#pragma unroll
  for (int i = 0; i < kCount; i += kVector) {
    if constexpr (kVector == 4) {
      const float4 v = *reinterpret_cast<const float4*>(from + i);
      const float lanes[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
      for (int j = 0; j < 4 && i + j < kCount; ++j) to[i + j] = lanes[j];
    } else if constexpr (kVector == 2) {
      const float2 v = *reinterpret_cast<const float2*>(from + i);
      to[i] = v.x;
      if (i + 1 < kCount) to[i + 1] = v.y;
    } else {
      to[i] = from[i];
    }
  }
}

template <int kVector>
__device__ inline void store_vector(float* to, const float (&value)[kVector]) {
  if constexpr (kVector == 4) {
    *reinterpret_cast<float4*>(to) = float4{value[0], value[1], value[2], value[3]};
  } else if constexpr (kVector == 2) {
    *reinterpret_cast<float2*>(to) = float2{value[0], value[1]};
  } else {
    *to = value[0];
  }
}

// Waits for the first kThreads threads of the block alone.
template <int kThreads>
__device__ inline void named_barrier() {
  asm volatile("bar.sync 1, %0;" ::"n"(kThreads) : "memory");
}

}  // namespace convoy::conv_cuda
