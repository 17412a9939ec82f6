// A convolution step as its kernels see it, and the sizes of the two classical transformations.
// The depthwise and pointwise cells compute the same operator and start from the same description.
#pragma once

#include <cstdint>

#include "base/conv_desc.h"
#include "kernels/registry.h"

namespace convoy {

// Operands of Op::kConv, in OpDesc's order.
enum ConvInput : std::size_t { kConvX = 0, kConvW = 1, kConvBias = 2, kConvResidual = 3 };

struct ConvProblem {
  ConvDesc desc;              // one-dimensional convolutions have h = r = 1
  DType dtype = DType::kF32;  // of x; the others agree unless `uniform_dtype` is false
  bool uniform_dtype = true;  // w, bias, residual and y have x's type
  Layout x_layout = Layout::kNchw;
  Layout y_layout = Layout::kNchw;
  Layout residual_layout = Layout::kNchw;
  Epilogue epilogue;
  bool has_bias = false;
  bool has_residual = false;
  // k x c/groups x r x s, row-major; null unless known when planning.
  const void* weights = nullptr;
  const void* bias = nullptr;  // k values; null when absent or only known when running

  bool one_layout() const {
    return x_layout == y_layout && (!has_residual || residual_layout == y_layout);
  }
};

// The one place where an OpDesc becomes a convolution. Throws kInvalidArgument when it is not one:
// wrong ranks, weights or outputs that do not fit the attributes, an unresolved auto_pad.
ConvProblem conv_problem(const OpDesc& op);

// Extents of x, w and y of `desc`, rank 4.
Shape conv_x_shape(const ConvDesc& desc);
Shape conv_w_shape(const ConvDesc& desc);
Shape conv_y_shape(const ConvDesc& desc);

// Bytes of the whole batch in window order, N*C*P*Wpad*R elements (Lu et al., Im2win): each window
// row once. Zero where no copy is made: R == 1, or stride_h >= R, when rows do not overlap.
std::int64_t im2win_bytes(const ConvDesc& desc, DType dtype);
// Bytes of the whole batch as a matrix of windows, N*C*P*Q*R*S elements.
std::int64_t im2col_bytes(const ConvDesc& desc, DType dtype);
// True where window order holds each element of the input at most once, so nothing need be copied.
bool im2win_is_identity(const ConvDesc& desc);

}  // namespace convoy
