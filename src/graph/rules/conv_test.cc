#include <gmock/gmock.h>

#include "tests/support/infer_one.h"

namespace convoy::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string conv(ConvAttrs attrs, const std::vector<Arg>& args) {
  return infer_one(Op::kConv, attrs, args);
}

std::string transposed(ConvTransposeAttrs attrs, const std::vector<Arg>& args) {
  return infer_one(Op::kConvTranspose, attrs, args);
}

MATCHER_P(IsRefused, words, "is refused with: " + std::string(words)) {
  return ::testing::ExplainMatchResult(
      AllOf(StartsWith("invalid model: node 'n"), HasSubstr(words)), arg, result_listener);
}

TEST(ConvShapes, FollowTheFormula) {
  EXPECT_EQ(conv({}, {x({1, 3, 8, 9}), x({4, 3, 3, 2})}), "f32 1x4x6x8");
  EXPECT_EQ(conv({.stride = {2, 1}, .pads = {1, 0, 2, 1}}, {x({2, 3, 8, 9}), x({4, 3, 3, 3})}),
            "f32 2x4x5x8");
  EXPECT_EQ(conv({.dilation = {3, 2}}, {x({1, 1, 7, 5}), x({1, 1, 3, 3})}), "f32 1x1x1x1");
  EXPECT_EQ(conv({.groups = 6}, {x({1, 6, 4, 4}), x({12, 1, 1, 1}), x({12})}), "f32 1x12x4x4");
  EXPECT_EQ(conv({.stride = {1, 2}}, {x({1, 3, 10}), x({4, 3, 3})}), "f32 1x4x4");
  EXPECT_EQ(conv({}, {x({1, 3, 8, 8}, DType::kF16), x({4, 3, 3, 3}, DType::kF16)}), "f16 1x4x6x6");
}

TEST(ConvShapes, ResolveAutomaticPads) {
  const auto pads = [](AutoPad auto_pad, Pair stride, const Shape& in) {
    const Graph g = infer_graph(Op::kConv, ConvAttrs{.stride = stride, .auto_pad = auto_pad},
                                {x(in), x({1, 1, 3, 3})});
    const auto& attrs = g.nodes[0].as<ConvAttrs>();
    EXPECT_EQ(attrs.auto_pad, AutoPad::kNotSet);
    return attrs.pads;
  };
  EXPECT_EQ(pads(AutoPad::kSameUpper, {1, 1}, {1, 1, 5, 5}), (Pads{1, 1, 1, 1}));
  EXPECT_EQ(pads(AutoPad::kSameUpper, {2, 2}, {1, 1, 6, 5}), (Pads{0, 1, 1, 1}));
  EXPECT_EQ(pads(AutoPad::kSameLower, {2, 2}, {1, 1, 6, 5}), (Pads{1, 1, 0, 1}));
  EXPECT_EQ(pads(AutoPad::kSameUpper, {4, 4}, {1, 1, 5, 4}), (Pads{1, 0, 1, 0}));
  EXPECT_EQ(pads(AutoPad::kValid, {2, 2}, {1, 1, 6, 5}), (Pads{}));
}

TEST(ConvShapes, RefuseWhatDoesNotFit) {
  const Arg in = x({1, 4, 8, 8});
  EXPECT_THAT(conv({.stride = {0, 1}}, {in, x({4, 4, 3, 3})}), IsRefused("stride along h is 0"));
  EXPECT_THAT(conv({.dilation = {1, -1}}, {in, x({4, 4, 3, 3})}),
              IsRefused("dilation along w is -1"));
  EXPECT_THAT(conv({.groups = 0}, {in, x({4, 4, 3, 3})}), IsRefused("groups is 0"));
  EXPECT_THAT(conv({.groups = 3}, {in, x({3, 1, 3, 3})}),
              IsRefused("channels 4 are not divisible"));
  EXPECT_THAT(conv({.groups = 2}, {in, x({3, 2, 3, 3})}),
              IsRefused("output channels 3 are not divisible"));
  EXPECT_THAT(conv({}, {in, x({4, 3, 3, 3})}), IsRefused("has 3 input channels, expected 4"));
  EXPECT_THAT(conv({}, {in, x({4, 4, 3})}), IsRefused("rank differs"));
  EXPECT_THAT(conv({}, {in, x({4, 4, 0, 3})}), IsRefused("weight is empty"));
  EXPECT_THAT(conv({.pads = {-1, 0, 0, 0}}, {in, x({4, 4, 3, 3})}),
              IsRefused("begin along h is -1"));
  EXPECT_THAT(conv({.pads = {0, 0, INT64_MAX, 0}}, {in, x({4, 4, 3, 3})}),
              IsRefused("end along h is 9223372036854775807"));
  EXPECT_THAT(conv({}, {in, x({4, 4, 9, 1})}), IsRefused("covers 9 elements along h"));
  EXPECT_THAT(conv({.dilation = {1, 4}}, {in, x({4, 4, 3, 3})}),
              IsRefused("covers 9 elements along w"));
  EXPECT_THAT(conv({}, {in, x({4, 4, 3, 3}), x({0})}), IsRefused("bias must hold one element"));
  EXPECT_THAT(conv({}, {in, x({4, 4, 3, 3}), x({5})}), IsRefused("per output channel (4)"));
  EXPECT_THAT(conv({}, {in, x({4, 4, 3, 3}, DType::kF16)}), IsRefused("must have the type of"));
  EXPECT_THAT(conv({}, {in, x({4, 4, 3, 3}), none(), x({1, 4, 6, 5})}), IsRefused("residual"));
  EXPECT_THAT(conv({}, {in}), IsRefused("operand 1 is missing"));
  EXPECT_THAT(conv({}, {x({1, 4, 8, 8}, DType::kS32), x({4, 4, 3, 3}, DType::kS32)}),
              IsRefused("floating-point"));
  EXPECT_THAT(conv({}, {x({1, 1, 3, 3, 3}), x({1, 1, 3, 3, 3})}),
              StartsWith("unsupported: node 'n"));
  EXPECT_THAT(conv({}, {x({0, 4, 8, 8}), x({4, 4, 3, 3})}), StartsWith("unsupported: node 'n"));
}

TEST(ConvTransposeShapes, FollowTheFormula) {
  const Arg w = x({2, 3, 3, 3});
  EXPECT_EQ(transposed({}, {x({1, 2, 3, 4}), w}), "f32 1x3x5x6");
  EXPECT_EQ(transposed({.stride = {3, 2}, .output_padding = {1, 1}}, {x({1, 2, 3, 3}), w}),
            "f32 1x3x10x8");
  EXPECT_EQ(transposed({.stride = {2, 2}, .pads = {1, 1, 1, 1}}, {x({1, 2, 3, 3}), w}),
            "f32 1x3x5x5");
  EXPECT_EQ(transposed({.dilation = {2, 2}}, {x({1, 2, 3, 3}), w}), "f32 1x3x7x7");
  EXPECT_EQ(transposed({.groups = 2}, {x({1, 2, 3, 3}), w, x({6})}), "f32 1x6x5x5");
  EXPECT_EQ(transposed({.stride = {1, 2}}, {x({1, 2, 3}), x({2, 3, 4})}), "f32 1x3x8");
}

TEST(ConvTransposeShapes, ResolveAutomaticPadsAndOutputShapes) {
  const auto resolved = [](ConvTransposeAttrs attrs) {
    return infer_graph(Op::kConvTranspose, attrs, {x({1, 1, 3, 3}), x({1, 2, 3, 3})});
  };
  Graph g = resolved({.stride = {2, 2}, .auto_pad = AutoPad::kSameUpper});
  EXPECT_EQ(to_string(*g.value(g.outputs[0]).shape), "1x2x6x6");
  EXPECT_EQ(g.nodes[0].as<ConvTransposeAttrs>().pads, (Pads{0, 0, 1, 1}));
  g = resolved({.stride = {2, 2}, .auto_pad = AutoPad::kSameLower});
  EXPECT_EQ(g.nodes[0].as<ConvTransposeAttrs>().pads, (Pads{1, 1, 0, 0}));
  // Smaller than what the windows cover: pads. Larger: output padding.
  g = resolved({.stride = {3, 2}, .output_shape = {8, 8}});
  EXPECT_EQ(to_string(*g.value(g.outputs[0]).shape), "1x2x8x8");
  const auto& attrs = g.nodes[0].as<ConvTransposeAttrs>();
  EXPECT_EQ(attrs.pads, (Pads{1, 0, 0, 0}));
  EXPECT_EQ(attrs.output_padding, (Pair{0, 1}));
  EXPECT_TRUE(attrs.output_shape.empty());
}

TEST(ConvTransposeShapes, RefuseWhatDoesNotFit) {
  const Arg in = x({1, 2, 3, 3});
  const Arg w = x({2, 3, 3, 3});
  EXPECT_THAT(transposed({.stride = {2, 2}, .output_padding = {2, 0}}, {in, w}),
              IsRefused("output_padding along h is 2"));
  EXPECT_THAT(transposed({.output_padding = {0, -1}}, {in, w}),
              IsRefused("output_padding along w is -1"));
  EXPECT_THAT(transposed({.output_shape = {-3, 4}}, {in, w}), IsRefused("output_shape holds -3"));
  EXPECT_THAT(transposed({.output_shape = {4}}, {in, w}), IsRefused("output_shape has 1 extents"));
  EXPECT_THAT(transposed({.pads = {3, 3, 3, 3}}, {in, w}), IsRefused("leave no output"));
  EXPECT_THAT(transposed({.groups = 3}, {in, w}), IsRefused("not divisible by groups 3"));
  EXPECT_THAT(transposed({}, {in, x({3, 3, 3, 3})}), IsRefused("has 3 input channels, expected 2"));
  EXPECT_THAT(transposed({}, {in, w, x({2})}), IsRefused("per output channel (3)"));
}

}  // namespace
}  // namespace convoy::testing
