// Between global and shared memory: copies that pass no register, whole lines of channels, and
// the order of kernels that follow each other.
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

// Whether a line of `channels` elements from a tensor with as many has whole vectors of kBytes.
constexpr bool aligned(Element element, int channels, int bytes) {
  return channels * size_of(element) % bytes == 0;
}

// The map that a block reads in part.
struct Window {
  int n;            // image
  int row, column;  // of the upper left corner in the map; may lie outside
};

// Channels [c0, c0 + kCount) of kRows x kColumns pixels, `kStrideH` and `kStrideW` apart, into
// lines of kPitch bytes each, filled with zeros up to whole steps of a sum: past the last channel
// and outside the map. Copies are under way when it returns, in no group yet.
template <Module kModule, int kThreads, int kRows, int kColumns, int kStrideH, int kStrideW,
          int kCount, int kPitch>
__device__ __forceinline__ void load_map(char* to, const void* x, Window window, int c0) {
  constexpr Element kElement = kModule.element;
  using T = TypeOf<kElement>;
  constexpr int kPadded = round_up(kCount, step_channels(kElement));
  constexpr int kPixelCount = kRows * kColumns;
  const auto inside = [&](int row, int column) {
    const int h = window.row + row * kStrideH, w = window.column + column * kStrideW;
    return h >= 0 && h < kModule.h && w >= 0 && w < kModule.w;
  };
  if constexpr (kModule.x_layout == Layout::kNhwc && aligned(kElement, kModule.c, 4) &&
                kCount * sizeof(T) % 4 == 0) {
    // The widest copy that both the tensor's lines and the slice's start allow.
    constexpr int kVector = aligned(kElement, kModule.c, 16) && kCount * sizeof(T) % 16 == 0 ? 16
                            : aligned(kElement, kModule.c, 8) && kCount * sizeof(T) % 8 == 0 ? 8
                                                                                             : 4;
    constexpr int kElements = kVector / static_cast<int>(sizeof(T));
    constexpr int kLine = kPadded / kElements;
    // A thread keeps its channels and walks over the pixels, where there are threads for a line.
    constexpr bool kOneChunk = kLine <= kThreads;
    constexpr int kGroups = kOneChunk ? kThreads / kLine : 1;
    const int thread = static_cast<int>(threadIdx.x);
    const int group = kOneChunk ? thread / kLine : 0;
    const T* const corner =
        static_cast<const T*>(x) +
        ((window.n * Offset{kModule.h} + window.row) * kModule.w + window.column) * kModule.c + c0;
#pragma unroll 1
    for (int chunk = kOneChunk ? thread % kLine : thread; group < kGroups && chunk < kLine;
         chunk += kOneChunk ? kLine : kThreads) {
      const int c = chunk * kElements;
      const bool there = c < kCount && c0 + c < kModule.c;
      int row = group / kColumns, column = group % kColumns;
      char* line = to + group * kPitch + c * static_cast<int>(sizeof(T));
#pragma unroll 2
      for (int pixel = group; pixel < kPixelCount; pixel += kGroups) {
        const bool valid = there && inside(row, column);
        const T* const from =
            corner + (Offset{row} * (kStrideH * kModule.w) + column * kStrideW) * kModule.c + c;
        copy_async<kVector>(line, valid ? from : static_cast<const T*>(x), valid);
        line += kGroups * kPitch;
        row += kGroups / kColumns;
        column += kGroups % kColumns;
        if (column >= kColumns) column -= kColumns, ++row;
      }
    }
  } else {
    // Four channels of a pixel a thread, neighbours having neighbouring pixels, as NCHW wants it.
    constexpr bool kPixelsFirst = kModule.x_layout == Layout::kNchw;
    constexpr int kQuads = kPadded / 4;
#pragma unroll 1
    for (int i = threadIdx.x; i < kPixelCount * kQuads; i += kThreads) {
      const int pixel = kPixelsFirst ? i % kPixelCount : i / kQuads;
      const int c = (kPixelsFirst ? i / kPixelCount : i % kQuads) * 4;
      const int row = pixel / kColumns, column = pixel % kColumns;
      const bool valid = inside(row, column);
      T four[4];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        four[j] = 0;
        if (valid && c + j < kCount && c0 + c + j < kModule.c) {
          four[j] = __ldg(static_cast<const T*>(x) +
                          conv_cuda::offset(kModule.x_layout, kModule.c, kModule.h, kModule.w,
                                            window.n, c0 + c + j, window.row + row * kStrideH,
                                            window.column + column * kStrideW));
        }
      }
      T* line = reinterpret_cast<T*>(to + pixel * kPitch) + c;
      if constexpr (sizeof(T) == 4) {
        *reinterpret_cast<float4*>(line) = float4{four[0], four[1], four[2], four[3]};
      } else if constexpr (sizeof(T) == 2) {
        *reinterpret_cast<uint2*>(line) =
            uint2{four[0] | unsigned{four[1]} << 16, four[2] | unsigned{four[3]} << 16};
      } else {
        const auto byte = [&](int j) { return static_cast<unsigned>(four[j]) & 0xffu; };
        *reinterpret_cast<unsigned*>(line) = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
      }
    }
  }
}

}  // namespace convoy::fused_cuda
