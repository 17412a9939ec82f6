// One convolution as a template argument: everything about it is known when its kernel is compiled,
// so divisions are by constants, loops have constant bounds and what is absent costs nothing.
//
// Every kernel takes (const float* x, const float* w, const float* bias, const float* residual,
// float* y), and float* workspace after y where it needs one; absent operands are null. How w is
// packed is each kernel's own business. Compiled with -default-device; host code that chooses how
// to cut a problem includes this too.
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

}  // namespace convoy::conv_cuda
