// One convolution as a template argument: everything about it is known when its kernel is compiled,
// so divisions are by constants, loops have constant bounds and what is absent costs nothing.
//
// Every kernel takes (const float* x, const float* w, const float* bias, const float* residual,
// float* y), and float* workspace after y where it needs one; absent operands are null. How w is
// packed is each kernel's own business. Compiled with -default-device.
#pragma once

namespace convoy::conv_cuda {

enum class Layout { kNchw, kNhwc };
enum class Residual { kNone, kBeforeActivation, kAfterActivation };

// The functions of base/op.h, by the same names, where alpha and beta are explained.
enum class Activation {
  kIdentity,
  kRelu,
  kClip,
  kLeakyRelu,
  kHardSigmoid,
  kHardSwish,
  kSigmoid,
  kSilu,
  kTanh,
  kErf,
  kGelu,
  kGeluTanh,
  kElu,
  kSoftplus,
  kMish,
  kSqrt,
  kExp,
  kLog,
  kAbs,
  kNeg,
  kReciprocal,
  kFloor,
  kCeil,
  kRound,
  kSign,
};

// x: n x c x h x w, w: k x c/groups x r x s, y and residual: n x k x p x q. Padding at the bottom
// and the right follows from p and q.
struct Problem {
  int n, c, h, w;
  int k, r, s;
  int p, q;
  int stride_h, stride_w, dilation_h, dilation_w;
  int pad_top, pad_left;
  int groups;
  Layout x_layout, y_layout;  // the residual has y's
  bool bias;
  Activation activation;
  float alpha, beta;
  Residual residual;

  constexpr int group_c() const { return c / groups; }
  constexpr int group_k() const { return k / groups; }
  constexpr int window() const { return group_c() * r * s; }  // terms of one output's sum
  // Columns of the padded input that windows reach.
  constexpr int window_w() const { return (q - 1) * stride_w + dilation_w * (s - 1) + 1; }
  // Window order would copy nothing: rows of windows share no row of the input.
  constexpr bool rows_are_disjoint() const { return r == 1 || stride_h >= r; }
  constexpr bool has_epilogue() const {
    return bias || activation != Activation::kIdentity || residual != Residual::kNone;
  }
};

// Offsets in elements; tensors of a large batch have more than 2^31.
using Offset = long long;

constexpr Offset offset(Layout layout, int channels, int height, int width, int n, int c, int h,
                        int w) {
  return layout == Layout::kNchw ? ((Offset{n} * channels + c) * height + h) * width + w
                                 : ((Offset{n} * height + h) * width + w) * channels + c;
}
template <Problem kProblem>
constexpr Offset x_offset(int n, int c, int h, int w) {
  return offset(kProblem.x_layout, kProblem.c, kProblem.h, kProblem.w, n, c, h, w);
}
template <Problem kProblem>
constexpr Offset y_offset(int n, int k, int p, int q) {
  return offset(kProblem.y_layout, kProblem.k, kProblem.p, kProblem.q, n, k, p, q);
}

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
