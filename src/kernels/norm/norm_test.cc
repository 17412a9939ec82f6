// Batch and layer normalisation against their definitions in double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/step.h"
#include "tests/support/targets.h"

namespace convoy::testing {
namespace {

constexpr double kRoundoff = 0x1p-24;

struct BatchCase {
  Shape x;
  Layout layout = Layout::kNchw;
};
const BatchCase kBatchCases[] = {
    {{2, 3, 5, 7}},     {{2, 37, 5, 7}, Layout::kNhwc},   {{1, 1, 1, 1}}, {{3, 37}}, {{2, 5, 33}},
    {{1, 2, 200, 101}}, {{1, 18, 60, 41}, Layout::kNhwc}, {{0, 3, 2, 2}},
};

Step batch_step(const BatchCase& c) {
  const Shape channels{c.x[1]};
  std::vector<Operand> inputs{random_operand(DType::kF32, c.x, c.layout, 1)};
  for (unsigned i = 1; i < 5; ++i) {
    auto values =
        as_values<float>(random_operand(DType::kF32, channels, Layout::kNchw, i + 1).values);
    if (i == 4) {
      for (float& v : values) v = std::fabs(v) + 0.125f;
    }
    inputs.push_back(constant(channels, values));
  }
  return {Op::kBatchNorm, NormAttrs{1e-3f, -1}, inputs, {{nullptr, DType::kF32, c.layout, c.x}}};
}

void check_batch(const BatchCase& c) {
  const Step step = batch_step(c);
  const auto p = [&](std::size_t i, std::int64_t channel) {
    return static_cast<double>(
        as_values<float>(step.inputs[i].values)[static_cast<std::size_t>(channel)]);
  };
  const auto x = as_values<float>(step.inputs[0].values);
  const std::int64_t stride = strides_of(c.x, c.layout)[1];
  for (const Implementation* entry : implementations(Op::kBatchNorm)) {
    ASSERT_TRUE(supports(*entry, step)) << entry->name;
    const auto y = as_values<float>(run_step(*entry, step)[0]);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::int64_t channel = static_cast<std::int64_t>(i) / stride % c.x[1];
      const double scale = p(1, channel) / std::sqrt(p(4, channel) + static_cast<double>(1e-3f));
      const double product = static_cast<double>(x[i]) * scale;
      const double shift = p(3, channel) * scale;
      const double magnitude = std::fabs(product) + std::fabs(shift) + std::fabs(p(2, channel));
      ASSERT_NEAR(static_cast<double>(y[i]), product - shift + p(2, channel),
                  4 * kRoundoff * magnitude)
          << entry->name << " " << to_string(c.x);
    }
  }
}

TEST(BatchNorm, EveryListedShape) {
  for (const BatchCase& c : kBatchCases) check_batch(c);
}

TEST(BatchNorm, OnEveryInstructionSet) {
  for_each_isa([] {
    for (const BatchCase& c : {kBatchCases[0], kBatchCases[1], kBatchCases[4]}) check_batch(c);
  });
}

TEST(BatchNorm, ParametersKnownOnlyWhenRunningGoToTheReference) {
  Step step = batch_step(kBatchCases[0]);
  step.inputs[2].constant = false;
  const auto list = implementations(Op::kBatchNorm);
  EXPECT_EQ(supports(*list.front(), step).reason, "needs constant parameters");
  EXPECT_TRUE(supports(*list.back(), step));
}

struct LayerCase {
  Shape x;
  std::int64_t axis;
  bool bias = true;
};
const LayerCase kLayerCases[] = {
    {{1, 1}, -1},   {{3, 37}, -1}, {{2, 5, 64}, -1, false}, {{2, 5, 7}, 1}, {{2, 3, 5, 7}, -2},
    {{2, 9001}, 1}, {{0, 8}, -1},
};

void check_layer(const LayerCase& c, float offset) {
  Shape inner;
  for (int a = static_cast<int>(c.axis < 0 ? c.axis + c.x.rank() : c.axis); a < c.x.rank(); ++a) {
    inner.push_back(c.x[a]);
  }
  const auto length = static_cast<std::size_t>(inner.elements());
  auto x = as_values<float>(random_operand(DType::kF32, c.x, Layout::kNchw, 1).values);
  for (float& v : x) v += offset;
  const Operand scale = random_operand(DType::kF32, inner, Layout::kNchw, 2);
  const Operand bias = c.bias ? random_operand(DType::kF32, inner, Layout::kNchw, 3) : absent();
  const auto gains = as_values<float>(scale.values), shifts = as_values<float>(bias.values);
  const Step step{Op::kLayerNorm,
                  NormAttrs{1e-5f, c.axis},
                  {operand(c.x, x), scale, bias},
                  {{nullptr, DType::kF32, Layout::kNchw, c.x}}};
  for (const Implementation* entry : implementations(Op::kLayerNorm)) {
    ASSERT_TRUE(supports(*entry, step)) << entry->name;
    const auto y = as_values<float>(run_step(*entry, step)[0]);
    for (std::size_t row = 0; row < x.size(); row += length) {
      double mean = 0, squares = 0;
      for (std::size_t i = 0; i < length; ++i) mean += static_cast<double>(x[row + i]);
      mean /= static_cast<double>(length);
      for (std::size_t i = 0; i < length; ++i) {
        squares += std::pow(static_cast<double>(x[row + i]) - mean, 2);
      }
      const double factor =
          1 / std::sqrt(squares / static_cast<double>(length) + static_cast<double>(1e-5f));
      for (std::size_t i = 0; i < length; ++i) {
        const double distance = static_cast<double>(x[row + i]) - mean;
        const double gain = factor * static_cast<double>(gains[i]);
        const double shift = c.bias ? static_cast<double>(shifts[i]) : 0;
        // The mean is rounded to f32, and the variance is a sum of positive terms.
        const double bound =
            kRoundoff * (std::fabs(gain) * (24 * std::fabs(distance) + 4 * std::fabs(mean) + 1) +
                         2 * std::fabs(shift));
        ASSERT_NEAR(static_cast<double>(y[row + i]), distance * gain + shift, bound)
            << entry->name << " " << to_string(c.x) << " at " << row + i;
      }
    }
  }
}

TEST(LayerNorm, EveryListedShape) {
  for (const LayerCase& c : kLayerCases) {
    for (const float offset : {0.0f, 3.0f, -100.0f}) check_layer(c, offset);
  }
}

TEST(LayerNorm, OnEveryInstructionSet) {
  for_each_isa([] {
    for (const LayerCase& c : kLayerCases) check_layer(c, 1.0f);
  });
}

TEST(LayerNorm, NanStaysInItsRow) {
  std::vector<float> x(3 * 37, 0.25f);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += static_cast<float>(i);
  x[40] = std::numeric_limits<float>::quiet_NaN();
  const Step step{Op::kLayerNorm,
                  NormAttrs{},
                  {operand({3, 37}, x), random_operand(DType::kF32, {37}, Layout::kNchw, 2)},
                  {{nullptr, DType::kF32, Layout::kNchw, {3, 37}}}};
  for (const Implementation* entry : implementations(Op::kLayerNorm)) {
    const auto y = as_values<float>(run_step(*entry, step)[0]);
    for (std::size_t i = 0; i < y.size(); ++i) {
      EXPECT_EQ(std::isnan(y[i]), i / 37 == 1) << entry->name << " at " << i;
    }
  }
}

}  // namespace
}  // namespace convoy::testing
