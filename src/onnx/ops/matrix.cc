// Products, normalisations and reductions.
#include <cmath>

#include "onnx/ops/ops.h"

namespace convoy::onnx {
namespace {

void convert_matmul(NodeReader& node) {
  node.expect_inputs(2, 2);
  node.emit(Op::kMatMul);
}

void convert_gemm(NodeReader& node) {
  node.expect_inputs(node.opset() < 11 ? 3 : 2, 3);
  GemmAttrs gemm;
  gemm.transpose_a = node.get_flag("transA", false);
  gemm.transpose_b = node.get_flag("transB", false);
  gemm.alpha = node.get_float("alpha", 1.0f);
  gemm.beta = node.get_float("beta", 1.0f);
  if (node.opset() < 7) node.ignore("broadcast");
  node.emit(Op::kGemm, gemm);
}

float read_epsilon(NodeReader& node) {
  const float epsilon = node.get_float("epsilon", 1e-5f);
  if (!(epsilon >= 0) || std::isinf(epsilon))
    node.bad_attribute("epsilon", std::to_string(epsilon), "a finite number, 0 or more");
  return epsilon;
}

void convert_batch_norm(NodeReader& node) {
  node.expect_inputs(5, 5);
  NormAttrs norm;
  norm.epsilon = read_epsilon(node);
  node.ignore("momentum");
  const bool old_training = node.opset() < 7 && !node.get_flag("is_test", false);
  if (old_training || node.get_flag("training_mode", false))
    node.unsupported("training mode is not supported");
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

AxisAttrs read_softmax_axis(NodeReader& node) {
  node.expect_inputs(1, 1);
  const bool flatten = node.opset() < 13;
  return {node.get_int("axis", flatten ? 1 : -1), flatten};
}

void convert_softmax(NodeReader& node) { node.emit(Op::kSoftmax, read_softmax_axis(node)); }

// What log softmax subtracts from x, in two parts: x - max, and log(sum(exp(x - max))). The
// logarithm of a softmax would be minus infinity for all but the largest.
std::pair<ValueId, ValueId> emit_log_softmax(NodeReader& node, ValueId x, std::int64_t axis) {
  ReduceAttrs max, sum;
  max.kind = ReduceAttrs::Kind::kMax;
  sum.kind = ReduceAttrs::Kind::kSum;
  const ValueId axes = node.add_constant("axes", make_s64({axis}));
  const ValueId largest = node.emit_inner("max", Op::kReduce, max, {x, axes});
  const ValueId shifted =
      node.emit_inner("shift", Op::kBinary, BinaryAttrs{BinaryKind::kSub, {}}, {x, largest});
  const ValueId powers =
      node.emit_inner("exp", Op::kUnary, Unary{UnaryKind::kExp, 0, 0}, {shifted});
  const ValueId total = node.emit_inner("sum", Op::kReduce, sum, {powers, axes});
  return {shifted, node.emit_inner("log", Op::kUnary, Unary{UnaryKind::kLog, 0, 0}, {total})};
}

void convert_log_softmax(NodeReader& node) {
  const AxisAttrs axis = read_softmax_axis(node);
  const BinaryAttrs subtract{BinaryKind::kSub, {}};
  const ValueId x = node.input(0);
  if (!axis.flatten) {
    const auto [shifted, log] = emit_log_softmax(node, x, axis.axis);
    node.emit(Op::kBinary, subtract, {shifted, log});
    return;
  }
  const ValueId shape = node.emit_inner("shape", Op::kShape, ShapeAttrs{}, {x});
  const ValueId rows = node.emit_inner("rows", Op::kFlatten, AxisAttrs{axis.axis, false}, {x});
  const auto [shifted, log] = emit_log_softmax(node, rows, 1);
  const ValueId result = node.emit_inner("result", Op::kBinary, subtract, {shifted, log});
  node.emit(Op::kReshape, ReshapeAttrs{}, {result, shape});
}

// The axes became an operand in opset 13 for ReduceSum, 18 for the others.
std::vector<ValueId> read_axes(NodeReader& node, std::int64_t operand_since, ReduceAttrs& reduce) {
  reduce.keep_dims = node.get_flag("keepdims", true);
  std::vector<ValueId> operands{node.input(0)};
  if (node.opset() >= operand_since) {
    node.expect_inputs(1, 2);
    reduce.noop_without_axes = node.get_flag("noop_with_empty_axes", false);
    const ConstTensor axes = node.constant(1);
    const bool empty = axes != nullptr && axes->shape().elements() == 0;
    if (node.input(1) != kNoValue && !empty) operands.push_back(node.input(1));
    return operands;
  }
  node.expect_inputs(1, 1);
  const std::vector<std::int64_t> axes = node.get_ints("axes");
  if (!axes.empty()) operands.push_back(node.add_constant("axes", make_s64(axes)));
  return operands;
}

template <ReduceAttrs::Kind kKind, int kOperandSince>
void convert_reduce(NodeReader& node) {
  ReduceAttrs reduce;
  reduce.kind = kKind;
  const std::vector<ValueId> operands = read_axes(node, kOperandSince, reduce);
  node.emit(Op::kReduce, reduce, operands);
}

void convert_reduce_log_sum(NodeReader& node) {
  ReduceAttrs reduce;
  reduce.kind = ReduceAttrs::Kind::kSum;
  const std::vector<ValueId> operands = read_axes(node, 18, reduce);
  const ValueId sum = node.emit_inner("sum", Op::kReduce, reduce, operands);
  node.emit(Op::kUnary, Unary{UnaryKind::kLog, 0, 0}, {sum});
}

using Kind = ReduceAttrs::Kind;

constexpr OperatorEntry kOperators[] = {
    {"MatMul", convert_matmul},
    {"Gemm", convert_gemm},
    {"BatchNormalization", convert_batch_norm},
    {"LayerNormalization", convert_layer_norm, 17},
    {"Softmax", convert_softmax},
    {"LogSoftmax", convert_log_softmax},
    {"ReduceMean", convert_reduce<Kind::kMean, 18>},
    {"ReduceSum", convert_reduce<Kind::kSum, 13>},
    {"ReduceMax", convert_reduce<Kind::kMax, 18>},
    {"ReduceMin", convert_reduce<Kind::kMin, 18>},
    {"ReduceProd", convert_reduce<Kind::kProd, 18>},
    {"ReduceL1", convert_reduce<Kind::kL1, 18>},
    {"ReduceL2", convert_reduce<Kind::kL2, 18>},
    {"ReduceSumSquare", convert_reduce<Kind::kSumSquare, 18>},
    {"ReduceLogSum", convert_reduce_log_sum},
};

}  // namespace

std::span<const OperatorEntry> matrix_operators() { return kOperators; }

}  // namespace convoy::onnx
