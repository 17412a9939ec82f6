#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/infer_one.h"

namespace convoy::testing {
namespace {

using ::testing::HasSubstr;

std::string matmul(const Shape& a, const Shape& b) {
  return infer_one(Op::kMatMul, {}, {x(a), x(b)});
}

std::string gemm(GemmAttrs attrs, const std::vector<Arg>& args) {
  return infer_one(Op::kGemm, attrs, args);
}

TEST(MatMulShapes, FollowNumpy) {
  EXPECT_EQ(matmul({2, 3}, {3, 4}), "f32 2x4");
  EXPECT_EQ(matmul({3}, {3, 4}), "f32 4");
  EXPECT_EQ(matmul({2, 3}, {3}), "f32 2");
  EXPECT_EQ(matmul({3}, {3}), "f32 scalar");
  EXPECT_EQ(matmul({5, 1, 2, 3}, {7, 3, 4}), "f32 5x7x2x4");
  EXPECT_EQ(matmul({3}, {7, 3, 4}), "f32 7x4");
  EXPECT_EQ(matmul({7, 2, 3}, {3}), "f32 7x2");
  EXPECT_THAT(matmul({2, 3}, {4, 3}), HasSubstr("inner extents differ, 3 and 4"));
  EXPECT_THAT(matmul({2, 2, 3}, {4, 3, 5}), HasSubstr("do not broadcast"));
  EXPECT_THAT(matmul({}, {3}), HasSubstr("scalar"));
}

TEST(GemmShapes, TransposeAndBroadcast) {
  EXPECT_EQ(gemm({}, {x({2, 3}), x({3, 4}), x({4})}), "f32 2x4");
  EXPECT_EQ(gemm({.transpose_a = true, .transpose_b = true}, {x({3, 2}), x({4, 3}), x({2, 1})}),
            "f32 2x4");
  EXPECT_THAT(gemm({}, {x({2, 3}), x({2, 3})}), HasSubstr("inner extents differ"));
  EXPECT_THAT(gemm({}, {x({2, 3}), x({3, 4}), x({3})}), HasSubstr("do not broadcast"));
  EXPECT_THAT(gemm({}, {x({1, 3}), x({3, 4}), x({2, 4})}), HasSubstr("does not broadcast"));
  EXPECT_THAT(gemm({}, {x({1, 2, 3}), x({3, 4})}), HasSubstr("must be a matrix"));
}

TEST(NormShapes, CheckTheirParameters) {
  const Arg c = x({3});
  EXPECT_EQ(infer_one(Op::kBatchNorm, NormAttrs{}, {x({2, 3, 4}), c, c, c, c}), "f32 2x3x4");
  EXPECT_THAT(infer_one(Op::kBatchNorm, NormAttrs{}, {x({2, 3, 4}), c, c, c, x({4})}),
              HasSubstr("operand 4 'x4' (f32 4) must hold one element per channel (3)"));
  EXPECT_THAT(infer_one(Op::kBatchNorm, NormAttrs{.epsilon = NAN}, {x({2, 3, 4}), c, c, c, c}),
              HasSubstr("epsilon is nan"));
  EXPECT_EQ(infer_one(Op::kLayerNorm, NormAttrs{}, {x({2, 3, 4}), x({4}), x({4})}), "f32 2x3x4");
  EXPECT_EQ(infer_one(Op::kLayerNorm, NormAttrs{.axis = 1}, {x({2, 3, 4}), x({3, 4})}),
            "f32 2x3x4");
  EXPECT_THAT(infer_one(Op::kLayerNorm, NormAttrs{}, {x({2, 3, 4}), x({3, 4})}),
              HasSubstr("does not broadcast"));
  EXPECT_THAT(infer_one(Op::kLayerNorm, NormAttrs{.axis = 3}, {x({2, 3, 4}), x({4})}),
              HasSubstr("axis 3 is out of range"));
  EXPECT_THAT(infer_one(Op::kLayerNorm, NormAttrs{}, {x({2, 4}), x({4})}, 2),
              HasSubstr("optional output 'v2' is not computed"));
}

TEST(SoftmaxShapes, CheckTheAxis) {
  EXPECT_EQ(infer_one(Op::kSoftmax, AxisAttrs{-1}, {x({2, 3})}), "f32 2x3");
  EXPECT_THAT(infer_one(Op::kSoftmax, AxisAttrs{2}, {x({2, 3})}), HasSubstr("out of range"));
  EXPECT_THAT(infer_one(Op::kSoftmax, AxisAttrs{-1}, {x({2}, DType::kS32)}),
              HasSubstr("floating-point"));
}

}  // namespace
}  // namespace convoy::testing
