// Every implementation of the cell's operators against their definitions, written here anew.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/unary_reference.h"
#include "kernels/element.h"
#include "tests/support/step.h"
#include "tests/support/targets.h"

namespace convoy::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Where element `index` (of the result's shape) of a broadcast operand lies, counted from the
// operand's last dimension as numpy does.
std::size_t place(const Operand& x, const Shape& result, std::int64_t index) {
  const Strides strides = strides_of(x.view.shape, x.view.layout);
  std::int64_t offset = 0;
  for (int axis = result.rank() - 1; axis >= 0; --axis) {
    const std::int64_t i = index % result[axis];
    index /= result[axis];
    const int own = axis - (result.rank() - x.view.shape.rank());
    if (own >= 0 && x.view.shape[own] != 1) offset += i * strides[static_cast<std::size_t>(own)];
  }
  return static_cast<std::size_t>(offset);
}

template <class T>
T value(const Operand& x, const Shape& result, std::int64_t index) {
  T v;
  std::memcpy(&v, x.values.data() + place(x, result, index) * sizeof(T), sizeof v);
  return v;
}

float binary(BinaryKind kind, float a, float b) {
  switch (kind) {
    case BinaryKind::kAdd:
      return a + b;
    case BinaryKind::kSub:
      return a - b;
    case BinaryKind::kMul:
      return a * b;
    case BinaryKind::kDiv:
      return a / b;
    case BinaryKind::kMin:
      return std::isnan(a) || std::isnan(b) ? kNan : std::fmin(a, b);
    case BinaryKind::kMax:
      return std::isnan(a) || std::isnan(b) ? kNan : std::fmax(a, b);
    case BinaryKind::kPrelu:
      return a < 0 ? a * b : a;
    default:
      return static_cast<float>(std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
}

bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || a == b; }

struct BinaryCase {
  Shape a, b;
  Layout a_layout = Layout::kNchw, b_layout = Layout::kNchw, y_layout = Layout::kNchw;
  bool simd = true;  // expected to have a vector form
};

constexpr Layout kC = Layout::kNhwc;  // channels last

const BinaryCase kCases[] = {
    {{1}, {1}},
    {{}, {}},
    {{17}, {17}},
    {{2, 3, 5, 7}, {2, 3, 5, 7}},
    {{2, 3, 5, 7}, {}},
    {{}, {3, 33}},
    {{2, 3, 5, 7}, {1, 3, 1, 1}},
    {{1, 3, 1, 1}, {2, 3, 5, 7}},
    {{2, 3, 5, 7}, {3, 1, 1}},
    {{4, 1, 6}, {5, 1}},
    {{2, 1, 5, 1}, {1, 3, 1, 7}},
    {{3, 1}, {1, 40}},
    {{2, 37, 3, 5}, {2, 37, 3, 5}, kC, kC, kC},
    {{2, 37, 3, 5}, {1, 37, 1, 1}, kC, kC, kC},
    {{2, 37, 3, 5}, {1, 37, 1, 1}, kC, Layout::kNchw, kC},
    {{2, 37, 3, 5}, {2, 37, 1, 1}, kC, Layout::kNchw, kC},
    {{2, 37, 3, 5}, {2, 1, 3, 5}, kC, kC, kC},
    {{2, 37, 3, 5}, {}, kC, Layout::kNchw, kC},
    {{2, 5, 3, 4}, {2, 5, 3, 4}, kC, Layout::kNchw, Layout::kNchw, false},
    {{1, 5, 40, 450}, {1, 5, 1, 1}},
    {{1, 5, 40, 450}, {1, 5, 1, 1}, kC, kC, kC},
    {{0, 3}, {1, 3}},
    {{2, 0, 4}, {4}},
};

constexpr BinaryKind kArithmetic[] = {BinaryKind::kAdd, BinaryKind::kSub,  BinaryKind::kMul,
                                      BinaryKind::kDiv, BinaryKind::kMin,  BinaryKind::kMax,
                                      BinaryKind::kPow, BinaryKind::kPrelu};

Step binary_step(const BinaryCase& c, BinaryKind kind, const Unary& activation = {}) {
  Step step{Op::kBinary,
            BinaryAttrs{kind, activation},
            {random_operand(DType::kF32, c.a, c.a_layout, 1),
             random_operand(DType::kF32, c.b, c.b_layout, 2)},
            {{nullptr, DType::kF32, c.y_layout, broadcast(c.a, c.b)}}};
  return step;
}

void check_binary(const Step& step, BinaryKind kind, const std::string& name, bool simd) {
  int ran = 0;
  for (const Implementation* entry : implementations(Op::kBinary)) {
    if (!supports(*entry, step)) continue;
    ++ran;
    const TensorView& view = step.outputs[0];
    Operand y{view, run_step(*entry, step)[0]};
    for (std::int64_t i = 0; i < view.shape.elements(); ++i) {
      const float a = value<float>(step.inputs[0], view.shape, i);
      const float b = value<float>(step.inputs[1], view.shape, i);
      const auto got = value<float>(y, view.shape, i);
      ASSERT_TRUE(same(got, binary(kind, a, b)))
          << entry->name << " " << to_string(kind) << " " << name << " at " << i << ": " << a
          << ", " << b << " -> " << got;
    }
  }
  EXPECT_EQ(ran, simd ? 2 : 1) << to_string(kind) << " " << name;
}

TEST(Binary, EveryBroadcastAndLayoutIsExact) {
  for (const BinaryKind kind : kArithmetic) {
    for (const BinaryCase& c : kCases) {
      const std::string name = to_string(c.a) + " with " + to_string(c.b);
      check_binary(binary_step(c, kind), kind, name, c.simd && kind != BinaryKind::kPow);
    }
  }
}

TEST(Binary, OnEveryInstructionSet) {
  for_each_isa([] {
    for (const BinaryKind kind : kArithmetic) {
      for (const std::size_t i : {3u, 6u, 13u}) {
        check_binary(binary_step(kCases[i], kind), kind, "case " + std::to_string(i),
                     kind != BinaryKind::kPow);
      }
    }
  });
}

TEST(Binary, NanInfinitiesAndZerosAsDefined) {
  std::vector<float> a, b;
  const float values[] = {kNan, kInfinity, -kInfinity, 0.0f, -0.0f, 1.5f, -2.0f, 1e-42f, 3e38f};
  for (const float x : values) {
    for (const float y : values) a.push_back(x), b.push_back(y);
  }
  const Shape shape{static_cast<std::int64_t>(a.size())};
  for_each_isa([&] {
    for (const BinaryKind kind : kArithmetic) {
      Step step{Op::kBinary,
                BinaryAttrs{kind, {}},
                {operand(shape, a), operand(shape, b)},
                {{nullptr, DType::kF32, Layout::kNchw, shape}}};
      if (kind == BinaryKind::kPow) continue;
      check_binary(step, kind, "special values", true);
    }
  });
}

TEST(Binary, SquareHasAVectorForm) {
  Step step = binary_step({{3, 37}, {}}, BinaryKind::kPow);
  step.inputs[1] = constant<float>({}, {2.0f});
  check_binary(step, BinaryKind::kPow, "square", true);
}

TEST(Binary, ActivationOfTheRoundedResult) {
  const Unary relu6{UnaryKind::kClip, -0.25f, 0.5f};
  const BinaryCase c{{2, 3, 50, 70}, {1, 3, 1, 1}};
  const Step step = binary_step(c, BinaryKind::kAdd, relu6);
  for (const Implementation* entry : implementations(Op::kBinary)) {
    const auto y = as_values<float>(run_step(*entry, step)[0]);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto index = static_cast<std::int64_t>(i);
      const float sum = value<float>(step.inputs[0], step.outputs[0].shape, index) +
                        value<float>(step.inputs[1], step.outputs[0].shape, index);
      ASSERT_EQ(y[i], std::fmin(std::fmax(sum, -0.25f), 0.5f)) << entry->name;
    }
  }
}

// The planner lets these entries write their result over their first operand.
TEST(Elementwise, InPlaceGivesTheSameBits) {
  const BinaryCase c{{2, 37, 3, 5}, {1, 37, 1, 1}, kC, kC, kC};
  const Step steps[] = {
      binary_step(c, BinaryKind::kMul, {UnaryKind::kSilu, 0, 0}),
      {Op::kUnary,
       Unary{UnaryKind::kGelu, 0, 0},
       {random_operand(DType::kF32, {3, 77}, Layout::kNchw, 3)},
       {{nullptr, DType::kF32, Layout::kNchw, {3, 77}}}},
  };
  for (const Step& step : steps) {
    for (const Implementation* entry : implementations(step.op)) {
      if (!entry->in_place) continue;
      const auto expected = run_step(*entry, step)[0];
      std::vector<TensorView> inputs, outputs = step.outputs;
      std::vector<std::vector<std::byte>> data;
      for (const Operand& x : step.inputs) data.push_back(x.values);
      for (std::size_t i = 0; i < data.size(); ++i) {
        inputs.push_back(step.inputs[i].view);
        inputs.back().data = data[i].data();
      }
      outputs[0].data = inputs[0].data;
      ThreadPool pool(2);
      const BoundStep bound(step, Edge::kEnd);
      entry->prepare(bound.desc(), DeviceDesc{})->run({inputs, outputs, {}, pool});
      EXPECT_EQ(data[0], expected) << entry->name;
    }
  }
}

TEST(Unary, EveryImplementationAgreesOnShapesAndLayouts) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{3, 37}, Shape{0, 4}, Shape{1, 3, 77, 131}}) {
    for (const Layout layout : {Layout::kNchw, Layout::kNhwc, Layout::kChwn}) {
      if (shape.rank() != 4 && layout != Layout::kNchw) continue;
      const Step step{Op::kUnary,
                      Unary{UnaryKind::kHardSwish, 0.25f, 0.5f},
                      {random_operand(DType::kF32, shape, layout, 4)},
                      {{nullptr, DType::kF32, layout, shape}}};
      for (const Implementation* entry : implementations(Op::kUnary)) {
        const auto y = as_values<float>(run_step(*entry, step)[0]);
        const auto x = as_values<float>(step.inputs[0].values);
        for (std::size_t i = 0; i < x.size(); ++i) {
          // Exact: operands of 8 bits.
          ASSERT_EQ(y[i], x[i] * std::fmin(std::fmax(0.25f * x[i] + 0.5f, 0.0f), 1.0f))
              << entry->name;
        }
      }
    }
  }
}

template <class T>
std::vector<T> run_reference(Op op, const Attrs& attrs, std::vector<Operand> inputs, DType dtype,
                             const Shape& shape) {
  const Step step{op, attrs, std::move(inputs), {{nullptr, dtype, Layout::kNchw, shape}}};
  return as_values<T>(run_step(*implementations(op).back(), step)[0]);
}

TEST(Binary, IntegersWrapAndDivideWithoutTrapping) {
  using Ints = std::vector<std::int32_t>;
  constexpr std::int32_t kMin = INT32_MIN, kMax = INT32_MAX;
  const Shape shape{4};
  const auto run = [&](BinaryKind kind, const Ints& a, const Ints& b) {
    return run_reference<std::int32_t>(Op::kBinary, BinaryAttrs{kind, {}},
                                       {operand(shape, a), operand(shape, b)}, DType::kS32, shape);
  };
  EXPECT_EQ(run(BinaryKind::kAdd, {kMax, 1, -1, kMin}, {1, 2, -2, -1}), (Ints{kMin, 3, -3, kMax}));
  EXPECT_EQ(run(BinaryKind::kMul, {kMax, 3, -3, kMin}, {2, 4, 5, -1}), (Ints{-2, 12, -15, kMin}));
  EXPECT_EQ(run(BinaryKind::kDiv, {7, -7, 5, kMin}, {2, 2, 0, -1}), (Ints{3, -3, 0, kMin}));
  EXPECT_EQ(run(BinaryKind::kPow, {2, -3, 5, -1}, {10, 3, -1, -3}), (Ints{1024, -27, 0, -1}));
}

TEST(Binary, ComparisonsAndLogic) {
  const Shape shape{3};
  const auto compare = [&](BinaryKind kind) {
    return run_reference<std::uint8_t>(
        Op::kBinary, BinaryAttrs{kind, {}},
        {operand<float>(shape, {1, 2, kNan}), operand<float>(shape, {2, 2, 2})}, DType::kBool,
        shape);
  };
  using Bools = std::vector<std::uint8_t>;
  EXPECT_EQ(compare(BinaryKind::kEqual), (Bools{0, 1, 0}));
  EXPECT_EQ(compare(BinaryKind::kLess), (Bools{1, 0, 0}));
  EXPECT_EQ(compare(BinaryKind::kLessOrEqual), (Bools{1, 1, 0}));
  EXPECT_EQ(compare(BinaryKind::kGreater), (Bools{0, 0, 0}));
  EXPECT_EQ(compare(BinaryKind::kGreaterOrEqual), (Bools{0, 1, 0}));
}

TEST(Clip, BoundsAreOperandsAndMayBeAbsent) {
  const Shape shape{4};
  const std::vector<float> x{-3, kNan, 0.5f, 9};
  const auto clip = [&](Operand low, Operand high) {
    return run_reference<float>(Op::kClip, std::monostate{}, {operand(shape, x), low, high},
                                DType::kF32, shape);
  };
  const auto both = clip(operand<float>(Shape{}, {-1}), operand<float>(Shape{}, {2}));
  EXPECT_EQ(both[0], -1);
  EXPECT_TRUE(std::isnan(both[1]));
  EXPECT_EQ(both[3], 2);
  EXPECT_EQ(clip(absent(), operand<float>(Shape{}, {2}))[0], -3);
  EXPECT_EQ(clip(operand<float>(Shape{}, {-1}), absent())[3], 9);
}

TEST(Where, BroadcastsItsThreeOperands) {
  Operand condition{{nullptr, DType::kBool, Layout::kNchw, {2, 1}}, {std::byte{1}, std::byte{0}}};
  const auto y = run_reference<float>(
      Op::kWhere, std::monostate{},
      {condition, operand<float>({3}, {1, 2, 3}), operand<float>(Shape{}, {-1})}, DType::kF32,
      {2, 3});
  EXPECT_EQ(y, (std::vector<float>{1, 2, 3, -1, -1, -1}));
}

TEST(Cast, SaturatesTruncatesAndRoundsToEven) {
  const Shape shape{6};
  const std::vector<float> x{-1.9f, 300.7f, kNan, kInfinity, -kInfinity, 0.0f};
  const auto cast = [&]<class T>(T, DType to) {
    return run_reference<T>(Op::kCast, CastAttrs{to}, {operand(shape, x)}, to, shape);
  };
  EXPECT_EQ(cast(std::int8_t(), DType::kS8), (std::vector<std::int8_t>{-1, 127, 0, 127, -128, 0}));
  EXPECT_EQ(cast(std::uint8_t(), DType::kU8), (std::vector<std::uint8_t>{0, 255, 0, 255, 0, 0}));
  EXPECT_EQ(cast(std::int64_t(), DType::kS64),
            (std::vector<std::int64_t>{-1, 300, 0, INT64_MAX, INT64_MIN, 0}));
  EXPECT_EQ(cast(std::uint8_t(), DType::kBool), (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 0}));
  const auto half =
      run_reference<std::uint16_t>(Op::kCast, CastAttrs{DType::kF16},
                                   {operand<float>({3}, {2049, 2051, 1e6f})}, DType::kF16, {3});
  EXPECT_EQ(half, (std::vector<std::uint16_t>{0x6800, 0x6802, 0x7C00}));
}

}  // namespace
}  // namespace convoy::testing
