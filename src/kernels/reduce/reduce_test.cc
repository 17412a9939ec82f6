// Every reduction against sums made here in double, over axes, layouts and odd sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/step.h"
#include "tests/support/targets.h"
#include "tests/support/tolerance.h"

namespace convoy::testing {
namespace {

using Kind = ReduceAttrs::Kind;

struct ReduceCase {
  Shape x;
  std::vector<std::int64_t> axes;  // empty: all
  Layout layout = Layout::kNchw;
  bool keep_dims = true;
  bool simd = true;  // expected to have a vector form
};

const ReduceCase kCases[] = {
    {{1}, {0}},
    {{7}, {}},
    {{3, 37}, {1}},
    {{3, 37}, {-1}, Layout::kNchw, false},
    {{3, 37}, {0}},
    {{5, 3, 37}, {1}, Layout::kNchw, false},
    {{2, 5, 7, 9}, {2, 3}},
    {{2, 5, 7, 9}, {2, 3}, Layout::kNchw, false},
    {{2, 5, 7, 9}, {1}},
    {{2, 5, 7, 9}, {}},
    {{2, 5, 7, 9}, {1, 3}, Layout::kNchw, true, false},
    {{2, 131, 7, 9}, {2, 3}, Layout::kNhwc},
    {{2, 131, 7, 9}, {1}, Layout::kNhwc},
    {{1, 19, 150, 151}, {2, 3}, Layout::kNhwc},
    {{1, 3, 150, 151}, {2, 3}},
    {{2, 5, 1, 1}, {2, 3}, Layout::kNhwc},
    {{0, 4}, {1}, Layout::kNchw, true, false},
};

Step make_step(const ReduceCase& c, Kind kind) {
  Shape y;
  std::vector<bool> reduced(static_cast<std::size_t>(c.x.rank()), c.axes.empty());
  for (std::int64_t axis : c.axes) {
    reduced[static_cast<std::size_t>(axis < 0 ? axis + c.x.rank() : axis)] = true;
  }
  for (int axis = 0; axis < c.x.rank(); ++axis) {
    if (!reduced[static_cast<std::size_t>(axis)]) {
      y.push_back(c.x[axis]);
    } else if (c.keep_dims) {
      y.push_back(1);
    }
  }
  const Layout y_layout = c.keep_dims ? c.layout : Layout::kNchw;
  return {Op::kReduce,
          ReduceAttrs{kind, c.keep_dims, false, false},
          {random_operand(DType::kF32, c.x, c.layout, 5),
           c.axes.empty() ? absent() : constant_ints(c.axes)},
          {{nullptr, DType::kF32, y_layout, y}}};
}

struct Expected {
  double sum = 0, absolute = 0, squares = 0, product = 1;
  double high = -INFINITY, low = INFINITY;
  std::int64_t count = 0;

  void add(double v) {
    sum += v, absolute += std::fabs(v), squares += v * v, product *= v, ++count;
    high = std::max(high, v), low = std::min(low, v);
  }
  double result(Kind kind) const {
    switch (kind) {
      case Kind::kMean:
        return sum / static_cast<double>(count);
      case Kind::kMax:
        return high;
      case Kind::kMin:
        return low;
      case Kind::kProd:
        return product;
      case Kind::kL1:
        return absolute;
      case Kind::kL2:
        return std::sqrt(squares);
      case Kind::kSumSquare:
        return squares;
      default:
        return sum;
    }
  }
  double tolerance(Kind kind) const {
    const double u = roundoff(DType::kF32), n = static_cast<double>(count);
    const double chain = gamma(std::min(n, 64 + n / 64) + 4, u);
    switch (kind) {
      case Kind::kMax:
      case Kind::kMin:
        return 0;
      case Kind::kMean:
        return chain * absolute / n;
      case Kind::kL1:
      case Kind::kSum:
        return chain * absolute;
      case Kind::kL2:
        return chain * std::sqrt(squares);
      case Kind::kSumSquare:
        return chain * squares;
      default:
        return 2 * u * std::fabs(product) + 0x1p-149;
    }
  }
};

// By results' offsets in memory, walking x in its logical order.
std::vector<Expected> expected(const Step& step) {
  const TensorView& x = step.inputs[0].view;
  const TensorView& y = step.outputs[0];
  const Strides sx = strides_of(x.shape, x.layout), sy = strides_of(y.shape, y.layout);
  const auto values = as_values<float>(step.inputs[0].values);
  std::vector<bool> reduced(static_cast<std::size_t>(x.shape.rank()), step.inputs[1].absent);
  for (std::int64_t axis : as_values<std::int64_t>(step.inputs[1].values)) {
    reduced[static_cast<std::size_t>(axis < 0 ? axis + x.shape.rank() : axis)] = true;
  }
  const bool keep = std::get<ReduceAttrs>(step.attrs).keep_dims;
  std::vector<Expected> sums(static_cast<std::size_t>(y.shape.elements()));
  for (std::int64_t i = 0; i < x.shape.elements(); ++i) {
    std::int64_t rest = i, from = 0, to = 0;
    int y_axis = y.shape.rank() - 1;
    for (int axis = x.shape.rank() - 1; axis >= 0; --axis) {
      const auto a = static_cast<std::size_t>(axis);
      const std::int64_t at = rest % x.shape[axis];
      rest /= x.shape[axis];
      from += at * sx[a];
      if (!reduced[a]) to += at * sy[static_cast<std::size_t>(y_axis)];
      if (!reduced[a] || keep) --y_axis;
    }
    sums[static_cast<std::size_t>(to)].add(
        static_cast<double>(values[static_cast<std::size_t>(from)]));
  }
  return sums;
}

void check(const ReduceCase& c, Kind kind) {
  const Step step = make_step(c, kind);
  const std::vector<Expected> want = expected(step);
  int ran = 0;
  for (const Implementation* entry : implementations(Op::kReduce)) {
    if (!supports(*entry, step)) continue;
    ++ran;
    const auto y = as_values<float>(run_step(*entry, step)[0]);
    ASSERT_EQ(y.size(), want.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double exact = want[i].result(kind);
      ASSERT_NEAR(static_cast<double>(y[i]), exact, want[i].tolerance(kind) + 1e-45)
          << entry->name << " " << to_string(c.x) << " kind " << static_cast<int>(kind) << " at "
          << i;
    }
  }
  EXPECT_EQ(ran, c.simd && kind != Kind::kProd ? 2 : 1) << to_string(c.x);
}

constexpr Kind kKinds[] = {Kind::kMean, Kind::kSum, Kind::kMax, Kind::kMin,
                           Kind::kProd, Kind::kL1,  Kind::kL2,  Kind::kSumSquare};

TEST(Reduce, EveryKindOverEveryListedShape) {
  for (const ReduceCase& c : kCases) {
    for (const Kind kind : kKinds) check(c, kind);
  }
}

TEST(Reduce, OnEveryInstructionSet) {
  for_each_isa([] {
    for (const Kind kind : kKinds) {
      for (const std::size_t i : {2u, 6u, 11u}) check(kCases[i], kind);
    }
  });
}

TEST(Reduce, NanWinsEveryComparison) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for_each_isa([&] {
    for (const Kind kind : {Kind::kMax, Kind::kMin, Kind::kSum, Kind::kMean}) {
      for (const std::vector<std::int64_t>& axes : {std::vector<std::int64_t>{1}, {0}}) {
        for (std::size_t at = 0; at < 23 * 23; at += 11) {
          Step step = make_step({{23, 23}, axes}, kind);
          std::memcpy(step.inputs[0].values.data() + at * sizeof nan, &nan, sizeof nan);
          for (const Implementation* entry : implementations(Op::kReduce)) {
            const auto y = as_values<float>(run_step(*entry, step)[0]);
            const std::size_t hit = axes[0] == 1 ? at / 23 : at % 23;
            for (std::size_t i = 0; i < y.size(); ++i) {
              ASSERT_EQ(std::isnan(y[i]), i == hit) << entry->name << " at " << at;
            }
          }
        }
      }
    }
  });
}

TEST(Reduce, SpatialIsTheAxesFromTwoOn) {
  for (const Layout layout : {Layout::kNchw, Layout::kNhwc}) {
    Step step = make_step({{2, 21, 3, 5}, {2, 3}, layout}, Kind::kMean);
    const std::vector<Expected> want = expected(step);
    step.inputs.pop_back();
    std::get<ReduceAttrs>(step.attrs).spatial = true;
    for (const Implementation* entry : implementations(Op::kReduce)) {
      const auto y = as_values<float>(run_step(*entry, step)[0]);
      for (std::size_t i = 0; i < y.size(); ++i) {
        EXPECT_NEAR(static_cast<double>(y[i]), want[i].result(Kind::kMean),
                    want[i].tolerance(Kind::kMean));
      }
    }
  }
}

TEST(Reduce, AxesThatAreNotConstantAreDeclined) {
  Step step = make_step({{3, 4}, {1}}, Kind::kSum);
  step.inputs[1].constant = false;
  for (const Implementation* entry : implementations(Op::kReduce)) {
    EXPECT_EQ(supports(*entry, step).reason, "needs constant axes");
  }
}

}  // namespace
}  // namespace convoy::testing
