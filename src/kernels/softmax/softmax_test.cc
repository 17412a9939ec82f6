// Softmax against its definition in double, over axes, layouts and odd sizes.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/step.h"
#include "tests/support/targets.h"

namespace convoy::testing {
namespace {

struct SoftmaxCase {
  Shape x;
  AxisAttrs attrs;
  Layout layout = Layout::kNchw;
  bool simd = true;
};

const SoftmaxCase kCases[] = {
    {{1}, {0}},
    {{5, 1000}, {-1}},
    {{3, 37}, {1}},
    {{3, 37}, {0}, Layout::kNchw, false},
    {{2, 3, 5, 7}, {1}, Layout::kNchw, false},
    {{2, 35, 5, 7}, {1}, Layout::kNhwc},
    {{2, 3, 5, 7}, {3}},
    {{2, 3, 5, 7}, {1, true}},
    {{2, 3, 5, 7}, {4, true}},
    {{0, 4}, {1}},
    {{1, 9001}, {1}},
};

// `scale` spreads the operand's [-1, 1).
Step make_step(const SoftmaxCase& c, float scale) {
  Operand x = random_operand(DType::kF32, c.x, c.layout, 6);
  auto values = as_values<float>(x.values);
  for (float& v : values) v *= scale;
  x = operand(c.x, values, c.layout);
  return {Op::kSoftmax, c.attrs, {x}, {{nullptr, DType::kF32, c.layout, c.x}}};
}

// The row of element i (in logical order) as a number, and where the element lies.
struct Element {
  std::size_t row = 0, at = 0;
};
Element element(const SoftmaxCase& c, std::int64_t i) {
  const Strides strides = strides_of(c.x, c.layout);
  const std::int64_t axis = c.attrs.axis < 0 ? c.attrs.axis + c.x.rank() : c.attrs.axis;
  std::int64_t row = 0, step = 1, at = 0;
  for (int a = c.x.rank() - 1; a >= 0; --a) {
    const std::int64_t index = i % c.x[a];
    i /= c.x[a];
    at += index * strides[static_cast<std::size_t>(a)];
    if (c.attrs.flatten ? a >= axis : a == axis) continue;
    row += index * step;
    step *= c.x[a];
  }
  return {static_cast<std::size_t>(row), static_cast<std::size_t>(at)};
}

void check(const SoftmaxCase& c, float scale) {
  const Step step = make_step(c, scale);
  const auto x = as_values<float>(step.inputs[0].values);
  const auto count = static_cast<std::int64_t>(x.size());
  std::vector<double> top(x.size(), -INFINITY), sum(x.size(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    const Element e = element(c, i);
    top[e.row] = std::max(top[e.row], static_cast<double>(x[e.at]));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const Element e = element(c, i);
    sum[e.row] += std::exp(static_cast<double>(x[e.at]) - top[e.row]);
  }
  int ran = 0;
  for (const Implementation* entry : implementations(Op::kSoftmax)) {
    if (!supports(*entry, step)) continue;
    ++ran;
    const auto y = as_values<float>(run_step(*entry, step)[0]);
    for (std::int64_t i = 0; i < count; ++i) {
      const Element e = element(c, i);
      const double distance = static_cast<double>(x[e.at]) - top[e.row];
      const double exact = std::exp(distance) / sum[e.row];
      // The difference is rounded before its exponential; then a few operations, and the sum's
      // chain of at most 4096 / 4 additions of positive terms.
      const double bound = 0x1p-24 * exact * (std::fabs(distance) + 40) + 0x1p-148;
      ASSERT_NEAR(static_cast<double>(y[e.at]), exact, bound)
          << entry->name << " " << to_string(c.x) << " axis " << c.attrs.axis;
    }
  }
  EXPECT_EQ(ran, c.simd ? 2 : 1) << to_string(c.x) << " axis " << c.attrs.axis;
}

TEST(Softmax, EveryListedShape) {
  for (const SoftmaxCase& c : kCases) {
    for (const float scale : {1.0f, 90.0f, 1e30f}) check(c, scale);
  }
}

TEST(Softmax, OnEveryInstructionSet) {
  for_each_isa([] {
    for (const SoftmaxCase& c : kCases) check(c, 20.0f);
  });
}

TEST(Softmax, NanAndInfinitiesAsInTheReference) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for_each_isa([&] {
    for (const float special : {kNan, kInf, -kInf}) {
      for (const std::size_t at : {0u, 17u, 36u}) {
        std::vector<float> x(37, special == -kInf && at == 36 ? -kInf : 0.5f);
        x[at] = special;
        const Step step{Op::kSoftmax,
                        AxisAttrs{0, false},
                        {operand({37}, x)},
                        {{nullptr, DType::kF32, Layout::kNchw, {37}}}};
        const auto list = implementations(Op::kSoftmax);
        const auto fast = as_values<float>(run_step(*list.front(), step)[0]);
        const auto want = as_values<float>(run_step(*list.back(), step)[0]);
        for (std::size_t i = 0; i < 37; ++i) {
          ASSERT_EQ(std::isnan(fast[i]), std::isnan(want[i])) << special << " at " << at;
          ASSERT_EQ(fast[i] == 0, want[i] == 0) << special << " at " << at;
        }
      }
    }
  });
}

}  // namespace
}  // namespace convoy::testing
