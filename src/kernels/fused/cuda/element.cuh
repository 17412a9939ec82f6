// Elements of each type: four at a time between memory and f32, and how a sum becomes one.
#pragma once

#include "kernels/conv/cuda/finish.cuh"
#include "kernels/fused/cuda/problem.cuh"

namespace convoy::fused_cuda {

template <Element kElement>
struct Elements;
template <>
struct Elements<Element::kF32> {
  using Type = float;
  using Four = float4;
};
template <>
struct Elements<Element::kF32Split> : Elements<Element::kF32> {};
template <>
struct Elements<Element::kF16> {
  using Type = unsigned short;
  using Four = uint2;
};
template <>
struct Elements<Element::kBf16> {
  using Type = unsigned short;
  using Four = uint2;
};
template <>
struct Elements<Element::kS8> {
  using Type = signed char;
  using Four = unsigned;
};
template <Element kElement>
using TypeOf = typename Elements<kElement>::Type;
template <Element kElement>
using FourOf = typename Elements<kElement>::Four;
// Of the sums of a pointwise.
template <Element kElement>
struct SumOf {
  using Type = float;
};
template <>
struct SumOf<Element::kS8> {
  using Type = int;
};
template <Element kElement>
using Sum = typename SumOf<kElement>::Type;

__device__ __forceinline__ float f16_to_f32(unsigned short bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

// Two 16-bit values, the first in the lower half.
template <Element kElement>
__device__ __forceinline__ float2 unpack(unsigned pair) {
  if constexpr (kElement == Element::kF16) {
    return {f16_to_f32(static_cast<unsigned short>(pair)),
            f16_to_f32(static_cast<unsigned short>(pair >> 16))};
  } else {
    return {__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u)};
  }
}

template <Element kElement>
__device__ __forceinline__ unsigned pack(float low, float high) {
  unsigned pair;
  if constexpr (kElement == Element::kF16) {
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
#else
    unsigned short l, h;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(l) : "f"(low));
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(high));
    pair = l | static_cast<unsigned>(h) << 16;
#endif
  } else {
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
#else
    pair = 0;  // supports() declines
#endif
  }
  return pair;
}

// Exact, two instructions an element: a byte b placed below the exponent of 2^23 is 2^23 + b.
__device__ __forceinline__ float4 s8_to_f32(unsigned four) {
  const unsigned biased = four ^ 0x80808080u;
  const auto one = [&](unsigned selector) {
    return __uint_as_float(__byte_perm(biased, 0x4b000000u, selector)) - 8388736.0f;
  };
  return {one(0x7440), one(0x7441), one(0x7442), one(0x7443)};
}

// Rounded half to even, saturated; NaN becomes 0.
__device__ __forceinline__ int quantise(float value) {
  int result;
  asm("cvt.rni.sat.s8.f32 %0, %1;" : "=r"(result) : "f"(value));
  return result;
}

template <Element kElement>
__device__ __forceinline__ float4 to_f32(FourOf<kElement> four) {
  if constexpr (is_f32(kElement)) {
    return four;
  } else if constexpr (kElement == Element::kS8) {
    return s8_to_f32(four);
  } else {
    const float2 low = unpack<kElement>(four.x), high = unpack<kElement>(four.y);
    return {low.x, low.y, high.x, high.y};
  }
}

// s8: of values that are whole steps or to be rounded to them.
template <Element kElement>
__device__ __forceinline__ FourOf<kElement> from_f32(float4 v) {
  if constexpr (is_f32(kElement)) {
    return v;
  } else if constexpr (kElement == Element::kS8) {
    const auto byte = [](float value) { return static_cast<unsigned>(quantise(value)) & 0xffu; };
    return byte(v.x) | byte(v.y) << 8 | byte(v.z) << 16 | byte(v.w) << 24;
  } else {
    return {pack<kElement>(v.x, v.y), pack<kElement>(v.z, v.w)};
  }
}

template <Element kElement>
__device__ __forceinline__ float one_to_f32(TypeOf<kElement> value) {
  if constexpr (is_f32(kElement) || kElement == Element::kS8) {
    return static_cast<float>(value);
  } else {
    return unpack<kElement>(value).x;
  }
}

template <Element kElement>
__device__ __forceinline__ TypeOf<kElement> one_from_f32(float value) {
  if constexpr (is_f32(kElement)) {
    return value;
  } else if constexpr (kElement == Element::kS8) {
    return static_cast<signed char>(quantise(value));
  } else {
    return static_cast<unsigned short>(pack<kElement>(value, 0.0f));
  }
}

// What a channel adds to its sums and multiplies them by.
struct Channel {
  float bias;
  int integer_bias;  // s8
  float scale;       // s8
};

struct FourChannels {
  Channel of[4];
};

// Of channel `c` of a slice of kCount, from its constants in shared memory: biases, then scales.
template <Module kModule, Stage kStage, int kCount>
__device__ __forceinline__ Channel channel(const char* constants, int c) {
  constexpr int kLine = (kCount + 15) / 16 * 16;
  Channel result{0.0f, 0, 0.0f};
  if constexpr (kModule.element == Element::kS8) {
    if constexpr (kStage.bias) result.integer_bias = reinterpret_cast<const int*>(constants)[c];
    result.scale = reinterpret_cast<const float*>(constants)[c + (kStage.bias ? kLine : 0)];
  } else {
    if constexpr (kStage.bias) result.bias = reinterpret_cast<const float*>(constants)[c];
  }
  return result;
}

template <Module kModule, Stage kStage, int kCount>
__device__ __forceinline__ FourChannels four_channels(const char* constants, int c) {
  FourChannels four;
#pragma unroll
  for (int i = 0; i < 4; ++i) four.of[i] = channel<kModule, kStage, kCount>(constants, c + i);
  return four;
}

// conv_cuda::activate with the commonest functions in one or two instructions; NaN stays NaN.
template <Stage kStage>
__device__ __forceinline__ float activate(float x) {
#if __CUDA_ARCH__ >= 800
  if constexpr (kStage.activation == Activation::kRelu) {
    asm("max.NaN.f32 %0, %1, 0f00000000;" : "=f"(x) : "f"(x));
    return x;
  } else if constexpr (kStage.activation == Activation::kClip) {
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(x) : "f"(x), "f"(kStage.alpha));
    asm("min.NaN.f32 %0, %1, %2;" : "=f"(x) : "f"(x), "f"(kStage.beta));
    return x;
  }
#endif
  return conv_cuda::activate<kStage.activation>(x, kStage.alpha, kStage.beta);
}

// The value to be stored for a sum: FusedConvAttrs in base/op.h has the formula, whose operations
// are rounded one by one. `residual` is read where kResidual says so. kBiased: the sum has the bias
// in it, where that is no integer.
template <Module kModule, Stage kStage, Residual kResidual, bool kBiased = false>
__device__ __forceinline__ float finish(Sum<kModule.element> sum, Channel c, float residual) {
  float value;
  if constexpr (kModule.element == Element::kS8) {
    value = __fmul_rn(c.scale, static_cast<float>(sum + c.integer_bias));
    residual = __fmul_rn(kModule.residual_scale, residual);
  } else {
    value = kBiased || !kStage.bias ? sum : sum + c.bias;
  }
  if constexpr (kResidual == Residual::kBeforeActivation) value = __fadd_rn(value, residual);
  value = activate<kStage>(value);
  if constexpr (kResidual == Residual::kAfterActivation) value = __fadd_rn(value, residual);
  if constexpr (kModule.element == Element::kS8) value = __fmul_rn(value, kStage.inverse_y_scale);
  return value;
}

}  // namespace convoy::fused_cuda
