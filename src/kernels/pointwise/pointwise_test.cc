// What the shared list of convolutions does not reach: every tail of the register tile in rows,
// columns and depth, in both layouts, with every stride, on exact data.
#include <gtest/gtest.h>

#include "kernels/simd/gemm.h"
#include "tests/support/conv_check.h"

namespace convoy {
namespace {

using testing::ConvCase;

void check(const ConvDesc& desc, Layout layout, const Epilogue& epilogue = {}) {
  static testing::ConvChecker checker;
  ConvCase c{.desc = desc};
  c.layout = layout;
  c.data = ConvCase::Data::kIntegers;
  c.epilogue = epilogue;
  const Implementation& entry = *find_implementation("pointwise.gemm.cpu.f32");
  const auto outcome = checker.check(entry, c, testing::ConvOracle(c));
  EXPECT_EQ(outcome.declined, "") << to_string(c);
  EXPECT_EQ(outcome.failure, "") << to_string(c);
}

TEST(Pointwise, EveryRowTail) {
  for (std::int64_t pixels = 1; pixels <= 30; ++pixels) {
    for (const std::int64_t k : {13, 24, 45}) {
      for (const Layout layout : {Layout::kNhwc, Layout::kNchw}) {
        check({.c = 5, .h = 1, .w = pixels, .k = k}, layout);
      }
    }
  }
}

TEST(Pointwise, EveryColumnTail) {
  const Epilogue epilogue{.activation = {UnaryKind::kClip, 0, 6},
                          .residual = Epilogue::Residual::kBeforeActivation};
  for (std::int64_t k = 1; k <= 4 * gemm_kernels().lanes + 1; ++k) {
    check({.c = 3, .h = 3, .w = 5, .k = k}, Layout::kNhwc, epilogue);
    check({.c = 3, .h = 1, .w = k, .k = 9}, Layout::kNchw, epilogue);
  }
}

TEST(Pointwise, StridesAndBatches) {
  for (const std::int64_t stride_h : {1, 2, 3}) {
    for (const std::int64_t stride_w : {1, 2, 5}) {
      for (const Layout layout : {Layout::kNhwc, Layout::kNchw}) {
        check(
            {.n = 2, .c = 7, .h = 8, .w = 11, .k = 18, .stride_h = stride_h, .stride_w = stride_w},
            layout);
      }
    }
  }
}

TEST(Pointwise, OnePixelOfManyChannels) {
  for (const std::int64_t n : {1, 3}) {
    check({.n = n, .c = 300, .h = 1, .w = 1, .k = 75}, Layout::kNhwc);
    check({.n = n, .c = 300, .h = 1, .w = 1, .k = 75}, Layout::kNchw);
  }
}

}  // namespace
}  // namespace convoy
