// Every function of one operand, on every instruction set, against the definition in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/unary_reference.h"
#include "kernels/elementwise/span.h"
#include "tests/support/targets.h"

namespace convoy {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int kKinds = static_cast<int>(UnaryKind::kNot);

Unary function(int kind) {
  switch (UnaryKind(kind)) {
    case UnaryKind::kClip:
      return {UnaryKind::kClip, -1.5f, 6};
    case UnaryKind::kLeakyRelu:
      return {UnaryKind::kLeakyRelu, 0.01f, 0};
    case UnaryKind::kHardSigmoid:
      return {UnaryKind::kHardSigmoid, 0.2f, 0.5f};
    case UnaryKind::kHardSwish:
      return {UnaryKind::kHardSwish, 1.0f / 6, 0.5f};
    case UnaryKind::kElu:
      return {UnaryKind::kElu, 1.3f, 0};
    default:
      return {UnaryKind(kind), 0, 0};
  }
}

// Errors allowed: `relative` units roundoff (2^-24) of the result, and `absolute` ones of
// min(|x|, 8), for functions that subtract nearly equal numbers.
struct Bound {
  double relative = 0, absolute = 0;
};

Bound bound(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::kIdentity:
    case UnaryKind::kRelu:
    case UnaryKind::kClip:
    case UnaryKind::kAbs:
    case UnaryKind::kNeg:
    case UnaryKind::kFloor:
    case UnaryKind::kCeil:
    case UnaryKind::kRound:
    case UnaryKind::kSign:
      return {0, 0};
    case UnaryKind::kLeakyRelu:
    case UnaryKind::kSqrt:
    case UnaryKind::kReciprocal:
      return {1, 0};
    case UnaryKind::kHardSigmoid:
      return {2, 2};
    case UnaryKind::kHardSwish:
      return {2, 2};
    case UnaryKind::kExp:
    case UnaryKind::kErf:
    case UnaryKind::kLog:
      return {4, 0};
    case UnaryKind::kSigmoid:
    case UnaryKind::kTanh:
    case UnaryKind::kElu:
      return {6, 0};
    case UnaryKind::kGelu:
    case UnaryKind::kGeluTanh:
      return {6, 4};
    default:
      return {6, 0};  // kSilu, kSoftplus, kMish
  }
}

// -100..100 in small steps, every magnitude of either sign down to denormals, and huge values.
std::vector<float> arguments() {
  std::vector<float> x;
  for (int i = -100000; i <= 100000; ++i) x.push_back(static_cast<float>(i) * 1e-3f);
  for (int e = -149; e <= 127; ++e) {
    for (const float m : {1.0f, 1.1875f, 1.5f, 1.9375f}) {
      x.push_back(std::ldexp(m, e));
      x.push_back(-std::ldexp(m, e));
    }
  }
  for (const float v : {0.0f, -0.0f, 0.5f, 1.5f, 2.5f, 8388609.0f}) x.push_back(v);
  return x;
}

std::vector<float> evaluate(const Unary& f, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  elementwise::apply_unary(f, x.data(), y.data(), static_cast<std::int64_t>(x.size()));
  return y;
}

TEST(Activation, ErrorIsBoundedOnEveryInstructionSet) {
  const std::vector<float> xs = arguments();
  testing::for_each_isa([&] {
    for (int kind = 0; kind < kKinds; ++kind) {
      const Unary f = function(kind);
      const Bound allowed = bound(f.kind);
      const std::vector<float> ys = evaluate(f, xs);
      double worst = 0;
      float worst_x = 0;
      for (std::size_t i = 0; i < xs.size(); ++i) {
        const double x = static_cast<double>(xs[i]);
        const double exact = unary_reference(f, x);
        const auto rounded = static_cast<float>(exact);
        if (std::isnan(exact) || std::isinf(rounded)) {
          EXPECT_TRUE(std::isnan(exact) ? std::isnan(ys[i]) : ys[i] == rounded)
              << to_string(f.kind) << "(" << xs[i] << ") = " << ys[i] << ", not " << exact;
          continue;
        }
        const double limit = 0x1p-24 * (allowed.relative * std::fabs(exact) +
                                        allowed.absolute * std::min(std::fabs(x), 8.0));
        // The spacing of denormals where the function is not exact; x may multiply one.
        const double tiny =
            allowed.relative > 0 ? 2 * 0x1p-149 * std::clamp(std::fabs(x), 1.0, 110.0) : 0;
        const double excess = std::fabs(static_cast<double>(ys[i]) - exact) / (limit + tiny);
        if (ys[i] != rounded && !(excess <= worst)) worst = excess, worst_x = xs[i];
      }
      EXPECT_LE(worst, 1.0) << to_string(f.kind) << " at " << worst_x << ": "
                            << evaluate(f, {worst_x})[0] << ", not "
                            << unary_reference(f, static_cast<double>(worst_x));
      RecordProperty(std::string(to_string(f.kind)), std::to_string(worst));
    }
  });
}

TEST(Activation, NanAndInfinitiesAreThoseOfTheDefinition) {
  testing::for_each_isa([&] {
    for (int kind = 0; kind < kKinds; ++kind) {
      const Unary f = function(kind);
      for (const float x : {kNan, -kNan, kInfinity, -kInfinity}) {
        const auto exact = static_cast<float>(unary_reference(f, static_cast<double>(x)));
        // Both in a whole vector and in a partial one.
        for (const float y : evaluate(f, std::vector<float>(19, x))) {
          EXPECT_TRUE(std::isnan(exact) ? std::isnan(y) : y == exact)
              << to_string(f.kind) << "(" << x << ") = " << y << ", not " << exact;
        }
      }
    }
  });
}

TEST(Activation, DenormalsAreKept) {
  testing::for_each_isa([&] {
    for (const UnaryKind kind : {UnaryKind::kIdentity, UnaryKind::kRelu, UnaryKind::kTanh,
                                 UnaryKind::kElu, UnaryKind::kAbs}) {
      const float x = std::ldexp(5.0f, -149);
      EXPECT_EQ(evaluate(function(static_cast<int>(kind)), {x})[0], x) << to_string(kind);
    }
    EXPECT_EQ(evaluate(function(static_cast<int>(UnaryKind::kExp)), {-100.0f})[0],
              static_cast<float>(std::exp(-100.0)));
  });
}

}  // namespace
}  // namespace convoy
