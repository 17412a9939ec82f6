#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/infer_one.h"

namespace convoy::testing {
namespace {

using ::testing::HasSubstr;

std::string slice(const Arg& in, const std::vector<Arg>& rest) {
  std::vector<Arg> args{in};
  args.insert(args.end(), rest.begin(), rest.end());
  return infer_one(Op::kSlice, {}, args);
}

std::string reshape(const Shape& from, const Arg& to, bool allow_zero = false) {
  return infer_one(Op::kReshape, ReshapeAttrs{allow_zero}, {x(from), to});
}

std::string pad(PadAttrs::Mode mode, const Shape& in, const std::vector<Arg>& rest) {
  std::vector<Arg> args{x(in)};
  args.insert(args.end(), rest.begin(), rest.end());
  return infer_one(Op::kPad, PadAttrs{mode}, args);
}

TEST(ConcatShapes, JoinAlongOneAxis) {
  EXPECT_EQ(infer_one(Op::kConcat, AxisAttrs{-2}, {x({2, 3, 4}), x({2, 0, 4}), x({2, 5, 4})}),
            "f32 2x8x4");
  EXPECT_THAT(infer_one(Op::kConcat, AxisAttrs{1}, {x({2, 3}), x({3, 3})}),
              HasSubstr("does not join"));
  EXPECT_THAT(infer_one(Op::kConcat, AxisAttrs{1}, {x({2, 3}), x({2})}), HasSubstr("not join"));
  EXPECT_THAT(infer_one(Op::kConcat, AxisAttrs{2}, {x({2, 3})}), HasSubstr("axis 2"));
  EXPECT_THAT(infer_one(Op::kConcat, AxisAttrs{0}, {x({2}), x({2}, DType::kS8)}),
              HasSubstr("must have the type"));
}

TEST(SplitShapes, TakeApart) {
  const Arg in = x({2, 7});
  EXPECT_EQ(infer_one(Op::kSplit, AxisAttrs{1}, {in, ints({4, 0, 3})}, 3),
            "f32 2x4, f32 2x0, f32 2x3");
  EXPECT_EQ(infer_one(Op::kSplit, AxisAttrs{-1}, {in}, 2), "f32 2x4, f32 2x3");
  EXPECT_THAT(infer_one(Op::kSplit, AxisAttrs{1}, {in, ints({4, 2})}, 2),
              HasSubstr("sum to 6, expected 7"));
  EXPECT_THAT(infer_one(Op::kSplit, AxisAttrs{1}, {in, ints({8, -1})}, 2),
              HasSubstr("negative size -1"));
  EXPECT_THAT(infer_one(Op::kSplit, AxisAttrs{1}, {in, ints({7})}, 2), HasSubstr("1 sizes"));
  EXPECT_THAT(infer_one(Op::kSplit, AxisAttrs{2}, {in}, 2), HasSubstr("out of range"));
  EXPECT_THAT(infer_one(Op::kSplit, AxisAttrs{1}, {in, ints({INT64_MAX, INT64_MAX})}, 2),
              HasSubstr("overflows"));
}

TEST(SliceShapes, ClampAsOnnxSays) {
  const Arg in = x({10, 5});
  EXPECT_EQ(slice(in, {ints({2}), ints({INT64_MAX})}), "f32 8x5");
  EXPECT_EQ(slice(in, {ints({-3, 1}), ints({-1, 9})}), "f32 2x4");
  EXPECT_EQ(slice(in, {ints({0}), ints({10}), ints({0}), ints({3})}), "f32 4x5");
  EXPECT_EQ(slice(in, {ints({9}), ints({INT64_MIN}), ints({0}), ints({-1})}), "f32 10x5");
  EXPECT_EQ(slice(in, {ints({20}), ints({0}), ints({-2}), ints({-4})}), "f32 3x5");
  EXPECT_EQ(slice(in, {ints({5}), ints({2})}), "f32 0x5");
  EXPECT_EQ(slice(in, {ints({0}), ints({10}), ints({0}), ints({INT64_MAX})}), "f32 1x5");
  EXPECT_EQ(slice(in, {ints({9}), ints({INT64_MIN}), ints({0}), ints({INT64_MIN})}), "f32 1x5");
  EXPECT_EQ(slice(x({0}), {ints({0}), ints({INT64_MIN}), ints({0}), ints({-1})}), "f32 0");
}

TEST(SliceShapes, RefuseNonsense) {
  const Arg in = x({10, 5});
  EXPECT_THAT(slice(in, {ints({0}), ints({1}), ints({0}), ints({0})}), HasSubstr("axis 0 is 0"));
  EXPECT_THAT(slice(in, {ints({0}), ints({1}), ints({2})}), HasSubstr("axis 2 is out of range"));
  EXPECT_THAT(slice(in, {ints({0, 0}), ints({1, 1}), ints({0, -2})}), HasSubstr("given twice"));
  EXPECT_THAT(slice(in, {ints({0}), ints({1, 2})}), HasSubstr("differ in length: 1, 2"));
  EXPECT_THAT(slice(in, {ints({0}), x({1}, DType::kS64)}), HasSubstr("list of ends is decided by"));
  EXPECT_THAT(slice(in, {floats({0}), ints({1})}), HasSubstr("must be s32 or s64"));
}

TEST(GatherShapes, ReplaceTheAxis) {
  const Arg in = x({4, 5, 6});
  EXPECT_EQ(infer_one(Op::kGather, AxisAttrs{1}, {in, x({2, 3}, DType::kS64)}), "f32 4x2x3x6");
  EXPECT_EQ(infer_one(Op::kGather, AxisAttrs{-3}, {in, x({}, DType::kS32)}), "f32 5x6");
  EXPECT_EQ(infer_one(Op::kGather, AxisAttrs{0}, {in, ints({-4, 3})}), "f32 2x5x6");
  EXPECT_THAT(infer_one(Op::kGather, AxisAttrs{0}, {in, ints({4})}), HasSubstr("index 4 is out"));
  EXPECT_THAT(infer_one(Op::kGather, AxisAttrs{0}, {in, ints({-5})}), HasSubstr("index -5 is out"));
  EXPECT_THAT(infer_one(Op::kGather, AxisAttrs{3}, {in, ints({0})}), HasSubstr("axis 3"));
  EXPECT_THAT(infer_one(Op::kGather, AxisAttrs{0}, {in, x({2})}), HasSubstr("s32 or s64 indices"));
}

TEST(ReshapeShapes, ZerosCopyAndOneExtentFollows) {
  EXPECT_EQ(reshape({2, 3, 4}, ints({0, -1})), "f32 2x12");
  EXPECT_EQ(reshape({2, 3, 4}, ints({4, 3, 2})), "f32 4x3x2");
  EXPECT_EQ(reshape({1}, ints({})), "f32 scalar");
  EXPECT_EQ(reshape({0, 3}, ints({3, 0}), true), "f32 3x0");
  EXPECT_EQ(reshape({2, 0}, ints({2, -1, 3})), "f32 2x0x3");
}

TEST(ReshapeShapes, RefuseWrongProducts) {
  EXPECT_THAT(reshape({2, 3}, ints({-1, -1})), HasSubstr("holds two -1"));
  EXPECT_THAT(reshape({2, 3}, ints({4, -1})), HasSubstr("cannot reshape operand 0 'x0' (f32 2x3)"));
  EXPECT_THAT(reshape({2, 3}, ints({7})), HasSubstr("to [7]"));
  EXPECT_THAT(reshape({2, 3}, ints({2, -3})), HasSubstr("negative extent"));
  EXPECT_THAT(reshape({2, 3}, ints({2, 3, 0})), HasSubstr("copies dimension 2"));
  EXPECT_THAT(reshape({0, 3}, ints({0, -1}), true), HasSubstr("mixes 0 and -1"));
  EXPECT_THAT(reshape({0, 3}, ints({0, -1})), HasSubstr("cannot reshape"));
  EXPECT_THAT(reshape({2, 3}, ints({INT64_MAX, INT64_MAX})), HasSubstr("overflows"));
  EXPECT_THAT(reshape({2, 3}, x({2}, DType::kS64)), HasSubstr("bind it"));
}

TEST(FlattenShapes, AcceptEveryAxisUpToTheRank) {
  const auto flatten = [](std::int64_t axis) {
    return infer_one(Op::kFlatten, AxisAttrs{axis}, {x({2, 3, 4})});
  };
  EXPECT_EQ(flatten(0), "f32 1x24");
  EXPECT_EQ(flatten(1), "f32 2x12");
  EXPECT_EQ(flatten(3), "f32 24x1");
  EXPECT_EQ(flatten(-1), "f32 6x4");
  EXPECT_THAT(flatten(4), HasSubstr("axis 4 is out of range"));
}

TEST(SqueezeShapes, AddAndDropOnes) {
  EXPECT_EQ(infer_one(Op::kSqueeze, {}, {x({1, 3, 1})}), "f32 3");
  EXPECT_EQ(infer_one(Op::kSqueeze, {}, {x({1, 3, 1}), ints({-1})}), "f32 1x3");
  EXPECT_THAT(infer_one(Op::kSqueeze, {}, {x({1, 3}), ints({1})}), HasSubstr("extent is not 1"));
  EXPECT_EQ(infer_one(Op::kUnsqueeze, {}, {x({3, 4}), ints({0, -1})}), "f32 1x3x4x1");
  EXPECT_THAT(infer_one(Op::kUnsqueeze, {}, {x({3}), ints({0, 0})}), HasSubstr("given twice"));
  EXPECT_THAT(infer_one(Op::kUnsqueeze, {}, {x({3}), ints({2})}), HasSubstr("out of range"));
  EXPECT_THAT(infer_one(Op::kUnsqueeze, {}, {x({3}), ints({0, 1, 2, 3, 4, 5, 6, 7})}),
              HasSubstr("more than 8 dimensions"));
}

TEST(TransposeShapes, Permute) {
  EXPECT_EQ(infer_one(Op::kTranspose, TransposeAttrs{}, {x({2, 3, 4})}), "f32 4x3x2");
  EXPECT_EQ(infer_one(Op::kTranspose, TransposeAttrs{{0, 2, 1}}, {x({2, 3, 4})}), "f32 2x4x3");
  EXPECT_THAT(infer_one(Op::kTranspose, TransposeAttrs{{0, 0, 1}}, {x({2, 3, 4})}),
              HasSubstr("given twice"));
  EXPECT_THAT(infer_one(Op::kTranspose, TransposeAttrs{{0, 1}}, {x({2, 3, 4})}),
              HasSubstr("[0, 1] does not fit"));
}

TEST(BlockShapes, MoveBetweenChannelsAndSpace) {
  EXPECT_EQ(infer_one(Op::kDepthToSpace, BlockAttrs{2}, {x({1, 8, 2, 3})}), "f32 1x2x4x6");
  EXPECT_EQ(infer_one(Op::kSpaceToDepth, BlockAttrs{2}, {x({1, 2, 4, 6})}), "f32 1x8x2x3");
  EXPECT_THAT(infer_one(Op::kDepthToSpace, BlockAttrs{2}, {x({1, 6, 2, 3})}),
              HasSubstr("not divisible"));
  EXPECT_THAT(infer_one(Op::kSpaceToDepth, BlockAttrs{2}, {x({1, 6, 2, 3})}),
              HasSubstr("not divisible"));
  EXPECT_THAT(infer_one(Op::kSpaceToDepth, BlockAttrs{0}, {x({1, 6, 2, 3})}),
              HasSubstr("block size is 0"));
}

TEST(FillShapes, ExpandAndTile) {
  EXPECT_EQ(infer_one(Op::kExpand, {}, {x({3, 1}), ints({2, 1, 4})}), "f32 2x3x4");
  EXPECT_THAT(infer_one(Op::kExpand, {}, {x({3}), ints({2})}), HasSubstr("do not broadcast"));
  EXPECT_THAT(infer_one(Op::kExpand, {}, {x({3}), ints({-1})}), HasSubstr("negative extent -1"));
  EXPECT_EQ(infer_one(Op::kTile, {}, {x({3, 1}), ints({2, 4})}), "f32 6x4");
  EXPECT_THAT(infer_one(Op::kTile, {}, {x({3, 1}), ints({2})}), HasSubstr("1 repeats"));
  EXPECT_THAT(infer_one(Op::kTile, {}, {x({3}), ints({-2})}), HasSubstr("negative"));
  EXPECT_THAT(infer_one(Op::kTile, {}, {x({3}), ints({INT64_MAX})}), HasSubstr("overflows"));
}

TEST(FillShapes, HugeResultsAreRefusedInWords) {
  constexpr std::int64_t kTera = std::int64_t{1} << 40;
  EXPECT_THAT(infer_one(Op::kExpand, {}, {x({1}), ints({kTera})}),
              HasSubstr("unsupported: node 'n1' (Expand): 'v2' (f32 1099511627776) would take "
                        "4.0 TiB; at most 64.0 GiB are allowed"));
  EXPECT_THAT(infer_one(Op::kTile, {}, {x({1}), ints({kTera})}), HasSubstr("4.0 TiB"));
  EXPECT_THAT(infer_one(Op::kConstantOfShape, FillAttrs{}, {ints({kTera})}), HasSubstr("4.0 TiB"));
  EXPECT_THAT(infer_one(Op::kConstantOfShape, FillAttrs{}, {ints({kTera, kTera})}),
              HasSubstr("overflows"));
  EXPECT_THAT(infer_one(Op::kExpand, {}, {x({1}), ints({kTera, 1, kTera})}),
              HasSubstr("overflows"));
}

TEST(FillShapes, ConstantOfShapeAndRange) {
  EXPECT_EQ(infer_one(Op::kConstantOfShape, FillAttrs{}, {ints({2, 0})}), "f32 2x0");
  EXPECT_EQ(infer_one(Op::kConstantOfShape, FillAttrs{make_s64({7})}, {ints({2})}), "s64 2");
  EXPECT_THAT(infer_one(Op::kConstantOfShape, FillAttrs{make_s64({7, 8})}, {ints({2})}),
              HasSubstr("must hold one element"));
  EXPECT_THAT(infer_one(Op::kConstantOfShape, FillAttrs{}, {ints({-2})}), HasSubstr("negative"));
  EXPECT_EQ(infer_one(Op::kRange, {}, {ints({2}), ints({11}), ints({3})}), "s64 3");
  EXPECT_EQ(infer_one(Op::kRange, {}, {ints({11}), ints({2}), ints({-2})}), "s64 5");
  EXPECT_EQ(infer_one(Op::kRange, {}, {ints({2}), ints({1}), ints({1})}), "s64 0");
  EXPECT_EQ(infer_one(Op::kRange, {}, {scalar(0), scalar(1), scalar(0.3f)}), "f32 4");
  EXPECT_THAT(infer_one(Op::kRange, {}, {ints({2}), ints({1}), ints({0})}), HasSubstr("0 or NaN"));
  EXPECT_THAT(infer_one(Op::kRange, {}, {scalar(0), scalar(NAN), scalar(1)}), HasSubstr("NaN"));
  EXPECT_THAT(infer_one(Op::kRange, {}, {scalar(0), scalar(1), scalar(1e-38f)}),
              HasSubstr("more than 2^62"));
}

TEST(PadShapes, GrowAndShrink) {
  using Mode = PadAttrs::Mode;
  EXPECT_EQ(pad(Mode::kConstant, {2, 3}, {ints({1, 0, 2, 4})}), "f32 5x7");
  EXPECT_EQ(pad(Mode::kConstant, {2, 3}, {ints({-1, 0, 0, -3})}), "f32 1x0");
  EXPECT_EQ(pad(Mode::kConstant, {2, 3}, {ints({1, 2}), scalar(0), ints({-1})}), "f32 2x6");
  EXPECT_EQ(pad(Mode::kReflect, {2, 3}, {ints({1, 2, 1, 2})}), "f32 4x7");
  EXPECT_THAT(pad(Mode::kConstant, {2, 3}, {ints({-1, 0, -2, 0})}), HasSubstr("negative extent"));
  EXPECT_THAT(pad(Mode::kConstant, {2, 3}, {ints({1, 2})}), HasSubstr("2 pads"));
  EXPECT_THAT(pad(Mode::kConstant, {2, 3}, {ints({INT64_MAX, 0, 0, 0})}), HasSubstr("overflows"));
  EXPECT_THAT(pad(Mode::kReflect, {2, 3}, {ints({2, 0, 0, 0})}), HasSubstr("past the other end"));
  EXPECT_THAT(pad(Mode::kEdge, {0}, {ints({2, 0})}), HasSubstr("nothing to repeat"));
  EXPECT_THAT(pad(Mode::kConstant, {2}, {ints({2, 0}), ints({0})}), HasSubstr("type of"));
  EXPECT_THAT(pad(Mode::kConstant, {2}, {ints({2, 0}), floats({0, 0})}), HasSubstr("one element"));
}

}  // namespace
}  // namespace convoy::testing
