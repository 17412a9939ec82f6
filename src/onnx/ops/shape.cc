// Operators that rearrange elements or speak of shapes.
#include <cstring>

#include "onnx/ops/ops.h"

namespace convoy::onnx {
namespace {

void convert_constant(NodeReader& node) {
  node.expect_inputs(0, 0);
  node.expect_outputs(1, 1);
  ConstTensor tensor;
  if (node.has("value")) {
    tensor = node.get_tensor("value");
  } else if (node.has("value_float")) {
    tensor = make_f32_scalar(node.get_float("value_float", 0));
  } else if (node.has("value_int")) {
    auto scalar = std::make_shared<Tensor>(DType::kS64, Shape{});
    *scalar->as<std::int64_t>() = node.get_int("value_int", 0);
    tensor = std::move(scalar);
  } else if (node.has("value_ints")) {
    tensor = make_s64(node.get_ints("value_ints"));
  } else if (node.has("value_floats")) {
    const std::vector<float> values = node.get_floats("value_floats");
    auto row =
        std::make_shared<Tensor>(DType::kF32, Shape{static_cast<std::int64_t>(values.size())});
    if (!values.empty())
      std::memcpy(row->as<float>(), values.data(), values.size() * sizeof(float));
    tensor = std::move(row);
  } else if (node.has("value_string") || node.has("value_strings")) {
    node.unsupported("string constants are not supported");
  } else {
    node.bad("has no value");
  }
  Value& value = node.graph().value(node.outputs()[0]);
  value.dtype = tensor->dtype();
  value.shape = tensor->shape();
  value.constant = std::move(tensor);
}

void convert_concat(NodeReader& node) {
  if (node.input_count() == 0) node.bad("has no operands");
  node.expect_inputs(node.input_count(), node.input_count());
  node.emit(Op::kConcat, AxisAttrs{node.require_int("axis"), false});
}

void convert_split(NodeReader& node) {
  const AxisAttrs axis{node.get_int("axis", 0), false};
  std::vector<ValueId> operands{node.require_input(0, "input")};
  if (node.opset() < 13) {
    node.expect_inputs(1, 1);
    const std::vector<std::int64_t> sizes = node.get_ints("split");
    if (!sizes.empty()) operands.push_back(node.add_constant("split", make_s64(sizes)));
  } else {
    node.expect_inputs(1, 2);
    if (node.input(1) != kNoValue) operands.push_back(node.input(1));
    if (node.opset() >= 18 && node.has("num_outputs")) {
      const std::int64_t count = node.get_int("num_outputs", 0);
      if (node.input(1) != kNoValue) node.bad("has both num_outputs and sizes");
      if (count != static_cast<std::int64_t>(node.outputs().size())) {
        node.bad_attribute("num_outputs", std::to_string(count),
                           "the number of results, " + std::to_string(node.outputs().size()));
      }
    }
  }
  node.emit(Op::kSplit, axis, operands);
}

void convert_slice(NodeReader& node) {
  if (node.opset() >= 10) {
    node.expect_inputs(3, 5);
    node.emit(Op::kSlice);
    return;
  }
  node.expect_inputs(1, 1);
  const std::vector<std::int64_t> starts = node.get_ints("starts"), ends = node.get_ints("ends");
  const std::vector<std::int64_t> axes = node.get_ints("axes");
  if (starts.empty() || starts.size() != ends.size()) node.bad("starts and ends differ in length");
  std::vector<ValueId> operands{node.input(0), node.add_constant("starts", make_s64(starts)),
                                node.add_constant("ends", make_s64(ends))};
  if (!axes.empty()) operands.push_back(node.add_constant("axes", make_s64(axes)));
  node.emit(Op::kSlice, {}, operands);
}

void convert_gather(NodeReader& node) {
  node.expect_inputs(2, 2);
  node.emit(Op::kGather, AxisAttrs{node.get_int("axis", 0), false});
}

void convert_reshape(NodeReader& node) {
  node.expect_inputs(2, 2);
  node.emit(Op::kReshape, ReshapeAttrs{node.opset() >= 14 && node.get_flag("allowzero", false)});
}

void convert_flatten(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit(Op::kFlatten, AxisAttrs{node.get_int("axis", 1), false});
}

// Axes as an attribute until opset 12, as an operand since.
void convert_axes(NodeReader& node, Op op, bool required) {
  if (node.opset() >= 13) {
    node.expect_inputs(required ? 2 : 1, 2);
    node.emit(op);
    return;
  }
  node.expect_inputs(1, 1);
  std::vector<ValueId> operands{node.input(0)};
  if (required && !node.has("axes")) node.bad("required attribute 'axes' is missing");
  if (node.has("axes"))
    operands.push_back(node.add_constant("axes", make_s64(node.get_ints("axes"))));
  node.emit(op, {}, operands);
}

void convert_squeeze(NodeReader& node) { convert_axes(node, Op::kSqueeze, false); }
void convert_unsqueeze(NodeReader& node) { convert_axes(node, Op::kUnsqueeze, true); }

void convert_transpose(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit(Op::kTranspose, TransposeAttrs{node.get_ints("perm")});
}

void convert_expand(NodeReader& node) {
  node.expect_inputs(2, 2);
  node.emit(Op::kExpand);
}

void convert_tile(NodeReader& node) {
  node.expect_inputs(2, 2);
  node.emit(Op::kTile);
}

void convert_shape(NodeReader& node) {
  node.expect_inputs(1, 1);
  ShapeAttrs shape;
  if (node.opset() >= 15) {
    shape.start = node.get_int("start", shape.start);
    shape.end = node.get_int("end", shape.end);
  }
  node.emit(Op::kShape, shape);
}

void convert_constant_of_shape(NodeReader& node) {
  node.expect_inputs(1, 1);
  const ConstTensor value = node.get_tensor("value");
  if (value && value->shape().elements() != 1) {
    node.bad_attribute("value", to_string(value->shape()), "one element");
  }
  node.emit(Op::kConstantOfShape, FillAttrs{value});
}

void convert_range(NodeReader& node) {
  node.expect_inputs(3, 3);
  node.emit(Op::kRange);
}

constexpr OperatorEntry kOperators[] = {
    {"Constant", convert_constant},   {"Concat", convert_concat},
    {"Split", convert_split},         {"Slice", convert_slice},
    {"Gather", convert_gather},       {"Reshape", convert_reshape},
    {"Flatten", convert_flatten},     {"Squeeze", convert_squeeze},
    {"Unsqueeze", convert_unsqueeze}, {"Transpose", convert_transpose},
    {"Expand", convert_expand, 8},    {"Tile", convert_tile},
    {"Shape", convert_shape},         {"ConstantOfShape", convert_constant_of_shape, 9},
    {"Range", convert_range, 11},
};

}  // namespace

std::span<const OperatorEntry> shape_operators() { return kOperators; }

}  // namespace convoy::onnx
