// One fused module as a template argument: everything about it is known when its kernel is
// compiled.
//
// Every module is some of three stages in this order:
//   expand      pointwise   x      n x c x h x w          -> middle n x mid_c x mid_h x mid_w
//   depthwise               middle                        -> filtered n x filtered_c x p x q
//   project     pointwise   filtered                      -> y      n x k x p x q
// Without a stage, what it would make is what it would take. A lone pointwise is a project, and it
// alone may have strides. Host code that chooses tiles includes this too.
#pragma once

#include "kernels/conv/cuda/problem.cuh"

namespace convoy::fused_cuda {

using conv_cuda::Activation;
using conv_cuda::Layout;
using conv_cuda::Offset;
using conv_cuda::Residual;

// kF32Split: f32 whose pointwise products the tensor cores add up in parts; see product.cuh.
enum class Element { kF32, kF16, kBf16, kS8, kF32Split };
constexpr bool is_f32(Element element) {
  return element == Element::kF32 || element == Element::kF32Split;
}
constexpr int size_of(Element element) {
  return is_f32(element) ? 4 : element == Element::kS8 ? 1 : 2;
}

struct Stage {
  bool present;
  bool bias;
  Activation activation;
  float alpha, beta;
  float inverse_y_scale;  // s8
};

struct Module {
  Element element;
  int n;
  int c, h, w;
  int mid_c, mid_h, mid_w;
  int filtered_c;
  int k, p, q;
  int r, s, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;  // of the depthwise
  int project_stride_h, project_stride_w;
  Layout x_layout, y_layout;  // the residual has y's
  Residual residual;
  float residual_scale;  // s8
  Stage expand, depthwise, project;

  constexpr int bytes() const { return size_of(element); }
  constexpr int multiplier() const { return filtered_c / mid_c; }  // filters of one channel
  constexpr int taps() const { return r * s; }
  // A pointwise on its own.
  constexpr bool lone() const { return project.present && !expand.present && !depthwise.present; }
};

// In the order of the stages; operands of absent stages are null.
struct Arguments {
  const void* x;
  const void* residual;
  void* y;
  struct Weights {
    const void* w;       // packed: see pack.h
    const void* bias;    // f32, or s32 where elements are s8; padded with zeros to whole panels
    const float* scale;  // s8; padded likewise
  } expand, depthwise, project;
};

}  // namespace convoy::fused_cuda
