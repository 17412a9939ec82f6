// Every implementation of pooling against the definition, written over a padded plane.
#include <algorithm>
#include <limits>
#include <string>

#include "tests/support/step.h"

namespace convoy {
namespace {

using namespace testing;  // NOLINT: test helpers

struct Case {
  Shape x;
  PoolAttrs attrs;  // kind is set by the test
  Shape y;
};

PoolAttrs window(Pair kernel, Pair stride, Pads pads = {}, Pair dilation = {1, 1},
                 bool ceil = false) {
  PoolAttrs attrs;
  attrs.kernel = kernel;
  attrs.stride = stride;
  attrs.pads = pads;
  attrs.dilation = dilation;
  attrs.ceil_mode = ceil;
  return attrs;
}

const Case kCases[] = {
    {{1, 1, 1, 1}, window({1, 1}, {1, 1}), {1, 1, 1, 1}},
    {{2, 3, 7, 9}, window({3, 3}, {2, 2}, {1, 1, 1, 1}), {2, 3, 4, 5}},
    {{1, 17, 6, 5}, window({2, 2}, {2, 2}), {1, 17, 3, 2}},
    {{1, 33, 8, 7}, window({5, 3}, {1, 2}, {2, 0, 2, 1}), {1, 33, 8, 3}},
    {{1, 16, 9, 9}, window({3, 2}, {2, 3}, {0, 1, 1, 0}, {2, 3}), {1, 16, 3, 3}},
    {{2, 5, 6, 6}, window({3, 3}, {2, 2}, {}, {1, 1}, true), {2, 5, 3, 3}},
    {{1, 40, 5, 5}, window({5, 5}, {1, 1}), {1, 40, 1, 1}},
    {{2, 19, 11}, window({1, 4}, {1, 3}, {0, 2, 0, 1}), {2, 19, 4}},
    {{1, 4, 1, 1}, window({1, 2}, {1, 1}, {0, 1, 0, 1}, {1, 2}), {1, 4, 1, 1}},  // padding alone
};

// One plane's windows, on positions that are either inside, counted padding, or neither.
std::vector<double> definition(const Case& c, const std::vector<double>& x, double lowest) {
  const PoolAttrs& a = c.attrs;
  const bool flat = c.x.rank() == 3;
  const std::int64_t h_in = flat ? 1 : c.x[2], w_in = c.x[c.x.rank() - 1];
  const std::int64_t h_out = flat ? 1 : c.y[2], w_out = c.y[c.y.rank() - 1];
  std::vector<double> y;
  for (std::int64_t plane = 0; plane < c.x[0] * c.x[1]; ++plane) {
    for (std::int64_t p = 0; p < h_out; ++p) {
      for (std::int64_t q = 0; q < w_out; ++q) {
        double sum = 0, best = lowest;
        std::int64_t inside = 0, counted = 0;
        for (std::int64_t r = 0; r < a.kernel[0]; ++r) {
          for (std::int64_t s = 0; s < a.kernel[1]; ++s) {
            const std::int64_t h = p * a.stride[0] - a.pads.top + r * a.dilation[0];
            const std::int64_t w = q * a.stride[1] - a.pads.left + s * a.dilation[1];
            if (h < h_in + a.pads.bottom && w < w_in + a.pads.right) ++counted;
            if (h < 0 || w < 0 || h >= h_in || w >= w_in) continue;
            const double v = x[static_cast<std::size_t>((plane * h_in + h) * w_in + w)];
            best = inside == 0 ? v : (v != v || best != best) ? v + best : std::max(best, v);
            ++inside;
            sum += v;
          }
        }
        const std::int64_t divisor = a.count_include_pad ? counted : inside;
        const double average = divisor == 0 ? 0 : sum / static_cast<double>(divisor);
        y.push_back(a.kind == PoolAttrs::Kind::kMax ? best : average);
      }
    }
  }
  return y;
}

template <class T>
void check_case(Case c, Layout layout, bool special_values) {
  std::vector<T> x;
  const Operand random = random_operand(DTypeOf<T>::value, c.x, Layout::kNchw, 11);
  x = as_values<T>(random.values);
  if constexpr (std::is_floating_point_v<T>) {
    if (special_values) {
      for (std::size_t i = 0; i < x.size(); i += 7) x[i] = -std::numeric_limits<T>::infinity();
      for (std::size_t i = 3; i < x.size(); i += 11) x[i] = std::numeric_limits<T>::quiet_NaN();
    }
  }
  const Step step{
      Op::kPool, c.attrs, {laid_out(c.x, layout, x)}, {{nullptr, DTypeOf<T>::value, layout, c.y}}};
  const auto expected =
      definition(c, {x.begin(), x.end()}, static_cast<double>(std::numeric_limits<T>::lowest()));
  // Sums of values of 8 bits are exact; the division rounds once.
  std::vector<double> bound;
  for (double y : expected) {
    bound.push_back(c.attrs.kind == PoolAttrs::Kind::kMax ? 0 : 0x1p-24 * std::fabs(y));
  }
  const int ran = check_all<T>(step, expected, bound,
                               to_string(c.x) + " " + std::string(to_string(layout)) + " " +
                                   std::string(to_string(DTypeOf<T>::value)));
  const bool fast = layout == Layout::kNhwc && DTypeOf<T>::value == DType::kF32;
  EXPECT_EQ(ran, fast ? 2 : 1);
}

TEST(Pool, MaximumOfEveryType) {
  for (const Case& c : kCases) {
    for (Layout layout : {Layout::kNchw, Layout::kNhwc}) {
      check_case<float>(c, layout, false);
      check_case<float>(c, layout, true);
      check_case<double>(c, layout, true);
      check_case<std::int8_t>(c, layout, false);
      check_case<std::uint8_t>(c, layout, false);
      check_case<std::int32_t>(c, layout, false);
    }
  }
}

TEST(Pool, AverageWithAndWithoutPadding) {
  for (Case c : kCases) {
    c.attrs.kind = PoolAttrs::Kind::kAverage;
    for (const bool include : {false, true}) {
      c.attrs.count_include_pad = include;
      for (Layout layout : {Layout::kNchw, Layout::kNhwc}) {
        check_case<float>(c, layout, false);
        check_case<double>(c, layout, false);
      }
    }
  }
}

TEST(Pool, DeclinesAveragesOfIntegers) {
  Case c = kCases[1];
  c.attrs.kind = PoolAttrs::Kind::kAverage;
  const Step step{Op::kPool,
                  c.attrs,
                  {random_operand(DType::kS8, c.x, Layout::kNhwc, 1)},
                  {{nullptr, DType::kS8, Layout::kNhwc, c.y}}};
  for (const Implementation* entry : implementations(Op::kPool)) {
    EXPECT_EQ(supports(*entry, step).reason, "averages f32 and f64, not s8") << entry->name;
  }
}

}  // namespace
}  // namespace convoy
