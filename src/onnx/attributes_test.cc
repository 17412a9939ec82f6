// Attributes: each wrong value is refused with the node, the attribute and the value in the
// message.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "onnx/load.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/refusal.h"

namespace convoy {
namespace {

using test::expect_refused;
using test::float_tensor;
using test::int64_tensor;
using test::Ints;
using test::OnnxModel;
using test::OnnxNode;
using test::Refusal;

constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;

// A model of this one node, called "n"; inputs "x" and "i", weights "w" 1x1x3x3, "v" 1x1x3.
Graph load_node(const OnnxNode& node, std::int64_t opset) {
  OnnxModel model(opset);
  model.input("x", {1, 1, 8, 8}).input("i", {2}, test::kOnnxInt64).output("y");
  model.initializer(float_tensor("w", {1, 1, 3, 3}, std::vector<float>(9, 1.0f)));
  model.initializer(float_tensor("v", {1, 1, 3}, std::vector<float>(3, 1.0f)));
  model.initializer(float_tensor("m", {2, 2}, std::vector<float>(4, 1.0f)));
  model.initializer(float_tensor("nan", {}, {std::nanf("")}));
  return load_onnx(test::as_bytes(model.node(node).bytes()));
}

OnnxNode conv() { return OnnxNode("Conv", {"x", "w"}, {"y"}, "n"); }
OnnxNode transpose() { return OnnxNode("ConvTranspose", {"x", "w"}, {"y"}, "n"); }
OnnxNode pool() { return OnnxNode("MaxPool", {"x"}, {"y"}, "n").with_ints("kernel_shape", {2, 2}); }
OnnxNode one(const char* type) { return OnnxNode(type, {"x"}, {"y"}, "n"); }

struct Case {
  const char* what;
  OnnxNode node;
  Refusal refusal;
  std::int64_t opset = 13;
};

void check(std::span<const Case> cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Refusal refusal = c.refusal;
    refusal.words.push_back("node 'n'");
    expect_refused([&] { load_node(c.node, c.opset); }, refusal);
  }
}

TEST(Attributes, OfWindows) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  const Case cases[] = {
      {"stride 0", conv().with_ints("strides", {1, 0}), {kInvalid, {"strides", "0"}}},
      {"stride < 0", conv().with_ints("strides", {-2, 1}), {kInvalid, {"strides", "-2"}}},
      {"strides of length 1", conv().with_ints("strides", {1}), {kInvalid, {"strides", "1"}}},
      {"strides of length 3", conv().with_ints("strides", {1, 1, 1}), {kUnsupported, {"3"}}},
      {"no strides", conv().with_ints("strides", {}), {kInvalid, {"strides"}}},
      {"dilation 0", conv().with_ints("dilations", {0, 1}), {kInvalid, {"dilations", "0"}}},
      {"dilations' length", conv().with_ints("dilations", {1}), {kInvalid, {"dilations"}}},
      {"group 0", conv().with_int("group", 0), {kInvalid, {"group", "0"}}},
      {"group < 0", conv().with_int("group", -1), {kInvalid, {"group", "-1"}}},
      {"kernel_shape", conv().with_ints("kernel_shape", {3, 5}), {kInvalid, {"kernel_shape"}}},
      {"kernel 0", conv().with_ints("kernel_shape", {0, 3}), {kInvalid, {"kernel_shape", "0"}}},
      {"odd pads", conv().with_ints("pads", {1, 1, 1}), {kInvalid, {"pads", "3"}}},
      {"1-D pads", conv().with_ints("pads", {1, 1}), {kInvalid, {"pads"}}},
      {"pad < 0", conv().with_ints("pads", {0, -1, 0, 0}), {kInvalid, {"pads", "-1"}}},
      {"pad 2^63", conv().with_ints("pads", {0, kHuge, 0, 0}), {kInvalid, {"pads"}}},
      {"stride 2^63", conv().with_ints("strides", {kHuge, 1}), {kInvalid, {"strides"}}},
      {"auto_pad", conv().with_text("auto_pad", "SAME"), {kInvalid, {"auto_pad", "SAME"}}},
      {"auto_pad and pads",
       conv().with_text("auto_pad", "VALID").with_ints("pads", {1, 1, 1, 1}),
       {kInvalid, {"auto_pad", "pads"}}},
      {"wrong type", conv().with_int("strides", 1), {kInvalid, {"strides", "int", "ints"}}},
      {"given twice",
       conv().with_int("group", 1).with_int("group", 1),
       {kInvalid, {"group", "twice"}}},
      {"unknown", conv().with_int("colour", 1), {kInvalid, {"colour"}}},
      {"weights of rank 2", OnnxNode("Conv", {"x", "m"}, {"y"}, "n"), {kInvalid, {"2x2"}}},
      {"output_padding",
       transpose().with_ints("output_padding", {1, 0}),
       {kInvalid, {"output_padding", "1"}}},
      {"output_shape < 0",
       transpose().with_ints("output_shape", {-4, 8}),
       {kInvalid, {"output_shape", "-4"}}},
      {"pool without kernel", one("MaxPool"), {kInvalid, {"kernel_shape", "missing"}}},
      {"pool kernel 0",
       one("MaxPool").with_ints("kernel_shape", {0, 1}),
       {kInvalid, {"kernel_shape"}}},
      {"pool pad", pool().with_ints("pads", {2, 0, 0, 0}), {kInvalid, {"pads", "2"}}},
      {"3-D pool", one("MaxPool").with_ints("kernel_shape", {1, 1, 1}), {kUnsupported, {"3"}}},
      {"ceil_mode 2", pool().with_int("ceil_mode", 2), {kInvalid, {"ceil_mode", "2"}}},
  };
  check(cases);
}

TEST(Attributes, OfOtherOperators) {
  const float nan = std::nanf("");
  const auto norm = [] {
    return OnnxNode("BatchNormalization", {"x", "m", "m", "m", "m"}, {"y"}, "n");
  };
  const Case cases[] = {
      {"block 0", one("SpaceToDepth").with_int("blocksize", 0), {kInvalid, {"blocksize", "0"}}},
      {"block < 0", one("DepthToSpace").with_int("blocksize", -1), {kInvalid, {"blocksize", "-1"}}},
      {"block missing", one("DepthToSpace"), {kInvalid, {"blocksize", "missing"}}},
      {"mode",
       one("DepthToSpace").with_int("blocksize", 2).with_text("mode", "XYZ"),
       {kInvalid, {"mode", "XYZ"}}},
      {"epsilon NaN", norm().with_float("epsilon", nan), {kInvalid, {"epsilon", "NaN"}}},
      {"epsilon < 0", norm().with_float("epsilon", -1), {kInvalid, {"epsilon", "-1"}}},
      {"training", norm().with_int("training_mode", 1), {kUnsupported, {"training"}}, 14},
      {"clip NaN", one("Clip").with_float("min", nan), {kInvalid, {"min", "NaN"}}, 7},
      {"clip order",
       one("Clip").with_float("min", 2).with_float("max", 1),
       {kInvalid, {"min", "2"}},
       7},
      {"clip operand NaN", OnnxNode("Clip", {"x", "nan"}, {"y"}, "n"), {kInvalid, {"min", "NaN"}}},
      {"cast to nothing", one("Cast").with_int("to", 77), {kInvalid, {"77"}}},
      {"cast to text", one("Cast").with_int("to", 8), {kUnsupported, {"string"}}},
      {"concat without axis", one("Concat"), {kInvalid, {"axis", "missing"}}},
      {"gelu", one("Gelu").with_text("approximate", "maybe"), {kInvalid, {"maybe"}}, 20},
      {"constant without value", OnnxNode("Constant", {}, {"y"}, "n"), {kInvalid, {"value"}}},
      {"constant text",
       OnnxNode("Constant", {}, {"y"}, "n").with_text("value_string", "a"),
       {kUnsupported, {"string"}}},
      {"constant's tensor",
       OnnxNode("Constant", {}, {"y"}, "n").with_tensor("value", {"", 1, {3}, "abcd", true, ""}),
       {kInvalid, {"4 bytes"}}},
      {"fill of two",
       OnnxNode("ConstantOfShape", {"i"}, {"y"}, "n")
           .with_tensor("value", float_tensor("", {2}, {1, 2})),
       {kInvalid, {"value"}}},
      {"resize mode",
       OnnxNode("Resize", {"x", "", "m"}, {"y"}, "n").with_text("mode", "best"),
       {kInvalid, {"mode", "best"}}},
      {"antialias",
       OnnxNode("Resize", {"x", "", "m"}, {"y"}, "n").with_int("antialias", 1),
       {kUnsupported, {"antialias"}},
       18},
      {"pad mode",
       OnnxNode("Pad", {"x", "i"}, {"y"}, "n").with_text("mode", "mirror"),
       {kInvalid, {"mode", "mirror"}}},
      {"old pad without pads", one("Pad"), {kInvalid, {"pads"}}, 7},
      {"old slice",
       one("Slice").with_ints("starts", {0}).with_ints("ends", {1, 2}),
       {kInvalid, {"ends"}},
       7},
      {"old unsqueeze", one("Unsqueeze"), {kInvalid, {"axes"}}, 11},
      {"split count",
       one("Split").with_int("num_outputs", 2),
       {kInvalid, {"num_outputs", "2"}},
       18},
      {"old gemm", OnnxNode("Gemm", {"x", "m"}, {"y"}, "n"), {kInvalid, {"missing"}}, 7},
      {"flag",
       OnnxNode("Gemm", {"x", "m"}, {"y"}, "n").with_int("transA", 3),
       {kInvalid, {"transA", "3"}}},
      {"text with NUL",
       conv().with_text("auto_pad", std::string_view("A\0B", 3)),
       {kInvalid, {"auto_pad"}}},
  };
  check(cases);
}

TEST(Attributes, OneDimensionalWindowsBecomeTwoDimensional) {
  const Graph graph = load_node(OnnxNode("Conv", {"x", "v"}, {"y"}, "n")
                                    .with_ints("strides", {2})
                                    .with_ints("dilations", {3})
                                    .with_ints("pads", {1, 2}),
                                13);
  const auto& conv = graph.nodes[0].as<ConvAttrs>();
  EXPECT_EQ(conv.stride, (Pair{1, 2}));
  EXPECT_EQ(conv.dilation, (Pair{1, 3}));
  EXPECT_EQ(conv.pads, (Pads{0, 1, 0, 2}));
}

TEST(Attributes, OldFormsBecomeOperands) {
  Graph graph = load_node(one("Squeeze").with_ints("axes", {0, 1}), 11);
  ASSERT_EQ(graph.nodes[0].inputs.size(), 2u);
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[1]).constant->as<std::int64_t>()[1], 1);
  graph = load_node(one("Clip").with_float("min", 0).with_float("max", 6), 7);
  EXPECT_EQ(graph.nodes[0].as<Unary>(), (Unary{UnaryKind::kClip, 0, 6}));
  graph = load_node(one("Upsample").with_floats("scales", {1, 1, 2, 2}), 7);
  EXPECT_EQ(graph.nodes[0].op, Op::kResize);
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[2]).constant->as<float>()[3], 2.0f);
  graph = load_node(one("Softmax"), 11);
  EXPECT_TRUE(graph.nodes[0].as<AxisAttrs>().flatten);
  EXPECT_EQ(graph.nodes[0].as<AxisAttrs>().axis, 1);
  graph = load_node(OnnxNode("Sum", {"x", "x", "x"}, {"y"}, "n"), 8);
  EXPECT_EQ(graph.nodes.size(), 2u);
}

}  // namespace
}  // namespace convoy
