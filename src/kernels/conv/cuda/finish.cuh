// From a sum to what is stored: bias, residual and activation.
#pragma once

#include "kernels/conv/cuda/problem.cuh"

namespace convoy::conv_cuda {

// IEEE throughout: no approximations but those of the functions themselves, and NaN stays NaN.
template <Activation kKind>
__device__ __forceinline__ float activate(float x, float alpha, float beta) {
  const auto clamp = [](float v, float lo, float hi) { return v < lo ? lo : (v > hi ? hi : v); };
  const auto sigmoid = [](float v) { return 1.0f / (1.0f + expf(-v)); };
  const auto softplus = [](float v) { return v > 30.0f ? v : log1pf(expf(v)); };
  switch (kKind) {  // resolved when compiling
    case Activation::kIdentity:
      return x;
    case Activation::kRelu:
      return x < 0.0f ? 0.0f : x;
    case Activation::kClip:
      return clamp(x, alpha, beta);
    case Activation::kLeakyRelu:
      return x < 0.0f ? alpha * x : x;
    case Activation::kHardSigmoid:
      return clamp(alpha * x + beta, 0.0f, 1.0f);
    case Activation::kHardSwish:
      return x * clamp(alpha * x + beta, 0.0f, 1.0f);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kSilu:
      return x * sigmoid(x);
    case Activation::kTanh:
      return tanhf(x);
    case Activation::kErf:
      return erff(x);
    case Activation::kGelu:
      return 0.5f * x * (1.0f + erff(x * 0.70710678f));
    case Activation::kGeluTanh:
      return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case Activation::kElu:
      return x < 0.0f ? alpha * expm1f(x) : x;
    case Activation::kSoftplus:
      return softplus(x);
    case Activation::kMish:
      return x * tanhf(softplus(x));
    case Activation::kSqrt:
      return sqrtf(x);
    case Activation::kExp:
      return expf(x);
    case Activation::kLog:
      return logf(x);
    case Activation::kAbs:
      return fabsf(x);
    case Activation::kNeg:
      return -x;
    case Activation::kReciprocal:
      return 1.0f / x;
    case Activation::kFloor:
      return floorf(x);
    case Activation::kCeil:
      return ceilf(x);
    case Activation::kRound:
      return rintf(x);
    case Activation::kSign:
      return x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : x);
  }
  return x;
}

// What is stored for one sum that has the bias in it; `residual` is read where the problem has one.
template <Problem kProblem>
__device__ __forceinline__ float finish_biased(float sum, float residual) {
  if constexpr (kProblem.residual == Residual::kBeforeActivation) sum += residual;
  float y = activate<kProblem.activation>(sum, kProblem.alpha, kProblem.beta);
  if constexpr (kProblem.residual == Residual::kAfterActivation) y += residual;
  return y;
}

// What is stored for one sum; `bias` and `residual` are read where the problem has them.
template <Problem kProblem>
__device__ __forceinline__ float finish(float sum, float bias, float residual) {
  if constexpr (kProblem.bias) sum += bias;
  return finish_biased<kProblem>(sum, residual);
}

}  // namespace convoy::conv_cuda
