// What depthwise_tensor.cuh multiplies by, and what it makes of the sums: two values of 16 bits a
// word.
#pragma once

#include "kernels/fused/cuda/tensor.cuh"

namespace convoy::fused_cuda {

// d = c + a * b, of 16 pixels and eight channels: under two taps, or under one.
template <Element kElement, class... Operands>
__device__ __forceinline__ void filter_step(float (&d)[4], const float (&c)[4],
                                            Operands... operands) {
#pragma unroll
  for (int i = 0; i < 4; ++i) d[i] = c[i];
  matrix_product<kElement>(d, operands...);
}

// Both halves of a word, of one value that 16 bits hold exactly; 0xffff'ffff if they do not.
template <Element kElement>
constexpr unsigned twice(float value) {
  const unsigned bits = __builtin_bit_cast(unsigned, value), sign = bits >> 31 << 15;
  unsigned half = bits >> 16;
  if (kElement == Element::kF16 && bits << 1 != 0) {
    const int exponent = static_cast<int>(bits >> 23 & 255) - 127 + 15;
    if (exponent < 1 || exponent > 30 || (bits & 0x1fffu) != 0) return ~0u;
    half = sign | static_cast<unsigned>(exponent) << 10 | (bits >> 13 & 0x3ffu);
  } else if ((bits & 0xffffu) != 0) {
    return ~0u;
  }
  return half << 16 | half;
}

// Of each half; NaN if either is.
template <Element kElement, bool kLarger>
__device__ __forceinline__ unsigned extreme(unsigned a, unsigned b) {
  unsigned result = 0;
#if __CUDA_ARCH__ >= 800
  if constexpr (kElement == Element::kF16) {
    if constexpr (kLarger) {
      asm("max.NaN.f16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
    } else {
      asm("min.NaN.f16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
    }
  } else if constexpr (kLarger) {
    asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  } else {
    asm("min.NaN.bf16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  }
#endif
  return result;
}

// Two results of the stage, rounded before they are bounded, where that is the same.
template <Module kModule>
__device__ __forceinline__ unsigned finish_pair(float low, float high) {
  constexpr Element kElement = kModule.element;
  constexpr Stage kStage = kModule.depthwise;
#if __CUDA_ARCH__ >= 800
  constexpr unsigned kLeast = twice<kElement>(kStage.alpha), kMost = twice<kElement>(kStage.beta);
  if constexpr (kStage.activation == Activation::kRelu) {
    return extreme<kElement, true>(pack<kElement>(low, high), 0);
  } else if constexpr (kStage.activation == Activation::kClip && kLeast != ~0u && kMost != ~0u) {
    return extreme<kElement, false>(extreme<kElement, true>(pack<kElement>(low, high), kLeast),
                                    kMost);
  }
#endif
  const auto one = [](float sum) {
    return finish<kModule, kStage, Residual::kNone, true>(sum, Channel{}, 0.0f);
  };
  return pack<kElement>(one(low), one(high));
}

}  // namespace convoy::fused_cuda
