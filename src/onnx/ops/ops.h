// The operators by family; each file lists its own, operators.cc puts the lists together.
#pragma once

#include <span>
#include <string_view>

#include "onnx/node_reader.h"

namespace convoy::onnx {

std::span<const OperatorEntry> window_operators();       // Conv, ConvTranspose, pools
std::span<const OperatorEntry> elementwise_operators();  // unary, binary, Where, Cast, Clip
std::span<const OperatorEntry> matrix_operators();       // MatMul, Gemm, norms, Softmax, reductions
std::span<const OperatorEntry> shape_operators();        // Reshape, Slice, Concat, ...
std::span<const OperatorEntry> resize_operators();       // Resize, Upsample, Pad, DepthToSpace, ...

}  // namespace convoy::onnx
