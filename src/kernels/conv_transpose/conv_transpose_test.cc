// Every implementation of transposed convolution against the definition that scatters: each input
// element adds its products where they fall.
#include <random>

#include "base/unary_reference.h"
#include "tests/support/step.h"
#include "tests/support/tolerance.h"

namespace convoy {
namespace {

using namespace testing;  // NOLINT: test helpers

struct Case {
  std::int64_t n, c, h, w, k, r, s;
  Pair stride;
  Pads pads;
  Pair output_padding{0, 0};
  Pair dilation{1, 1};
  std::int64_t groups = 1;
};

const Case kCases[] = {
    {1, 1, 1, 1, 1, 1, 1, {1, 1}, {}},
    {2, 8, 5, 7, 12, 2, 2, {2, 2}, {}},
    {1, 24, 6, 5, 1, 2, 2, {2, 2}, {}},
    {1, 5, 4, 3, 7, 3, 2, {3, 2}, {}},
    {1, 17, 5, 6, 19, 3, 3, {2, 2}, {1, 1, 1, 1}, {1, 1}},
    {2, 6, 4, 5, 9, 4, 4, {2, 2}, {1, 1, 1, 1}},
    {1, 4, 5, 5, 33, 3, 3, {1, 1}, {2, 0, 1, 1}, {0, 0}, {2, 1}},
    {1, 3, 4, 4, 5, 2, 2, {3, 3}, {}, {2, 1}},
    {1, 6, 4, 5, 8, 3, 3, {2, 1}, {0, 1, 1, 0}, {0, 0}, {1, 1}, 2},
    {1, 7, 6, 70, 5, 2, 2, {2, 2}, {0, 0, 1, 0}},
};

std::int64_t extent(std::int64_t in, std::int64_t stride, std::int64_t kernel,
                    std::int64_t dilation, std::int64_t pads, std::int64_t extra) {
  return (in - 1) * stride + dilation * (kernel - 1) + 1 - pads + extra;
}

template <class T>
std::vector<T> random_values(std::size_t count, bool integers, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> values(count);
  for (T& v : values) {
    v = integers ? static_cast<T>(static_cast<int>(random() % 7) - 3)
                 : static_cast<T>(static_cast<float>(random()) * 0x1p-31f - 1);
  }
  return values;
}

struct Expected {
  std::vector<double> y, bound;
};

template <class T>
struct Data {
  std::vector<T> x, w, bias;
};

template <class T>
Expected definition(const Case& c, const Data<T>& data, const Unary& activation, bool exact,
                    std::int64_t p_extent, std::int64_t q_extent) {
  const std::size_t size = static_cast<std::size_t>(c.n * c.k * p_extent * q_extent);
  std::vector<double> sum(size), magnitude(size);
  const std::int64_t cg = c.c / c.groups, kg = c.k / c.groups;
  const auto add = [&](std::int64_t n, std::int64_t k, std::int64_t p, std::int64_t q, double v) {
    if (p < 0 || q < 0 || p >= p_extent || q >= q_extent) return;
    const auto at = static_cast<std::size_t>(((n * c.k + k) * p_extent + p) * q_extent + q);
    sum[at] += v;
    magnitude[at] += std::fabs(v);
  };
  std::size_t at = 0;
  for (std::int64_t n = 0; n < c.n; ++n) {
    for (std::int64_t i = 0; i < c.c; ++i) {
      for (std::int64_t h = 0; h < c.h; ++h) {
        for (std::int64_t w = 0; w < c.w; ++w, ++at) {
          for (std::int64_t j = 0; j < kg; ++j) {
            for (std::int64_t r = 0; r < c.r; ++r) {
              for (std::int64_t s = 0; s < c.s; ++s) {
                const auto tap = static_cast<std::size_t>(((i * kg + j) * c.r + r) * c.s + s);
                add(n, i / cg * kg + j, h * c.stride[0] + r * c.dilation[0] - c.pads.top,
                    w * c.stride[1] + s * c.dilation[1] - c.pads.left,
                    static_cast<double>(data.x[at]) * static_cast<double>(data.w[tap]));
              }
            }
          }
        }
      }
    }
  }
  Expected expected;
  const DotBound tolerance{.terms = static_cast<double>(cg * c.r * c.s),
                           .addends = 1,
                           .accumulate = DTypeOf<T>::value,
                           .store = DTypeOf<T>::value,
                           .activation = activation};
  for (std::size_t i = 0; i < size; ++i) {
    const auto k = static_cast<std::int64_t>(i) / (p_extent * q_extent) % c.k;
    if (!data.bias.empty()) {
      const auto bias = static_cast<double>(data.bias[static_cast<std::size_t>(k)]);
      sum[i] += bias;
      magnitude[i] += std::fabs(bias);
    }
    expected.y.push_back(unary_reference(activation, sum[i]));
    expected.bound.push_back(exact ? 0 : tolerance(magnitude[i], sum[i], expected.y.back()));
  }
  return expected;
}

// Returns how many implementations ran.
template <class T>
int check_case(const Case& c, Layout layout, bool bias, const Unary& activation, bool integers,
               bool flat = false) {
  const std::int64_t p =
      extent(c.h, c.stride[0], c.r, c.dilation[0], c.pads.top + c.pads.bottom, c.output_padding[0]);
  const std::int64_t q =
      extent(c.w, c.stride[1], c.s, c.dilation[1], c.pads.left + c.pads.right, c.output_padding[1]);
  const auto ranked = [&](std::int64_t a, std::int64_t b, std::int64_t h, std::int64_t w) {
    return flat ? Shape{a, b, w} : Shape{a, b, h, w};
  };
  const Shape x = ranked(c.n, c.c, c.h, c.w), w = ranked(c.c, c.k / c.groups, c.r, c.s);
  const auto values = [&](std::int64_t count, unsigned seed) {
    return random_values<T>(static_cast<std::size_t>(count), integers, seed);
  };
  const Data<T> data{values(x.elements(), 1), values(w.elements(), 2),
                     bias ? values(c.k, 3) : std::vector<T>{}};
  ConvTransposeAttrs attrs;
  attrs.stride = c.stride;
  attrs.dilation = c.dilation;
  attrs.pads = c.pads;
  attrs.groups = c.groups;
  attrs.output_padding = c.output_padding;
  attrs.activation = activation;
  const Step step{Op::kConvTranspose,
                  attrs,
                  {laid_out(x, layout, data.x), constant(w, data.w),
                   bias ? constant(Shape{c.k}, data.bias) : absent()},
                  {{nullptr, DTypeOf<T>::value, layout, ranked(c.n, c.k, p, q)}}};
  const Expected expected = definition(c, data, activation, integers, p, q);
  return check_all<T>(step, expected.y, expected.bound,
                      to_string(x) + " with " + to_string(w) + " " +
                          std::string(to_string(layout)) + (integers ? " integers" : " reals"));
}

TEST(ConvTranspose, FollowsTheDefinition) {
  for (const Case& c : kCases) {
    for (const bool integers : {true, false}) {
      for (const bool bias : {true, false}) {
        EXPECT_EQ(check_case<float>(c, Layout::kNchw, bias, {}, integers), 1);
        EXPECT_EQ(check_case<float>(c, Layout::kNhwc, bias, {}, integers), c.groups == 1 ? 2 : 1);
        EXPECT_EQ(check_case<double>(c, Layout::kNhwc, bias, {}, integers), 1);
      }
    }
  }
}

TEST(ConvTranspose, AppliesActivations) {
  for (const Case& c : {kCases[1], kCases[4]}) {
    for (const Unary& activation :
         {Unary{UnaryKind::kRelu}, Unary{UnaryKind::kClip, -1, 2}, Unary{UnaryKind::kSigmoid},
          Unary{UnaryKind::kHardSwish, 1.0f / 6, 0.5f}}) {
      check_case<float>(c, Layout::kNhwc, true, activation, false);
    }
  }
}

TEST(ConvTranspose, OfOneDimension) {
  const Case tiled{2, 5, 1, 9, 6, 1, 3, {1, 3}, {}};
  const Case overlapping{1, 17, 1, 8, 20, 1, 4, {1, 2}, {0, 1, 0, 2}, {0, 1}};
  for (const Case& c : {tiled, overlapping}) {
    for (Layout layout : {Layout::kNchw, Layout::kNhwc}) {
      check_case<float>(c, layout, true, {}, true, true);
    }
  }
}

}  // namespace
}  // namespace convoy
