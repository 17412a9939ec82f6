// Products, normalisations and reductions.
#include "onnx/ops/ops.h"

namespace convoy::onnx {
namespace {

void convert_matmul(NodeReader& node) {
  node.expect_inputs(2, 2);
  node.emit(Op::kMatMul);
}

void convert_gemm(NodeReader& node) {
  node.expect_inputs(2, 3);
  GemmAttrs gemm;
  gemm.transpose_a = node.get_flag("transA", false);
  gemm.transpose_b = node.get_flag("transB", false);
  gemm.alpha = node.get_float("alpha", 1.0f);
  gemm.beta = node.get_float("beta", 1.0f);
  node.emit(Op::kGemm, gemm);
}

float read_epsilon(NodeReader& node) {
  const float epsilon = node.get_float("epsilon", 1e-5f);
  if (!(epsilon >= 0)) node.bad_attribute("epsilon", std::to_string(epsilon), "0 or more");
  return epsilon;
}

void convert_batch_norm(NodeReader& node) {
  node.expect_inputs(5, 5);
  NormAttrs norm;
  norm.epsilon = read_epsilon(node);
  node.ignore("momentum");
  if (node.get_flag("training_mode", false)) node.unsupported("training mode is not supported");
  if (!node.get_flag("spatial", true)) node.unsupported("spatial = 0 is not supported");
  node.expect_outputs(1, 1);
  node.emit(Op::kBatchNorm, norm);
}

void convert_layer_norm(NodeReader& node) {
  node.expect_inputs(2, 3);
  node.expect_outputs(1, 1);
  NormAttrs norm;
  norm.axis = node.get_int("axis", -1);
  norm.epsilon = read_epsilon(node);
  node.ignore("stash_type");  // a hint of the precision inside; ours is never lower
  node.emit(Op::kLayerNorm, norm);
}

void convert_softmax(NodeReader& node) {
  node.expect_inputs(1, 1);
  const bool flatten = node.opset() < 13;
  node.emit(Op::kSoftmax, AxisAttrs{node.get_int("axis", flatten ? 1 : -1), flatten});
}

// The axes became an operand in opset 13 for ReduceSum, 18 for the others.
template <ReduceAttrs::Kind kKind, int kOperandSince>
void convert_reduce(NodeReader& node) {
  ReduceAttrs reduce;
  reduce.kind = kKind;
  reduce.keep_dims = node.get_flag("keepdims", true);
  if (node.opset() >= kOperandSince) {
    node.expect_inputs(1, 2);
    reduce.noop_without_axes = node.get_flag("noop_with_empty_axes", false);
    node.emit(Op::kReduce, reduce);
    return;
  }
  node.expect_inputs(1, 1);
  std::vector<ValueId> operands{node.input(0)};
  const std::vector<std::int64_t> axes = node.get_ints("axes");
  if (!axes.empty()) operands.push_back(node.add_constant("axes", make_s64(axes)));
  node.emit(Op::kReduce, reduce, operands);
}

using Kind = ReduceAttrs::Kind;

constexpr OperatorEntry kOperators[] = {
    {"MatMul", convert_matmul},
    {"Gemm", convert_gemm},
    {"BatchNormalization", convert_batch_norm},
    {"LayerNormalization", convert_layer_norm},
    {"Softmax", convert_softmax},
    {"ReduceMean", convert_reduce<Kind::kMean, 18>},
    {"ReduceSum", convert_reduce<Kind::kSum, 13>},
    {"ReduceMax", convert_reduce<Kind::kMax, 18>},
    {"ReduceMin", convert_reduce<Kind::kMin, 18>},
    {"ReduceProd", convert_reduce<Kind::kProd, 18>},
    {"ReduceL1", convert_reduce<Kind::kL1, 18>},
    {"ReduceL2", convert_reduce<Kind::kL2, 18>},
    {"ReduceSumSquare", convert_reduce<Kind::kSumSquare, 18>},
};

}  // namespace

std::span<const OperatorEntry> matrix_operators() { return kOperators; }

}  // namespace convoy::onnx
