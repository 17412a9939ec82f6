// Operators that compute each element by itself.
#include <algorithm>
#include <cmath>
#include <limits>

#include "onnx/ops/ops.h"

namespace convoy::onnx {
namespace {

template <UnaryKind kKind>
void convert_unary(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit(Op::kUnary, Unary{kKind, 0, 0});
}

void convert_leaky_relu(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit(Op::kUnary, Unary{UnaryKind::kLeakyRelu, node.get_float("alpha", 0.01f), 0});
}

void convert_elu(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit(Op::kUnary, Unary{UnaryKind::kElu, node.get_float("alpha", 1.0f), 0});
}

void convert_hard_sigmoid(NodeReader& node) {
  node.expect_inputs(1, 1);
  const float alpha = node.get_float("alpha", 0.2f);
  node.emit(Op::kUnary, Unary{UnaryKind::kHardSigmoid, alpha, node.get_float("beta", 0.5f)});
}

void convert_hard_swish(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit(Op::kUnary, Unary{UnaryKind::kHardSwish, 1.0f / 6.0f, 0.5f});
}

void convert_gelu(NodeReader& node) {
  node.expect_inputs(1, 1);
  const std::string form = node.get_string("approximate", "none");
  if (form != "none" && form != "tanh") {
    node.bad_attribute("approximate", "'" + form + "'", "none or tanh");
  }
  node.emit(Op::kUnary, Unary{form == "tanh" ? UnaryKind::kGeluTanh : UnaryKind::kGelu, 0, 0});
}

void refuse_nan_bound(const NodeReader& node, std::size_t i, const char* what) {
  const ConstTensor bound = node.constant(i);
  if (!bound || bound->dtype() != DType::kF32 || bound->shape().elements() != 1) return;
  if (std::isnan(*bound->as<float>())) node.bad(std::string("operand '") + what + "' is NaN");
}

void convert_clip(NodeReader& node) {
  if (node.opset() >= 11) {
    node.expect_inputs(1, 3);
    refuse_nan_bound(node, 1, "min");
    refuse_nan_bound(node, 2, "max");
    node.emit(Op::kClip);
    return;
  }
  node.expect_inputs(1, 1);
  const float low = node.get_float("min", std::numeric_limits<float>::lowest());
  const float high = node.get_float("max", std::numeric_limits<float>::max());
  if (low > high) node.bad_attribute("min", std::to_string(low), "at most max");
  node.emit(Op::kUnary, Unary{UnaryKind::kClip, low, high});
}

// Opset 6 aligned the second operand's dimensions at `axis`; without it, with the last ones, as
// numpy does ever since.
void refuse_old_broadcasting(NodeReader& node) {
  node.ignore("broadcast");
  if (node.has("axis")) node.unsupported("broadcasting along 'axis' (opset 6) is not supported");
}

template <BinaryKind kKind>
void convert_binary(NodeReader& node) {
  node.expect_inputs(2, 2);
  if (node.opset() < 7) refuse_old_broadcasting(node);
  node.emit(Op::kBinary, BinaryAttrs{kKind, {}});
}

void convert_prelu(NodeReader& node) {
  const ConstTensor slope = node.constant(1);
  if (node.opset() < 7 && (!slope || slope->shape().elements() != 1)) {
    node.unsupported("a slope for each channel is supported from opset 7 on");
  }
  convert_binary<BinaryKind::kPrelu>(node);
}

// a + b + c + ... from the left, as the definition says.
ValueId chain(NodeReader& node, BinaryKind kind, std::size_t count) {
  ValueId result = node.input(0);
  for (std::size_t i = 1; i < count; ++i) {
    result = node.emit_inner("part", Op::kBinary, BinaryAttrs{kind, {}}, {result, node.input(i)});
  }
  return result;
}

void expect_any_inputs(NodeReader& node) {
  if (node.input_count() == 0) node.bad("has no operands");
  node.expect_inputs(node.input_count(), node.input_count());
}

template <BinaryKind kKind>
void convert_variadic(NodeReader& node) {
  expect_any_inputs(node);
  const std::size_t count = node.input_count();
  if (count == 1) {
    node.emit(Op::kIdentity);
    return;
  }
  const ValueId left = chain(node, kKind, count - 1);
  node.emit(Op::kBinary, BinaryAttrs{kKind, {}}, {left, node.input(count - 1)});
}

void convert_mean(NodeReader& node) {
  expect_any_inputs(node);
  const ValueId sum = chain(node, BinaryKind::kAdd, node.input_count());
  const ValueId count =
      node.add_constant("count", make_f32_scalar(static_cast<float>(node.input_count())));
  node.emit(Op::kBinary, BinaryAttrs{BinaryKind::kDiv, {}}, {sum, count});
}

void convert_where(NodeReader& node) {
  node.expect_inputs(3, 3);
  node.emit(Op::kWhere);
}

void convert_cast(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.ignore("saturate");  // of the 8-bit floats only
  const std::int64_t to = node.require_int("to");
  if (to < 0 || to > 100) node.bad_attribute("to", std::to_string(to), "an element type");
  node.emit(Op::kCast, CastAttrs{dtype_of(static_cast<std::int32_t>(to),
                                          "node '" + node.name() + "' (Cast)")});
}

// The type is known before shapes are inferred for constants and inputs of the model.
void convert_cast_like(NodeReader& node) {
  node.expect_inputs(2, 2);
  node.ignore("saturate");
  const ValueId like = node.input(1);
  const std::vector<ValueId>& inputs = node.graph().inputs;
  if (!node.constant(1) && std::find(inputs.begin(), inputs.end(), like) == inputs.end()) {
    node.unsupported("the type to cast to is that of a computed value");
  }
  node.emit(Op::kCast, CastAttrs{node.graph().value(like).dtype}, {node.input(0)});
}

void convert_identity(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.expect_outputs(1, 1);
  node.emit(Op::kIdentity);
}

// Inference only: the ratio is without effect, the mask is not computed.
void convert_dropout(NodeReader& node) {
  node.expect_inputs(1, 3);
  node.expect_outputs(1, 1);
  if (node.opset() < 7 && !node.get_flag("is_test", false)) {
    node.unsupported("training mode is not supported");
  }
  node.ignore("ratio");
  node.ignore("seed");
  if (node.input(2) != kNoValue) {
    const ConstTensor training = node.constant(2);
    if (!training || training->dtype() != DType::kBool || training->shape().elements() != 1 ||
        *training->as<std::uint8_t>() != 0) {
      node.unsupported("training mode is not supported");
    }
  }
  node.emit(Op::kIdentity, {}, {node.input(0)});
}

constexpr OperatorEntry kOperators[] = {
    {"Relu", convert_unary<UnaryKind::kRelu>},
    {"Sigmoid", convert_unary<UnaryKind::kSigmoid>},
    {"Tanh", convert_unary<UnaryKind::kTanh>},
    {"Erf", convert_unary<UnaryKind::kErf>, 9},
    {"Softplus", convert_unary<UnaryKind::kSoftplus>},
    {"Mish", convert_unary<UnaryKind::kMish>, 18},
    {"Sqrt", convert_unary<UnaryKind::kSqrt>},
    {"Exp", convert_unary<UnaryKind::kExp>},
    {"Log", convert_unary<UnaryKind::kLog>},
    {"Abs", convert_unary<UnaryKind::kAbs>},
    {"Neg", convert_unary<UnaryKind::kNeg>},
    {"Reciprocal", convert_unary<UnaryKind::kReciprocal>},
    {"Floor", convert_unary<UnaryKind::kFloor>},
    {"Ceil", convert_unary<UnaryKind::kCeil>},
    {"Round", convert_unary<UnaryKind::kRound>, 11},
    {"Sign", convert_unary<UnaryKind::kSign>, 9},
    {"Not", convert_unary<UnaryKind::kNot>},
    {"LeakyRelu", convert_leaky_relu},
    {"Elu", convert_elu},
    {"HardSigmoid", convert_hard_sigmoid},
    {"HardSwish", convert_hard_swish, 14},
    {"Gelu", convert_gelu, 20},
    {"Clip", convert_clip},
    {"Add", convert_binary<BinaryKind::kAdd>},
    {"Sub", convert_binary<BinaryKind::kSub>},
    {"Mul", convert_binary<BinaryKind::kMul>},
    {"Div", convert_binary<BinaryKind::kDiv>},
    {"Pow", convert_binary<BinaryKind::kPow>},
    {"PRelu", convert_prelu},
    {"Equal", convert_binary<BinaryKind::kEqual>},
    {"Less", convert_binary<BinaryKind::kLess>},
    {"LessOrEqual", convert_binary<BinaryKind::kLessOrEqual>, 12},
    {"Greater", convert_binary<BinaryKind::kGreater>},
    {"GreaterOrEqual", convert_binary<BinaryKind::kGreaterOrEqual>, 12},
    {"And", convert_binary<BinaryKind::kAnd>},
    {"Or", convert_binary<BinaryKind::kOr>},
    {"Sum", convert_variadic<BinaryKind::kAdd>},
    {"Min", convert_variadic<BinaryKind::kMin>},
    {"Max", convert_variadic<BinaryKind::kMax>},
    {"Mean", convert_mean},
    {"Where", convert_where, 9},
    {"Cast", convert_cast},
    {"CastLike", convert_cast_like, 15},
    {"Identity", convert_identity},
    {"Dropout", convert_dropout},
};

}  // namespace

std::span<const OperatorEntry> elementwise_operators() { return kOperators; }

}  // namespace convoy::onnx
