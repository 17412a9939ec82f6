// Copies from global to shared memory that pass no register (cp.async, from sm_80 on); where the
// hardware has none they are ordinary loads and stores, and waiting is free.
#pragma once

namespace convoy::conv_cuda {

// kFloats (1 or 4, both sides aligned to as much), or zeros where there is nothing to copy; `from`
// is then not read.
template <int kFloats>
__device__ inline void copy_async(float* to, const float* from, bool valid) {
#if __CUDA_ARCH__ >= 800
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  if constexpr (kFloats == 4) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from),
                 "r"(valid ? 16 : 0)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(address), "l"(from),
                 "r"(valid ? 4 : 0)
                 : "memory");
  }
#else
  if constexpr (kFloats == 4) {
    *reinterpret_cast<float4*>(to) =
        valid ? __ldg(reinterpret_cast<const float4*>(from)) : float4{0, 0, 0, 0};
  } else {
    *to = valid ? __ldg(from) : 0.0f;
  }
#endif
}

// Ends a group of copies; wait_copies<n> waits until at most the n latest groups are under way.
__device__ inline void end_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

template <int kUnderWay>
__device__ inline void wait_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kUnderWay) : "memory");
#endif
}

}  // namespace convoy::conv_cuda
