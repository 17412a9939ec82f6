#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/infer_one.h"

namespace convoy::testing {
namespace {

using ::testing::HasSubstr;
using Policy = ResizeAttrs::Policy;

std::string scaled(const Shape& in, const std::vector<float>& scales, ResizeAttrs attrs = {}) {
  return infer_one(Op::kResize, attrs, {x(in), none(), floats(scales)});
}

std::string sized(const Shape& in, std::initializer_list<std::int64_t> sizes,
                  ResizeAttrs attrs = {}) {
  return infer_one(Op::kResize, attrs, {x(in), none(), none(), ints(sizes)});
}

TEST(ResizeShapes, FromScales) {
  EXPECT_EQ(scaled({1, 2, 4, 5}, {1, 1, 2, 0.5f}), "f32 1x2x8x2");
  EXPECT_EQ(scaled({1, 1, 10, 3}, {1, 1, 0.7f, 1.0f / 3}), "f32 1x1x7x1");
  EXPECT_EQ(scaled({1, 1, 4, 4}, {3, 2}, {.axes = {-1, 2}}), "f32 1x1x8x12");
}

TEST(ResizeShapes, FromSizes) {
  EXPECT_EQ(sized({1, 2, 4, 5}, {1, 2, 7, 3}), "f32 1x2x7x3");
  EXPECT_EQ(sized({1, 2, 4, 5}, {7, 3}, {.axes = {2, 3}}), "f32 1x2x7x3");
  EXPECT_EQ(sized({1, 1, 10, 20}, {20, 30}, {.policy = Policy::kNotLarger, .axes = {2, 3}}),
            "f32 1x1x15x30");
  EXPECT_EQ(sized({1, 1, 10, 20}, {20, 30}, {.policy = Policy::kNotSmaller, .axes = {2, 3}}),
            "f32 1x1x20x40");
}

TEST(ResizeShapes, EmptyOperandsAreAbsent) {
  const std::vector<Arg> args{x({1, 1, 4, 4}), floats({}), floats({}), ints({1, 1, 2, 2})};
  EXPECT_EQ(infer_one(Op::kResize, ResizeAttrs{}, args), "f32 1x1x2x2");
  const Graph g = infer_graph(Op::kResize, ResizeAttrs{}, args);
  EXPECT_EQ(g.nodes[0].inputs[1], kNoValue);
  EXPECT_EQ(g.nodes[0].inputs[2], kNoValue);
}

TEST(ResizeShapes, CropsToTheRegionOfInterest) {
  const ResizeAttrs crop{.coordinates = ResizeAttrs::Coordinates::kTfCropAndResize};
  EXPECT_EQ(
      infer_one(Op::kResize, crop,
                {x({1, 1, 8, 8}), floats({0, 0, 0.25f, 0, 1, 1, 0.75f, 1}), floats({1, 1, 3, 1})}),
      "f32 1x1x12x8");
  EXPECT_THAT(infer_one(Op::kResize, crop, {x({1, 8}), floats({0, 1}), floats({1, 1})}),
              HasSubstr("2 corners"));
}

TEST(ResizeShapes, RefuseNonsense) {
  for (float bad : {0.0f, -1.0f, NAN, INFINITY}) {
    EXPECT_THAT(scaled({1, 4}, {1, bad}), HasSubstr("the scale of axis 1 is")) << bad;
  }
  EXPECT_THAT(scaled({1, 4}, {1}), HasSubstr("1 scales are given, expected 2"));
  EXPECT_THAT(scaled({1, 4}, {1e30f, 1}), HasSubstr("an extent of the result is"));
  EXPECT_THAT(sized({1, 4}, {1, 0}), HasSubstr("the size of axis 1 is 0"));
  EXPECT_THAT(infer_one(Op::kResize, ResizeAttrs{}, {x({4})}), HasSubstr("neither"));
  EXPECT_THAT(infer_one(Op::kResize, ResizeAttrs{}, {x({4}), none(), floats({2}), ints({8})}),
              HasSubstr("both"));
  EXPECT_THAT(infer_one(Op::kResize, ResizeAttrs{}, {x({4}), none(), x({1})}),
              HasSubstr("bind it"));
  EXPECT_THAT(scaled({1, 4}, {1}, {.axes = {2}}), HasSubstr("axis 2 is out of range"));
}

}  // namespace
}  // namespace convoy::testing
