#include <gmock/gmock.h>

#include "tests/support/infer_one.h"

namespace convoy::testing {
namespace {

using ::testing::HasSubstr;

std::string pool(PoolAttrs attrs, const Shape& in) { return infer_one(Op::kPool, attrs, {x(in)}); }

std::string reduce(ReduceAttrs attrs, std::vector<Arg> args) {
  return infer_one(Op::kReduce, attrs, args);
}

TEST(PoolShapes, FollowTheFormula) {
  EXPECT_EQ(pool({.kernel = {3, 2}, .stride = {2, 2}}, {1, 4, 8, 8}), "f32 1x4x3x4");
  EXPECT_EQ(pool({.kernel = {3, 3}, .dilation = {2, 2}}, {1, 4, 8, 8}), "f32 1x4x4x4");
  EXPECT_EQ(pool({.kernel = {1, 2}, .stride = {1, 2}}, {1, 4, 9}), "f32 1x4x4");
  EXPECT_EQ(
      pool({.kernel = {3, 3}, .stride = {2, 2}, .auto_pad = AutoPad::kSameUpper}, {1, 1, 5, 6}),
      "f32 1x1x3x3");
}

TEST(PoolShapes, RoundUpUnlessTheLastWindowStartsInThePadding) {
  const auto ceil = [](std::int64_t in, std::int64_t kernel, std::int64_t stride, Pads pads) {
    return pool({.kernel = {kernel, 1}, .stride = {stride, 1}, .pads = pads, .ceil_mode = true},
                {1, 1, in, 1});
  };
  EXPECT_EQ(ceil(6, 3, 2, {}), "f32 1x1x3x1");
  EXPECT_EQ(ceil(7, 3, 2, {}), "f32 1x1x3x1");
  // (3 + 2 - 1) / 3, rounded up, plus one is 3 windows, but the third would start at row 6 of 5.
  EXPECT_EQ(ceil(3, 2, 3, {1, 0, 1, 0}), "f32 1x1x2x1");
  EXPECT_EQ(ceil(2, 1, 2, {}), "f32 1x1x1x1");
}

TEST(PoolShapes, RefuseWhatDoesNotFit) {
  EXPECT_THAT(pool({.kernel = {2, 2}, .pads = {2, 0, 0, 0}}, {1, 1, 4, 4}),
              HasSubstr("padding along h is 2, expected less than the kernel's 2"));
  EXPECT_THAT(pool({.kernel = {0, 2}}, {1, 1, 4, 4}), HasSubstr("kernel's extent along h is 0"));
  EXPECT_THAT(pool({.kernel = {5, 2}}, {1, 1, 4, 4}), HasSubstr("covers 5 elements"));
  EXPECT_THAT(pool({.kernel = {1, 1}, .stride = {1, 0}}, {1, 1, 4, 4}),
              HasSubstr("stride along w"));
  EXPECT_THAT(pool({}, {4, 4}), HasSubstr("rank 3 or 4"));
}

TEST(ReduceShapes, DropOrKeepTheAxes) {
  const Arg in = x({2, 3, 4, 5});
  EXPECT_EQ(reduce({}, {in}), "f32 1x1x1x1");
  EXPECT_EQ(reduce({.keep_dims = false}, {in}), "f32 scalar");
  EXPECT_EQ(reduce({}, {in, ints({-1, 1})}), "f32 2x1x4x1");
  EXPECT_EQ(reduce({.keep_dims = false}, {in, ints({-1, 1})}), "f32 2x4");
  EXPECT_EQ(reduce({.spatial = true}, {in}), "f32 2x3x1x1");
  EXPECT_EQ(reduce({}, {in, ints({})}), "f32 1x1x1x1");
  EXPECT_EQ(reduce({.noop_without_axes = true}, {in, ints({})}), "f32 2x3x4x5");
  EXPECT_EQ(reduce({.noop_without_axes = true}, {in}), "f32 2x3x4x5");
}

TEST(ReduceShapes, MakeAxesPositive) {
  const Graph g = infer_graph(Op::kReduce, ReduceAttrs{}, {x({2, 3, 4}), ints({-1, 0})});
  const Value& axes = g.value(g.nodes[0].inputs[1]);
  EXPECT_EQ(axes.constant->as<std::int64_t>()[0], 2);
  EXPECT_EQ(axes.constant->as<std::int64_t>()[1], 0);
}

TEST(ReduceShapes, RefuseBadAxes) {
  EXPECT_THAT(reduce({}, {x({2, 3}), ints({2})}), HasSubstr("axis 2 is out of range"));
  EXPECT_THAT(reduce({}, {x({2, 3}), ints({0, -2})}), HasSubstr("axis -2 is given twice"));
  EXPECT_THAT(
      reduce({}, {x({2, 3}), x({1}, DType::kS64)}),
      HasSubstr("invalid argument: node 'n0' (Reduce): the list of axes is decided by 'x1', "
                "whose contents are not known before the model runs; bind it"));
}

}  // namespace
}  // namespace convoy::testing
