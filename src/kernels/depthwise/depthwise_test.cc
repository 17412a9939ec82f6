// What the shared list of convolutions does not reach: register-tile tails of every length against
// odd channels, and wide filters, on exact data.
#include <gtest/gtest.h>

#include "kernels/depthwise/rows.h"
#include "tests/support/conv_check.h"

namespace convoy {
namespace {

using testing::ConvCase;

void check(const ConvDesc& desc, const Epilogue& epilogue = {}) {
  static testing::ConvChecker checker;
  ConvCase c{.desc = desc};
  c.layout = Layout::kNhwc;
  c.data = ConvCase::Data::kIntegers;
  c.epilogue = epilogue;
  const Implementation& entry = *find_implementation("depthwise.direct.cpu.f32");
  const auto outcome = checker.check(entry, c, testing::ConvOracle(c));
  EXPECT_EQ(outcome.declined, "") << to_string(c);
  EXPECT_EQ(outcome.failure, "") << to_string(c);
}

ConvDesc depthwise(std::int64_t channels, std::int64_t h, std::int64_t w, std::int64_t filter) {
  return {
      .c = channels, .h = h, .w = w, .k = channels, .r = filter, .s = filter, .groups = channels};
}

TEST(Depthwise, EveryTileTail) {
  for (const std::int64_t filter : {3, 5, 7}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      for (std::int64_t w = filter; w < filter + 18; ++w) {
        ConvDesc d = depthwise(19, filter, w, filter);
        d.stride_h = d.stride_w = stride;
        d.pad_left = w % filter;
        d.pad_right = (w / 2) % filter;
        check(d);
      }
    }
  }
}

TEST(Depthwise, EveryChannelTail) {
  for (std::int64_t channels = 2; channels <= 2 * depthwise_kernels().lanes + 1; ++channels) {
    ConvDesc d = depthwise(channels, 5, 9, 3);
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    check(d, {.activation = {UnaryKind::kClip, 0, 6},
              .residual = Epilogue::Residual::kBeforeActivation});
    check(d, {.activation = {UnaryKind::kRelu, 0, 0},
              .residual = Epilogue::Residual::kAfterActivation});
  }
}

TEST(Depthwise, UnusualFilters) {
  ConvDesc d = depthwise(17, 12, 23, 4);
  d.pad_top = 3, d.pad_right = 2;
  check(d);
  d = depthwise(17, 3, 40, 1);
  d.s = 9, d.pad_left = 8, d.stride_w = 2;
  check(d);
  d = depthwise(17, 20, 23, 3);
  d.dilation_h = 3, d.dilation_w = 2, d.pad_top = 6, d.pad_left = 4;
  check(d);
  d = depthwise(16, 2, 2, 3);  // every output sees the border
  d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 2;
  check(d);
}

}  // namespace
}  // namespace convoy
