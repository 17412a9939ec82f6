// Every implementation of the two matrix products against the reference, and the reference against
// sums written out.
#include "kernels/matmul/matmul.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/step.h"

namespace convoy {
namespace {

using testing::Operand;
using testing::Step;

// Values whose sums are exact in f32, so every order of summation gives the same bits.
Operand integers(const Shape& shape, unsigned seed, bool constant = false) {
  std::mt19937 random(seed);
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (float& v : values) v = static_cast<float>(random() % 9) - 4;
  Operand result = testing::operand(shape, values);
  result.constant = constant;
  return result;
}

// All f32 entries give the reference's bits; returns them.
std::vector<float> expect_all_equal(const Step& step, const std::string& what) {
  const auto list = implementations(step.op);
  const auto expected = testing::run_step(*list.back(), step);
  for (const Implementation* entry : list) {
    if (!testing::supports(*entry, step)) continue;
    EXPECT_EQ(testing::as_values<float>(testing::run_step(*entry, step)[0]),
              testing::as_values<float>(expected[0]))
        << entry->name << " " << what;
  }
  return testing::as_values<float>(expected[0]);
}

TensorView f32(const Shape& shape) { return {nullptr, DType::kF32, Layout::kNchw, shape}; }

TEST(Gemm, TailsOfEveryKind) {
  for (const std::int64_t m : {1, 7, 50}) {
    for (const std::int64_t n : {5, 33, 48, 100}) {
      for (const std::int64_t k : {1, 17}) {
        for (const bool constant : {false, true}) {
          const Step step{Op::kGemm,
                          GemmAttrs{},
                          {integers({m, k}, 1), integers({k, n}, 2, constant), integers({n}, 3)},
                          {f32({m, n})}};
          expect_all_equal(step, std::to_string(m) + "x" + std::to_string(n) + "x" +
                                     std::to_string(k) + (constant ? " constant" : ""));
        }
      }
    }
  }
}

TEST(Gemm, TransposesScalesBroadcastsAndActivations) {
  const std::int64_t m = 29, n = 37, k = 11;
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const Shape& c : {Shape{}, Shape{1}, Shape{n}, Shape{m, 1}, Shape{1, n}, Shape{m, n}}) {
        for (const UnaryKind kind : {UnaryKind::kIdentity, UnaryKind::kClip}) {
          const GemmAttrs attrs{.transpose_a = ta,
                                .transpose_b = tb,
                                .alpha = 0.5f,
                                .beta = 2,
                                .activation = {kind, -3, 6}};
          const Shape a = ta ? Shape{k, m} : Shape{m, k}, b = tb ? Shape{n, k} : Shape{k, n};
          for (const bool constant : {false, true}) {
            const Step step{Op::kGemm,
                            attrs,
                            {integers(a, 4), integers(b, 5, constant), integers(c, 6)},
                            {f32({m, n})}};
            expect_all_equal(step, "c " + to_string(c));
          }
        }
      }
    }
  }
}

TEST(Gemm, WrittenOut) {
  const Step step{
      Op::kGemm,
      GemmAttrs{.transpose_b = true, .alpha = 2},
      {testing::operand<float>({1, 2}, {1, 2}), testing::operand<float>({2, 2}, {3, 4, 5, 6}),
       testing::operand<float>({2}, {10, 20})},
      {f32({1, 2})}};
  EXPECT_EQ(expect_all_equal(step, ""), (std::vector<float>{32, 54}));
}

TEST(MatMul, BatchesBroadcast) {
  struct Case {
    Shape a, b, y;
  };
  for (const auto& [a, b, y] : {
           Case{{3}, {3}, {}},
           Case{{3}, {3, 5}, {5}},
           Case{{4, 3}, {3}, {4}},
           Case{{2, 4, 3}, {3}, {2, 4}},
           Case{{2, 40, 3}, {3, 50}, {2, 40, 50}},
           Case{{2, 1, 40, 3}, {6, 3, 50}, {2, 6, 40, 50}},
           Case{{6, 4, 33}, {2, 1, 33, 7}, {2, 6, 4, 7}},
           Case{{0, 4, 3}, {3, 5}, {0, 4, 5}},
           Case{{4, 0}, {0, 5}, {4, 5}},
       }) {
    for (const bool constant : {false, true}) {
      const Step step{
          Op::kMatMul, std::monostate{}, {integers(a, 7), integers(b, 8, constant)}, {f32(y)}};
      expect_all_equal(step, to_string(a) + " * " + to_string(b));
    }
  }
}

TEST(MatMul, IntegersWrap) {
  const Step step{Op::kMatMul,
                  std::monostate{},
                  {testing::operand<std::int32_t>({1, 2}, {1 << 30, 3}),
                   testing::operand<std::int32_t>({2, 1}, {4, -5})},
                  {{nullptr, DType::kS32, Layout::kNchw, {1, 1}}}};
  const Implementation& reference = *implementations(Op::kMatMul).back();
  EXPECT_EQ(testing::as_values<std::int32_t>(testing::run_step(reference, step)[0])[0], -15);
}

TEST(Gemm, RealsWithinTheErrorBound) {
  const std::int64_t m = 9, n = 70, k = 300;
  Step step{Op::kGemm,
            GemmAttrs{.activation = {UnaryKind::kSilu, 0, 0}},
            {testing::random_operand(DType::kF32, {m, k}, Layout::kNchw, 1),
             testing::random_operand(DType::kF32, {k, n}, Layout::kNchw, 2),
             testing::random_operand(DType::kF32, {m, n}, Layout::kNchw, 3)},
            {f32({m, n})}};
  const auto list = implementations(Op::kGemm);
  const auto expected = testing::as_values<float>(testing::run_step(*list.back(), step)[0]);
  const auto found = testing::as_values<float>(testing::run_step(*list.front(), step)[0]);
  // |a|, |b|, |c| <= 1, and silu's slope stays below 1.1.
  const double bound = 1.1 * static_cast<double>(k + 2) * 0x1p-24 * static_cast<double>(k + 1);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_LE(std::fabs(static_cast<double>(found[i]) - static_cast<double>(expected[i])), bound);
  }
}

}  // namespace
}  // namespace convoy
