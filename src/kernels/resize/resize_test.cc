// Every implementation of resizing: the reference against values worked out by hand from ONNX's
// definition, and the others against the reference.
#include "tests/support/step.h"

namespace convoy {
namespace {

using namespace testing;  // NOLINT: test helpers
using Mode = ResizeAttrs::Mode;
using Coordinates = ResizeAttrs::Coordinates;
using Nearest = ResizeAttrs::Nearest;

ResizeAttrs attrs_of(Mode mode, Coordinates coordinates, Nearest nearest = Nearest::kFloor) {
  ResizeAttrs attrs;
  attrs.mode = mode;
  attrs.coordinates = coordinates;
  attrs.nearest = nearest;
  return attrs;
}

// Resizes a row of 1, 2, 3 ... along its only axis.
std::vector<float> resize_row(const ResizeAttrs& attrs, std::int64_t in, std::int64_t out,
                              float scale, const std::vector<float>& roi = {}) {
  std::vector<float> x;
  for (std::int64_t i = 0; i < in; ++i) x.push_back(static_cast<float>(i + 1));
  const bool scaled = scale != 0;
  const Step step{Op::kResize,
                  attrs,
                  {operand(Shape{in}, x), roi.empty() ? absent() : constant(Shape{2}, roi),
                   scaled ? constant(Shape{1}, std::vector<float>{scale}) : absent(),
                   scaled ? absent() : testing::constant_ints({out})},
                  {{nullptr, DType::kF32, Layout::kNchw, Shape{out}}}};
  return as_values<float>(run_step(*implementations(Op::kResize).back(), step)[0]);
}

using V = std::vector<float>;

TEST(Resize, NearestRoundsAsAsked) {
  // Coordinates -0.25, 0.25, 0.75 ... under half_pixel; 0, 0.5, 1 ... under asymmetric.
  const auto nearest = [](Coordinates coordinates, Nearest mode) {
    return resize_row(attrs_of(Mode::kNearest, coordinates, mode), 3, 6, 2);
  };
  EXPECT_EQ(nearest(Coordinates::kHalfPixel, Nearest::kRoundPreferFloor), (V{1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(nearest(Coordinates::kAsymmetric, Nearest::kFloor), (V{1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(nearest(Coordinates::kAsymmetric, Nearest::kCeil), (V{1, 2, 2, 3, 3, 3}));
  EXPECT_EQ(nearest(Coordinates::kAsymmetric, Nearest::kRoundPreferFloor), (V{1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(nearest(Coordinates::kAsymmetric, Nearest::kRoundPreferCeil), (V{1, 2, 2, 3, 3, 3}));
}

TEST(Resize, NearestTakesScalesForWhatTheyMean) {
  // 2 / 0.33333334 is 5.99999988 in double, and meant to be 6.
  EXPECT_EQ(resize_row(attrs_of(Mode::kNearest, Coordinates::kAsymmetric), 9, 3, 1.0f / 3),
            (V{1, 4, 7}));
}

TEST(Resize, LinearAtEveryKindOfCoordinate) {
  const auto linear = [](Coordinates coordinates, std::int64_t in, std::int64_t out, float scale) {
    return resize_row(attrs_of(Mode::kLinear, coordinates), in, out, scale);
  };
  EXPECT_EQ(linear(Coordinates::kHalfPixel, 2, 4, 2), (V{1, 1.25f, 1.75f, 2}));
  EXPECT_EQ(linear(Coordinates::kAsymmetric, 2, 4, 2), (V{1, 1.5f, 2, 2}));
  EXPECT_EQ(linear(Coordinates::kAlignCorners, 2, 5, 0), (V{1, 1.25f, 1.5f, 1.75f, 2}));
  EXPECT_EQ(linear(Coordinates::kPytorchHalfPixel, 4, 1, 0), (V{1}));
  EXPECT_EQ(linear(Coordinates::kPytorchHalfPixel, 4, 2, 0), (V{1.5f, 3.5f}));
  // 2.5 * 3 = 7.5 result elements, of which 7 exist: half of the missing one lies on each side.
  EXPECT_FLOAT_EQ(linear(Coordinates::kHalfPixelSymmetric, 3, 7, 2.5f)[3], 2);
}

TEST(Resize, CropsAndExtrapolates) {
  ResizeAttrs attrs = attrs_of(Mode::kLinear, Coordinates::kTfCropAndResize);
  attrs.extrapolation = -7;
  // From 0.25 * 4 to 1.25 * 4: coordinates 1, 3, 5.
  EXPECT_EQ(resize_row(attrs, 5, 3, 0, {0.25f, 1.25f}), (V{2, 4, -7}));
}

TEST(Resize, CubicReproducesLinesInside) {
  const V y = resize_row(attrs_of(Mode::kCubic, Coordinates::kHalfPixel), 8, 16, 2);
  for (std::size_t i = 4; i < 12; ++i) {
    EXPECT_NEAR(y[i], 1 + (static_cast<float>(i) + 0.5f) / 2 - 0.5f, 0.15f);
  }
  ResizeAttrs outside = attrs_of(Mode::kCubic, Coordinates::kHalfPixel);
  outside.exclude_outside = true;
  // At -0.25, elements 0 and 1 alone: the weights of distances 0.25 and 1.25, normalised.
  const double near = ((-0.75 + 2) * 0.25 - (-0.75 + 3)) * 0.25 * 0.25 + 1;
  const double far = ((-0.75 * 1.25 + 3.75) * 1.25 - 6) * 1.25 + 3;
  EXPECT_FLOAT_EQ(resize_row(outside, 8, 16, 2)[0],
                  static_cast<float>((near * 1 + far * 2) / (near + far)));
}

TEST(Resize, PoliciesKeepTheAspect) {
  ResizeAttrs attrs = attrs_of(Mode::kNearest, Coordinates::kHalfPixel, Nearest::kRoundPreferFloor);
  attrs.axes = {2, 3};
  attrs.policy = ResizeAttrs::Policy::kNotLarger;
  // Sizes 7 x 8 of 2 x 4: the scale is 2 for both.
  const Step step{Op::kResize,
                  attrs,
                  {operand(Shape{1, 1, 2, 4}, V{1, 2, 3, 4, 5, 6, 7, 8}), absent(), absent(),
                   testing::constant_ints({7, 8})},
                  {{nullptr, DType::kF32, Layout::kNchw, Shape{1, 1, 4, 8}}}};
  const V y = as_values<float>(run_step(*implementations(Op::kResize).back(), step)[0]);
  EXPECT_EQ(V(y.begin(), y.begin() + 8), (V{1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(V(y.begin() + 24, y.end()), (V{5, 5, 6, 6, 7, 7, 8, 8}));
}

struct Case {
  Shape x, y;
};

TEST(Resize, FastAsTheReference) {
  const Case cases[] = {{{1, 1, 1, 1}, {1, 1, 3, 5}},   {{2, 3, 5, 7}, {2, 3, 10, 14}},
                        {{1, 17, 8, 6}, {1, 17, 5, 9}}, {{1, 33, 4, 4}, {1, 33, 4, 8}},
                        {{2, 16, 9, 5}, {2, 16, 3, 2}}, {{1, 40, 6, 7}, {1, 40, 13, 15}},
                        {{2, 19, 9}, {2, 19, 21}}};
  for (const Case& c : cases) {
    for (int mode = 0; mode < 3; ++mode) {
      for (int coordinates = 0; coordinates < 6; ++coordinates) {
        ResizeAttrs attrs = attrs_of(Mode(mode), Coordinates(coordinates));
        attrs.extrapolation = 0.5f;
        std::vector<std::int64_t> sizes(c.y.begin(), c.y.end());
        V roi(2 * sizes.size(), 0);
        std::fill(roi.begin() + static_cast<std::ptrdiff_t>(sizes.size()), roi.end(), 1.0f);
        roi.back() = 1.2f;
        const auto x = as_values<float>(random_operand(DType::kF32, c.x, Layout::kNchw, 5).values);
        const auto step_in = [&](Layout layout) {
          return Step{Op::kResize,
                      attrs,
                      {laid_out(c.x, layout, x), constant(Shape{c.x.rank() * 2}, roi), absent(),
                       testing::constant_ints(sizes)},
                      {{nullptr, DType::kF32, layout, c.y}}};
        };
        const Step planar = step_in(Layout::kNchw);
        const V y = as_values<float>(run_step(*implementations(Op::kResize).back(), planar)[0]);
        // Sixteen products of weights of magnitude up to 1.4 and values below 1.
        const std::vector<double> expected(y.begin(), y.end());
        const std::vector<double> bound(y.size(), mode == 0 ? 0 : 18 * 0x1p-24 * 2);
        const std::string label = to_string(c.x) + " to " + to_string(c.y) + " mode " +
                                  std::to_string(mode) + std::to_string(coordinates);
        EXPECT_EQ(check_all<float>(planar, expected, bound, label), 1);
        EXPECT_EQ(check_all<float>(step_in(Layout::kNhwc), expected, bound, label), 2);
      }
    }
  }
}

TEST(Resize, OtherTypesAreCopied) {
  const Step step{Op::kResize,
                  attrs_of(Mode::kNearest, Coordinates::kAsymmetric),
                  {operand(Shape{3}, std::vector<std::uint8_t>{5, 6, 7}), absent(),
                   constant(Shape{1}, V{2}), absent()},
                  {{nullptr, DType::kU8, Layout::kNchw, Shape{6}}}};
  check_all<std::uint8_t>(step, {5, 5, 6, 6, 7, 7}, std::vector<double>(6), "u8");
}

}  // namespace
}  // namespace convoy
