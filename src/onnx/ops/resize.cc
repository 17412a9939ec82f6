// Operators that change spatial extents without a window: Resize, Upsample, Pad, DepthToSpace.
#include <cstring>

#include "onnx/ops/ops.h"

namespace convoy::onnx {
namespace {

using Mode = ResizeAttrs::Mode;
using Coordinates = ResizeAttrs::Coordinates;
using Nearest = ResizeAttrs::Nearest;
using Policy = ResizeAttrs::Policy;

template <class E>
struct Named {
  std::string_view name;
  E value;
};

template <class E, std::size_t kCount>
E choose(NodeReader& node, const char* attribute, std::string_view fallback,
         const Named<E> (&names)[kCount]) {
  const std::string text = node.get_string(attribute, fallback);
  std::string known;
  for (const Named<E>& named : names) {
    if (named.name == text) return named.value;
    known += (known.empty() ? "" : ", ") + std::string(named.name);
  }
  node.bad_attribute(attribute, "'" + text + "'", "one of " + known);
}

constexpr Named<Mode> kModes[] = {
    {"nearest", Mode::kNearest}, {"linear", Mode::kLinear}, {"cubic", Mode::kCubic}};
constexpr Named<Coordinates> kCoordinates[] = {
    {"half_pixel", Coordinates::kHalfPixel},
    {"half_pixel_symmetric", Coordinates::kHalfPixelSymmetric},
    {"pytorch_half_pixel", Coordinates::kPytorchHalfPixel},
    {"align_corners", Coordinates::kAlignCorners},
    {"asymmetric", Coordinates::kAsymmetric},
    {"tf_crop_and_resize", Coordinates::kTfCropAndResize}};
constexpr Named<Nearest> kNearest[] = {{"round_prefer_floor", Nearest::kRoundPreferFloor},
                                       {"round_prefer_ceil", Nearest::kRoundPreferCeil},
                                       {"floor", Nearest::kFloor},
                                       {"ceil", Nearest::kCeil}};
constexpr Named<Policy> kPolicies[] = {{"stretch", Policy::kStretch},
                                       {"not_larger", Policy::kNotLarger},
                                       {"not_smaller", Policy::kNotSmaller}};
constexpr Named<PadAttrs::Mode> kPadModes[] = {{"constant", PadAttrs::Mode::kConstant},
                                               {"reflect", PadAttrs::Mode::kReflect},
                                               {"edge", PadAttrs::Mode::kEdge},
                                               {"wrap", PadAttrs::Mode::kWrap}};

// Upsample, and Resize of opset 10: corners aligned at 0, nearest rounded down.
ResizeAttrs asymmetric(NodeReader& node) {
  ResizeAttrs resize;
  resize.mode = choose(node, "mode", "nearest", kModes);
  resize.coordinates = Coordinates::kAsymmetric;
  resize.nearest = Nearest::kFloor;
  return resize;
}

void convert_upsample(NodeReader& node) {
  const ResizeAttrs resize = asymmetric(node);
  if (node.opset() >= 9) {
    node.expect_inputs(2, 2);
    node.emit(Op::kResize, resize, {node.input(0), kNoValue, node.input(1)});
    return;
  }
  node.expect_inputs(1, 1);
  const std::vector<float> scales = node.get_floats("scales");
  auto tensor =
      std::make_shared<Tensor>(DType::kF32, Shape{static_cast<std::int64_t>(scales.size())});
  if (!scales.empty())
    std::memcpy(tensor->as<float>(), scales.data(), scales.size() * sizeof(float));
  const ValueId operand = node.add_constant("scales", std::move(tensor));
  node.emit(Op::kResize, resize, {node.input(0), kNoValue, operand});
}

// Opset 11 could leave operands out only by giving them no elements.
std::vector<ValueId> present_operands(const NodeReader& node) {
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    const ConstTensor known = node.constant(i);
    const bool empty = i > 0 && known != nullptr && known->shape().elements() == 0;
    operands.push_back(empty ? kNoValue : node.input(i));
  }
  while (operands.back() == kNoValue) operands.pop_back();
  return operands;
}

void convert_resize(NodeReader& node) {
  if (node.opset() < 11) {
    const ResizeAttrs old = asymmetric(node);
    node.expect_inputs(2, 2);
    node.emit(Op::kResize, old, {node.input(0), kNoValue, node.input(1)});
    return;
  }
  node.expect_inputs(1, 4);
  if (node.get_string("coordinate_transformation_mode", "") == "tf_half_pixel_for_nn") {
    node.unsupported("the coordinate transformation tf_half_pixel_for_nn is not supported");
  }
  ResizeAttrs resize;
  resize.mode = choose(node, "mode", "nearest", kModes);
  resize.coordinates = choose(node, "coordinate_transformation_mode", "half_pixel", kCoordinates);
  resize.nearest = choose(node, "nearest_mode", "round_prefer_floor", kNearest);
  resize.cubic_a = node.get_float("cubic_coeff_a", -0.75f);
  resize.exclude_outside = node.get_flag("exclude_outside", false);
  resize.extrapolation = node.get_float("extrapolation_value", 0.0f);
  if (node.opset() >= 18) {
    resize.axes = node.get_ints("axes");
    resize.policy = choose(node, "keep_aspect_ratio_policy", "stretch", kPolicies);
    if (node.get_flag("antialias", false)) node.unsupported("antialias is not supported");
  }
  node.emit(Op::kResize, resize, present_operands(node));
}

void convert_pad(NodeReader& node) {
  const PadAttrs pad{choose(node, "mode", "constant", kPadModes)};
  if (node.opset() >= 11) {
    node.expect_inputs(2, 4);
    node.emit(Op::kPad, pad);
    return;
  }
  node.expect_inputs(1, 1);
  const std::vector<std::int64_t> pads = node.get_ints("pads");
  if (pads.empty()) node.bad("required attribute 'pads' is missing");
  const ValueId amounts = node.add_constant("pads", make_s64(pads));
  const ValueId value = node.add_constant("value", make_f32_scalar(node.get_float("value", 0.0f)));
  node.emit(Op::kPad, pad, {node.input(0), amounts, value});
}

std::int64_t read_block(NodeReader& node) {
  const std::int64_t block = node.require_int("blocksize");
  if (block < 1 || block > 65536) {
    node.bad_attribute("blocksize", std::to_string(block), "at least 1");
  }
  return block;
}

void convert_depth_to_space(NodeReader& node) {
  node.expect_inputs(1, 1);
  const std::string mode = node.get_string("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") node.bad_attribute("mode", "'" + mode + "'", "DCR or CRD");
  node.emit(Op::kDepthToSpace, BlockAttrs{read_block(node), mode == "CRD"});
}

void convert_space_to_depth(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit(Op::kSpaceToDepth, BlockAttrs{read_block(node), false});
}

constexpr OperatorEntry kOperators[] = {
    {"Resize", convert_resize, 10},
    {"Upsample", convert_upsample, 7},
    {"Pad", convert_pad},
    {"DepthToSpace", convert_depth_to_space},
    {"SpaceToDepth", convert_space_to_depth},
};

}  // namespace

std::span<const OperatorEntry> resize_operators() { return kOperators; }

}  // namespace convoy::onnx
