#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/infer_one.h"

namespace convoy::testing {
namespace {

using ::testing::HasSubstr;

std::string binary(BinaryKind kind, const Arg& a, const Arg& b) {
  return infer_one(Op::kBinary, BinaryAttrs{kind, {}}, {a, b});
}

TEST(ElementwiseShapes, Unary) {
  EXPECT_EQ(infer_one(Op::kUnary, Unary{UnaryKind::kRelu}, {x({2, 0, 3})}), "f32 2x0x3");
  EXPECT_EQ(infer_one(Op::kUnary, Unary{UnaryKind::kNot}, {x({2}, DType::kBool)}), "bool 2");
  EXPECT_THAT(infer_one(Op::kUnary, Unary{UnaryKind::kNot}, {x({2})}), HasSubstr("must be bool"));
  EXPECT_THAT(infer_one(Op::kUnary, Unary{UnaryKind::kExp}, {x({2}, DType::kBool)}),
              HasSubstr("must be a numeric tensor"));
  EXPECT_EQ(infer_one(Op::kCast, CastAttrs{DType::kU8}, {x({2, 3})}), "u8 2x3");
}

TEST(ElementwiseShapes, BinaryBroadcasts) {
  EXPECT_EQ(binary(BinaryKind::kAdd, x({2, 1, 4}), x({3, 1})), "f32 2x3x4");
  EXPECT_EQ(binary(BinaryKind::kMul, x({}), x({0, 3})), "f32 0x3");
  EXPECT_EQ(binary(BinaryKind::kLess, x({2, 3}), x({3})), "bool 2x3");
  EXPECT_EQ(binary(BinaryKind::kEqual, x({2}, DType::kBool), x({2}, DType::kBool)), "bool 2");
  EXPECT_EQ(binary(BinaryKind::kAnd, x({2}, DType::kBool), x({1}, DType::kBool)), "bool 2");
  EXPECT_EQ(binary(BinaryKind::kPow, x({2}), x({1}, DType::kS32)), "f32 2");
  EXPECT_EQ(binary(BinaryKind::kPrelu, x({1, 3, 2, 2}), x({3, 1, 1})), "f32 1x3x2x2");
}

TEST(ElementwiseShapes, BinaryRefusesMismatches) {
  EXPECT_THAT(binary(BinaryKind::kAdd, x({2, 3}), x({2})), HasSubstr("do not broadcast"));
  EXPECT_THAT(binary(BinaryKind::kAdd, x({2}), x({2}, DType::kS64)),
              HasSubstr("operand 1 'x1' (s64 2) must have the type of operand 0 'x0' (f32 2)"));
  EXPECT_THAT(binary(BinaryKind::kOr, x({2}), x({2})), HasSubstr("must be bool"));
  EXPECT_THAT(binary(BinaryKind::kPrelu, x({3}), x({2, 3})), HasSubstr("slope must broadcast"));
}

TEST(ElementwiseShapes, WhereBroadcastsAllThree) {
  const Arg condition = x({2, 1}, DType::kBool);
  EXPECT_EQ(infer_one(Op::kWhere, {}, {condition, x({3}), x({4, 1, 1})}), "f32 4x2x3");
  EXPECT_THAT(infer_one(Op::kWhere, {}, {x({1}), x({3}), x({3})}), HasSubstr("must be bool"));
  EXPECT_THAT(infer_one(Op::kWhere, {}, {condition, x({3}), x({3}, DType::kS8)}),
              HasSubstr("must have the type"));
}

TEST(ClipShapes, KnownBoundsBecomeAttributes) {
  Graph g = infer_graph(Op::kClip, {}, {x({2}), scalar(0), scalar(6)});
  EXPECT_EQ(g.nodes[0].op, Op::kUnary);
  EXPECT_EQ(g.nodes[0].as<Unary>(), (Unary{UnaryKind::kClip, 0, 6}));
  EXPECT_EQ(g.nodes[0].inputs.size(), 1u);
  g = infer_graph(Op::kClip, {}, {x({2}), none(), scalar(6)});
  EXPECT_EQ(g.nodes[0].as<Unary>(), (Unary{UnaryKind::kClip, -INFINITY, 6}));
  const auto half = std::make_shared<Tensor>(DType::kF16, Shape{});
  *half->as<std::uint16_t>() = 0x4600;  // 6
  g = infer_graph(Op::kClip, {}, {x({2}, DType::kF16), none(), {{}, {}, half}});
  EXPECT_EQ(g.nodes[0].as<Unary>(), (Unary{UnaryKind::kClip, -INFINITY, 6}));
}

TEST(ClipShapes, UnknownOrIntegerBoundsStayOperands) {
  EXPECT_EQ(infer_graph(Op::kClip, {}, {x({2}), x({}), scalar(6)}).nodes[0].op, Op::kClip);
  EXPECT_EQ(infer_graph(Op::kClip, {}, {x({2}, DType::kS64), ints({3})}).nodes[0].op, Op::kClip);
}

TEST(ClipShapes, RefuseBadBounds) {
  EXPECT_THAT(infer_one(Op::kClip, {}, {x({2}), scalar(1), scalar(0)}), HasSubstr("above max"));
  EXPECT_THAT(infer_one(Op::kClip, {}, {x({2}), scalar(NAN)}), HasSubstr("is NaN"));
  EXPECT_THAT(infer_one(Op::kClip, {}, {x({2}), floats({1, 2})}), HasSubstr("one element"));
  EXPECT_THAT(infer_one(Op::kClip, {}, {x({2}), ints({1})}), HasSubstr("must have the type"));
}

}  // namespace
}  // namespace convoy::testing
