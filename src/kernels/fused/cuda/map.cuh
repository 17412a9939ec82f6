// The part of x that a block reads, from global to shared memory.
#pragma once

#include "kernels/fused/cuda/transfer.cuh"

namespace convoy::fused_cuda {

// The map that a block reads in part.
struct Window {
  int n;            // image
  int row, column;  // of the upper left corner in the map; may lie outside
};

// Whether a line of `channels` elements from a tensor with as many has whole vectors of kBytes.
constexpr bool aligned(Element element, int channels, int bytes) {
  return channels * size_of(element) % bytes == 0;
}

// Copies channels [c0, c0 + kCount) of kRows x kColumns pixels, `kStrideH` and `kStrideW` apart,
// into lines of kPitch bytes each, filled with zeros up to whole steps of a sum: past the last
// channel and outside the map. All threads take part.
//
// Where a thread begins is known when the copy is made, which takes longer than asking for what it
// copies: where x has to be waited for, that comes first.
template <Module kModule, int kThreads, int kRows, int kColumns, int kStrideH, int kStrideW,
          int kCount, int kPitch>
class MapCopy {
 public:
  __device__ __forceinline__ MapCopy(const void* x, Window window, int c0)
      : x_(static_cast<const char*>(x)), window_(window), c0_(c0) {
    if constexpr (kVectors) {
      const int thread = static_cast<int>(threadIdx.x);
      group_ = kOneChunk ? thread / kLine : 0;
      chunk_ = kOneChunk ? thread % kLine : thread;
      row_ = window.row + group_ / kColumns * kStrideH;
      column_ = window.column + group_ % kColumns * kStrideW;
      from_ = x_ + Offset{window.n} * kModule.h * kModule.w * kPixelBytes +
              (Distance{row_} * kModule.w + column_) * kPixelBytes + c0 * kSize + chunk_ * kVector;
    }
  }

  // Keeps what the copy begins with from being worked out later than here.
  __device__ __forceinline__ void make_ready() {
    if constexpr (kVectors) {
      asm volatile("" : "+l"(from_), "+r"(row_), "+r"(column_), "+r"(group_), "+r"(chunk_));
    }
  }

  // Copies are under way when it returns, in no group yet.
  __device__ __forceinline__ void start(char* to) const {
    if constexpr (!kVectors) {
      load(to);
    } else if constexpr (kOneChunk) {
      if (group_ < kGroups) walk(to + chunk_ * kVector, chunk_, from_);
    } else {
#pragma unroll 1
      for (int chunk = chunk_; chunk < kLine; chunk += kThreads) {
        walk(to + chunk * kVector, chunk, from_ + (chunk - chunk_) * kVector);
      }
    }
  }

 private:
  using T = TypeOf<kModule.element>;
  static constexpr int kSize = sizeof(T);
  static constexpr int kPadded = round_up(kCount, step_channels(kModule.element));
  static constexpr int kPixelCount = kRows * kColumns;
  static constexpr int kPixelBytes = kModule.c * kSize;
  // By vectors, the widest that both the tensor's lines and the slice's start allow.
  static constexpr bool kVectors = kModule.x_layout == Layout::kNhwc &&
                                   aligned(kModule.element, kModule.c, 4) &&
                                   kCount * kSize % 4 == 0;
  static constexpr int kVector =
      aligned(kModule.element, kModule.c, 16) && kCount * kSize % 16 == 0 ? 16
      : aligned(kModule.element, kModule.c, 8) && kCount * kSize % 8 == 0 ? 8
                                                                          : 4;
  static constexpr int kLine = kPadded * kSize / kVector;
  // A thread keeps its channels and walks over the pixels, where there are threads for a line.
  static constexpr bool kOneChunk = kLine <= kThreads;
  static constexpr int kGroups = kOneChunk ? kThreads / kLine : 1;
  // Within an image.
  static constexpr bool kNarrow =
      (kModule.h + kRows * kStrideH) * 1.0 * kModule.w * kPixelBytes < 2147483648.0;
  template <bool, class>
  struct Select {
    using Type = int;
  };
  template <class Wide>
  struct Select<false, Wide> {
    using Type = Wide;
  };
  using Distance = typename Select<kNarrow, Offset>::Type;

  __device__ __forceinline__ static bool inside(int row, int column) {
    return static_cast<unsigned>(row) < static_cast<unsigned>(kModule.h) &&
           static_cast<unsigned>(column) < static_cast<unsigned>(kModule.w);
  }

  // One chunk of each of the thread's pixels, without a division or a product for any of them.
  __device__ __forceinline__ void walk(char* to, int chunk, const char* from) const {
    constexpr int kElements = kVector / kSize;
    constexpr bool kAllThere = kPadded == kCount && kModule.c % kCount == 0;
    const int c = chunk * kElements;
    const bool there = kAllThere || (c < kCount && c0_ + c < kModule.c);
    constexpr int kDown = kGroups / kColumns, kRight = kGroups % kColumns;
    constexpr Distance kRowBytes = Distance{kStrideH} * kModule.w * kPixelBytes;
    constexpr Distance kColumnBytes = kStrideW * kPixelBytes;
    constexpr Distance kStep = kDown * kRowBytes + kRight * kColumnBytes;
    constexpr Distance kWrap = kRowBytes - kColumns * kColumnBytes;
    constexpr int kTimes = kPixelCount / kGroups;
    constexpr int kUnroll = kTimes <= 4 ? larger(kTimes, 1) : 2;
    const int end = window_.column + kColumns * kStrideW;
    int row = row_, column = column_;
    char* line = to + group_ * kPitch;
#pragma unroll kUnroll
    for (int i = 0; i < kTimes; ++i) {
      copy_async<kVector>(line, from, there && inside(row, column));
      line += kGroups * kPitch;
      from += kStep;
      row += kDown * kStrideH;
      column += kRight * kStrideW;
      if (kRight > 0 && column >= end) {
        column -= kColumns * kStrideW;
        row += kStrideH;
        from += kWrap;
      }
    }
    if constexpr (kPixelCount % kGroups != 0) {
      if (group_ < kPixelCount % kGroups) {
        copy_async<kVector>(line, from, there && inside(row, column));
      }
    }
  }

  // Four channels of a pixel a thread, neighbours having neighbouring pixels, as NCHW wants it.
  __device__ __forceinline__ void load(char* to) const {
    constexpr bool kPixelsFirst = kModule.x_layout == Layout::kNchw;
    constexpr int kQuads = kPadded / 4;
#pragma unroll 1
    for (int i = threadIdx.x; i < kPixelCount * kQuads; i += kThreads) {
      const int pixel = kPixelsFirst ? i % kPixelCount : i / kQuads;
      const int c = (kPixelsFirst ? i / kPixelCount : i % kQuads) * 4;
      const int row = window_.row + pixel / kColumns * kStrideH;
      const int column = window_.column + pixel % kColumns * kStrideW;
      const bool valid = inside(row, column);
      T four[4];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        four[j] = 0;
        if (valid && c + j < kCount && c0_ + c + j < kModule.c) {
          four[j] = __ldg(reinterpret_cast<const T*>(x_) +
                          conv_cuda::offset(kModule.x_layout, kModule.c, kModule.h, kModule.w,
                                            window_.n, c0_ + c + j, row, column));
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

  const char* x_;
  Window window_;
  int c0_;
  // Of the thread's first vector: its pixel of the block, its place in the line, its pixel in the
  // map and its address.
  int group_ = 0, chunk_ = 0, row_ = 0, column_ = 0;
  const char* from_ = nullptr;
};

}  // namespace convoy::fused_cuda
