#include "base/op.h"

namespace convoy {

std::string_view to_string(Op op) {
  constexpr std::string_view kNames[] = {"Conv",
                                         "FusedConv",
                                         "ConvTranspose",
                                         "Unary",
                                         "Clip",
                                         "Binary",
                                         "Where",
                                         "Cast",
                                         "BatchNorm",
                                         "LayerNorm",
                                         "Pool",
                                         "Reduce",
                                         "MatMul",
                                         "Gemm",
                                         "Softmax",
                                         "Concat",
                                         "Split",
                                         "Slice",
                                         "Gather",
                                         "Reshape",
                                         "Flatten",
                                         "Squeeze",
                                         "Unsqueeze",
                                         "Transpose",
                                         "Expand",
                                         "Tile",
                                         "Pad",
                                         "Resize",
                                         "DepthToSpace",
                                         "SpaceToDepth",
                                         "Shape",
                                         "ConstantOfShape",
                                         "Range",
                                         "Identity",
                                         "Reorder"};
  return kNames[static_cast<int>(op)];
}

std::string_view to_string(UnaryKind kind) {
  constexpr std::string_view kNames[] = {
      "identity", "relu", "clip",  "leaky_relu", "hard_sigmoid", "hard_swish", "sigmoid",
      "silu",     "tanh", "erf",   "gelu",       "gelu_tanh",    "elu",        "softplus",
      "mish",     "sqrt", "exp",   "log",        "abs",          "neg",        "reciprocal",
      "floor",    "ceil", "round", "sign",       "not"};
  return kNames[static_cast<int>(kind)];
}

std::string_view to_string(BinaryKind kind) {
  constexpr std::string_view kNames[] = {"add",
                                         "sub",
                                         "mul",
                                         "div",
                                         "pow",
                                         "min",
                                         "max",
                                         "prelu",
                                         "equal",
                                         "less",
                                         "less_or_equal",
                                         "greater",
                                         "greater_or_equal",
                                         "and",
                                         "or"};
  return kNames[static_cast<int>(kind)];
}

}  // namespace convoy
