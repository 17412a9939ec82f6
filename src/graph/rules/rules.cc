#include "graph/rules/rules.h"

namespace convoy::rules {

Rule rule_of(Op op) {
  switch (op) {
    case Op::kConv:
      return infer_conv;
    case Op::kFusedConv:  // made of inferred convolutions when planning
      break;
    case Op::kConvTranspose:
      return infer_conv_transpose;
    case Op::kUnary:
      return infer_unary;
    case Op::kClip:
      return infer_clip;
    case Op::kBinary:
      return infer_binary;
    case Op::kWhere:
      return infer_where;
    case Op::kCast:
      return infer_cast;
    case Op::kBatchNorm:
      return infer_batch_norm;
    case Op::kLayerNorm:
      return infer_layer_norm;
    case Op::kPool:
      return infer_pool;
    case Op::kReduce:
      return infer_reduce;
    case Op::kMatMul:
      return infer_matmul;
    case Op::kGemm:
      return infer_gemm;
    case Op::kSoftmax:
      return infer_softmax;
    case Op::kConcat:
      return infer_concat;
    case Op::kSplit:
      return infer_split;
    case Op::kSlice:
      return infer_slice;
    case Op::kGather:
      return infer_gather;
    case Op::kReshape:
      return infer_reshape;
    case Op::kFlatten:
      return infer_flatten;
    case Op::kSqueeze:
      return infer_squeeze;
    case Op::kUnsqueeze:
      return infer_unsqueeze;
    case Op::kTranspose:
      return infer_transpose;
    case Op::kExpand:
      return infer_expand;
    case Op::kTile:
      return infer_tile;
    case Op::kPad:
      return infer_pad;
    case Op::kResize:
      return infer_resize;
    case Op::kDepthToSpace:
      return infer_depth_to_space;
    case Op::kSpaceToDepth:
      return infer_space_to_depth;
    case Op::kShape:
      return infer_shape;
    case Op::kConstantOfShape:
      return infer_constant_of_shape;
    case Op::kRange:
      return infer_range;
    case Op::kIdentity:
    case Op::kReorder:
      return infer_identity;
  }
  fail(ErrorCode::kInternal, "operator " + std::to_string(static_cast<int>(op)) + " has no rule");
}

}  // namespace convoy::rules
