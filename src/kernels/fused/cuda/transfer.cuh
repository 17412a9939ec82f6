// Between global and shared memory: copies that pass no register, whole lines of channels, and
// the order of kernels that follow each other. Maps are in map.cuh.
#pragma once

#include "kernels/fused/cuda/element.cuh"
#include "kernels/fused/cuda/tile.cuh"

namespace convoy::fused_cuda {

__device__ __forceinline__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

// kBytes (4, 8 or 16, both sides aligned to as much), or zeros where there is nothing to copy;
// `from` is then not read.
template <int kBytes>
__device__ __forceinline__ void copy_async(void* to, const void* from, bool valid) {
#if __CUDA_ARCH__ >= 800
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)),
                 "l"(from), "r"(valid ? 16 : 0)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %3, %2;" ::"r"(shared_address(to)),
                 "l"(from), "r"(valid ? kBytes : 0), "n"(kBytes)
                 : "memory");
  }
#else
  if constexpr (kBytes == 16) {
    *static_cast<uint4*>(to) = valid ? __ldg(static_cast<const uint4*>(from)) : uint4{0, 0, 0, 0};
  } else if constexpr (kBytes == 8) {
    *static_cast<uint2*>(to) = valid ? __ldg(static_cast<const uint2*>(from)) : uint2{0, 0};
  } else {
    *static_cast<unsigned*>(to) = valid ? __ldg(static_cast<const unsigned*>(from)) : 0;
  }
#endif
}

__device__ __forceinline__ void end_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int kUnderWay>
__device__ __forceinline__ void wait_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kUnderWay) : "memory");
#endif
}

// The kernel launched before may still run when this one starts: nothing that it writes may be
// read, and nothing that it reads written, before it is done. Constants may be.
__device__ __forceinline__ void wait_for_former_kernel() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void let_next_kernel_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// All threads of all blocks of the cluster; what they wrote to shared memory is there after it.
__device__ __forceinline__ void cluster_barrier() {
#if __CUDA_ARCH__ >= 900
  asm volatile(
      "barrier.cluster.arrive.aligned;\n"
      "barrier.cluster.wait.aligned;" ::
          : "memory");
#endif
}

// Four words of another block of the cluster, from where they lie in this one.
template <class T>
__device__ __forceinline__ void load_from_block(const T* here, int rank, T (&four)[4]) {
#if __CUDA_ARCH__ >= 900
  unsigned there, words[4];
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;"
               : "=r"(there)
               : "r"(shared_address(here)), "r"(rank));
  asm volatile("ld.shared::cluster.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(there)
               : "memory");
#pragma unroll
  for (int i = 0; i < 4; ++i) four[i] = __builtin_bit_cast(T, words[i]);
#endif
}

// kLines lines of kBytes (a multiple of 16) that lie kFrom apart in memory, one after the other, by
// all threads; of each line only the first `there` bytes, zeros after.
template <int kThreads, int kLines, int kBytes>
__device__ __forceinline__ void copy_lines(char* to, const void* from, long long apart, int there) {
  constexpr int kChunks = kBytes / 16;
#pragma unroll 1
  for (int i = threadIdx.x; i < kLines * kChunks; i += kThreads) {
    const int line = i / kChunks, at = i % kChunks * 16;
    const bool valid = at < there;
    copy_async<16>(to + line * kBytes + at,
                   static_cast<const char*>(from) + (valid ? line * apart + at : 0), valid);
  }
}

// Bias and scale of channels [c0, c0 + kCount) of `channels`.
template <Module kModule, Stage kStage, int kThreads, int kCount>
__device__ __forceinline__ void copy_constants(char* to, const Arguments::Weights& w, int c0,
                                               int channels) {
  constexpr int kBytes = round_up(kCount, kPanel) * 4;
  const int there = (round_up(channels, kPanel) - c0) * 4;
  if constexpr (kStage.bias) {
    copy_lines<kThreads, 1, kBytes>(to, static_cast<const char*>(w.bias) + c0 * 4ll, 0, there);
    to += kBytes;
  }
  if constexpr (kModule.element == Element::kS8) {
    copy_lines<kThreads, 1, kBytes>(to, w.scale + c0, 0, there);
  }
}

}  // namespace convoy::fused_cuda
