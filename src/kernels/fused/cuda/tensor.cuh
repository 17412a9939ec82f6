// The tensor cores: 16 pixels x 16 channels (one panel of weights) a step of 32 bytes.
//
// kF32Split goes to the tensor cores as well: each factor is split in registers into two tf32,
// x = high + low + e with |low| <= 2^-11 |x| and |e| <= 2^-22 |x|, and three of the four products
// are added up, which is within 3 * 2^-22 of the product (Ootomo and Yokota, "Recovering single
// precision accuracy from tensor cores", 2022). Tensor cores cut off what their sums have no room
// for: they add up the products of at most four steps of 8 channels alone, and those sums are added
// by FADD. Infinities (and what rounds to one as tf32) become NaN: infinity has no low part.
#pragma once

#include "kernels/fused/cuda/transfer.cuh"

namespace convoy::fused_cuda {

__device__ __forceinline__ int lane() { return threadIdx.x & 31; }

// d += a * b of half as many channels, m16n8k8: f16, and bf16 from sm_80 on.
template <Element kElement>
__device__ __forceinline__ void matrix_product(float (&d)[4], unsigned a0, unsigned a1,
                                               unsigned b) {
  if constexpr (kElement == Element::kF16) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5},{%6},"
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a0), "r"(a1), "r"(b));
  } else {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5},{%6},"
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a0), "r"(a1), "r"(b));
#endif
  }
}

// d += a * b: m16n8k16, m16n8k32 of s8, m16n8k8 of tf32. A lane has of d pixel lane / 4 and columns
// lane % 4 * 2 (+ 1), then those of the pixel 8 further on.
template <Element kElement>
__device__ __forceinline__ void matrix_product(Sum<kElement> (&d)[4], uint4 a, unsigned b0,
                                               unsigned b1) {
  if constexpr (kElement == Element::kF16) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
#else
    matrix_product<kElement>(d, a.x, a.y, b0);
    matrix_product<kElement>(d, a.z, a.w, b1);
#endif
  } else if constexpr (kElement == Element::kBf16) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
#endif
  } else if constexpr (kElement == Element::kS8) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
        "{%0,%1,%2,%3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
#else
    const auto quarter = [](int& x, int& y, unsigned a, unsigned b) {
      asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1},{%2},{%3},{%0,%1};"
          : "+r"(x), "+r"(y)
          : "r"(a), "r"(b));
    };
    quarter(d[0], d[1], a.x, b0);
    quarter(d[2], d[3], a.y, b0);
    quarter(d[0], d[1], a.z, b1);
    quarter(d[2], d[3], a.w, b1);
#endif
  } else {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
#endif
  }
}

// Four matrices of 8 lines of 16 bytes: each lane gives the address of one line in shared memory,
// and gets 4 bytes of line lane / 4 of each.
__device__ __forceinline__ uint4 load_matrices(unsigned line) {
  uint4 words;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
               : "r"(line)
               : "memory");
  return words;
}

// What a lane has of 16 pixels, or of 16 outputs' weights (x, z: of the outputs that are the first
// product's columns; y, w: of the second's), in one step.
template <Element kElement>
struct Operand {
  uint4 words;
};
template <>
struct Operand<Element::kF32Split> {
  uint4 high, low;
};

template <Element kElement>
__device__ __forceinline__ Operand<kElement> operand_of(uint4 words) {
  if constexpr (kElement == Element::kF32Split) {
    Operand<kElement> parts;
    // Rounded half away from zero, which cvt.rna does as well, in five instructions in place of
    // two. Of a NaN the low part is one.
    const auto split = [](unsigned x, unsigned& high, unsigned& low) {
      high = (x + 0x1000u) & 0xffffe000u;
      low = __float_as_uint(__uint_as_float(x) - __uint_as_float(high));
    };
    split(words.x, parts.high.x, parts.low.x), split(words.y, parts.high.y, parts.low.y);
    split(words.z, parts.high.z, parts.low.z), split(words.w, parts.high.w, parts.low.w);
    return parts;
  } else {
    return {words};
  }
}

// Products that make up one of two operands: of kF32Split three, the least first.
template <Element kElement>
inline constexpr int kFactors = kElement == Element::kF32Split ? 3 : 1;

// Adds one of the products of a step to the sums of a lane: four outputs of pixel lane / 4, then of
// the pixel 8 further on. Columns of the first instruction are the first two of every four outputs.
// Whoever adds several products to the same sums has others in between: each waits for the last.
template <Element kElement>
__device__ __forceinline__ void tensor_product(Sum<kElement> (&sums)[8],
                                               const Operand<kElement>& pixels,
                                               const Operand<kElement>& weights, int factor) {
  uint4 x, w;
  if constexpr (kElement == Element::kF32Split) {
    x = factor == 0 ? pixels.low : pixels.high;
    w = factor == 1 ? weights.low : weights.high;
  } else {
    x = pixels.words, w = weights.words;
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    Sum<kElement>* const near = sums + half * 2;
    Sum<kElement>* const far = near + 4;
    Sum<kElement> both[4] = {near[0], near[1], far[0], far[1]};
    matrix_product<kElement>(both, x, half == 0 ? w.x : w.y, half == 0 ? w.z : w.w);
    near[0] = both[0], near[1] = both[1], far[0] = both[2], far[1] = both[3];
  }
}

}  // namespace convoy::fused_cuda
