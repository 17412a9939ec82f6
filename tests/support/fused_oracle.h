// What a fused module's result must be: its operands and the chain of sums in double, nothing
// rounded between stages, together with a bound of what rounding can do, carried from stage to
// stage. Shares no code with kernels/fused/reference.cc.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "base/unary_reference.h"
#include "kernels/element.h"
#include "tests/support/fused_cases.h"
#include "tests/support/tolerance.h"

namespace convoy::testing {

// Calls f(Type<T>{}) with the type of an operand's elements.
template <class F>
decltype(auto) visit_element(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF16:
      return f(Type<F16>{});
    case DType::kBF16:
      return f(Type<BF16>{});
    case DType::kS8:
      return f(Type<std::int8_t>{});
    case DType::kS32:
      return f(Type<std::int32_t>{});
    default:
      return f(Type<float>{});
  }
}

inline double rounded_to(DType dtype, double value) {
  return visit_element(dtype, [&](auto type) -> double {
    return static_cast<double>(static_cast<typename decltype(type)::type>(value));
  });
}

// Elements in logical order, each a value of its type.
struct FusedOperands {
  struct OfStage {
    std::vector<double> w, bias, scale;
  };
  std::vector<double> x, residual;
  std::vector<OfStage> stages;

  explicit FusedOperands(const FusedCase& c) : random_(c.seed) {
    const FusedProblem& m = c.module;
    const bool integers = c.data == ConvCase::Data::kIntegers;
    const bool quantised = m.dtype == DType::kS8;
    fill(x, conv_x_shape(m.first()), [&] { return integers ? whole(3) : element(m.dtype); });
    for (const FusedStage& stage : m.stages) {
      const ConvDesc& d = stage.desc;
      const auto terms = static_cast<double>(d.c / d.groups * d.r * d.s);
      OfStage& of = stages.emplace_back();
      fill(of.w, conv_w_shape(d), [&] {
        if (!integers) return element(m.dtype);
        // In 16 bits few of many, so that results stay within the integers that these hold.
        return size_of(m.dtype) != 2 ? whole(3) : unit() * terms < 8 ? whole(1) : 0;
      });
      if (stage.has_bias) {
        fill(of.bias, Shape{d.k}, [&] {
          if (integers) return whole(3);
          return quantised ? whole(5000) : element(m.dtype);
        });
      }
      if (!quantised) continue;
      // Results of some forty steps; sums of w * x deviate by sqrt(terms) * 5400.
      const double usual = 40 * static_cast<double>(stage.y_scale) / (5400 * std::sqrt(terms));
      fill(of.scale, Shape{d.k},
           [&] { return integers ? 0.25 : rounded_to(DType::kF32, usual * (0.5 + unit())); });
    }
    if (c.with_nan) x[random_() % x.size()] = std::numeric_limits<double>::quiet_NaN();
    if (m.has_residual()) {
      fill(residual, conv_y_shape(m.last()),
           [&] { return integers ? whole(3) : element(m.dtype); });
    }
  }

 private:
  template <class Draw>
  static void fill(std::vector<double>& values, const Shape& shape, Draw&& draw) {
    values.resize(static_cast<std::size_t>(shape.elements()));
    for (double& value : values) value = draw();
  }
  double unit() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  double whole(std::int64_t most) {
    return static_cast<double>(
        static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(2 * most + 1)) - most);
  }
  // Anything in s8, otherwise from [-1, 1].
  double element(DType dtype) {
    if (dtype == DType::kS8)
      return static_cast<double>(static_cast<std::int64_t>(random_() % 256) - 128);
    return rounded_to(dtype, 2 * unit() - 1);
  }

  std::mt19937_64 random_;
};

class FusedOracle {
 public:
  // Of y, in logical order. The bound is 0 where the result is exact, and NaN where it is.
  std::vector<double> result, bound;
  // That the errors' root mean square may not exceed, where no stage or activation follows the
  // sums: 4 u sqrt(terms) of the sums' own deviation.
  double rms_bound = std::numeric_limits<double>::infinity();

  FusedOracle(const FusedCase& c, const FusedOperands& operands) : case_(c), operands_(operands) {
    result = operands.x;
    bound.assign(result.size(), 0);
    for (at_ = 0; at_ < c.module.stages.size(); ++at_) run_stage();
  }

 private:
  // One channel of one image of a stage: over all that is multiplied there,
  struct Sums {
    std::vector<double> sum;        // the sum itself
    std::vector<double> magnitude;  // of absolute values, errors included
    std::vector<double> carried;    // of what errors of the stages before add
    double squares = 0;             // of all products, over all images and channels
  };

  void run_stage() {
    const FusedStage& stage = case_.module.stages[at_];
    const ConvDesc& d = stage.desc;
    const auto pixels = static_cast<std::size_t>(d.p() * d.q());
    std::vector<double> y(static_cast<std::size_t>(d.n * d.k) * pixels), y_bound(y.size());
    Sums sums;
    std::size_t to = 0;
    for (std::int64_t n = 0; n < d.n; ++n) {
      for (std::int64_t k = 0; k < d.k; ++k) {
        for (auto* plane : {&sums.sum, &sums.magnitude, &sums.carried}) plane->assign(pixels, 0);
        add_up(d, n, k, sums);
        for (std::size_t i = 0; i < pixels; ++i, ++to) {
          const double residual = residual_of(to);
          if (case_.module.dtype == DType::kS8) {
            finish_s8(stage, static_cast<std::size_t>(k), sums, i, residual, y[to], y_bound[to]);
          } else {
            finish(stage, static_cast<std::size_t>(k), sums, i, residual, y[to], y_bound[to]);
          }
        }
      }
    }
    result = std::move(y), bound = std::move(y_bound);
    const double terms = static_cast<double>(d.c / d.groups * d.r * d.s);
    // A single sum's errors may all point one way.
    if (case_.module.stages.size() == 1 && case_.module.dtype == DType::kF32 &&
        stage.activation.kind == UnaryKind::kIdentity && !stage.has_bias &&
        !case_.module.has_residual() && result.size() >= 1000) {
      rms_bound = 4 * 0x1p-24 * std::sqrt(terms) *
                  std::sqrt(sums.squares / static_cast<double>(result.size()));
    }
  }

  // Tap by tap over whole rows.
  void add_up(const ConvDesc& d, std::int64_t n, std::int64_t k, Sums& sums) const {
    const std::int64_t channels = d.c / d.groups, first = k / (d.k / d.groups) * channels;
    const double* w = operands_.stages[at_].w.data() + k * channels * d.r * d.s;
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t r = 0; r < d.r; ++r) {
        for (std::int64_t s = 0; s < d.s; ++s, ++w) {
          const std::int64_t shift = s * d.dilation_w - d.pad_left;
          for (std::int64_t p = 0; p < d.p(); ++p) {
            const std::int64_t h = p * d.stride_h - d.pad_top + r * d.dilation_h;
            if (h < 0 || h >= d.h) continue;
            const std::int64_t row = ((n * d.c + first + c) * d.h + h) * d.w + shift;
            for (std::int64_t q = 0; q < d.q(); ++q) {
              const std::int64_t column = q * d.stride_w;
              if (column + shift < 0 || column + shift >= d.w) continue;
              const auto from = static_cast<std::size_t>(row + column);
              const auto to = static_cast<std::size_t>(p * d.q() + q);
              sums.sum[to] += *w * result[from];
              sums.squares += *w * result[from] * *w * result[from];
              sums.carried[to] += std::fabs(*w) * bound[from];
              sums.magnitude[to] += std::fabs(*w) * (std::fabs(result[from]) + bound[from]);
            }
          }
        }
      }
    }
  }

  Epilogue::Residual residual_kind() const {
    return at_ + 1 == case_.module.stages.size() ? case_.module.residual
                                                 : Epilogue::Residual::kNone;
  }
  double residual_of(std::size_t i) const {
    return residual_kind() == Epilogue::Residual::kNone ? 0 : operands_.residual[i];
  }

  // f32, f16, bf16. Integers below 2^24 add up exactly, and those that the type holds are stored
  // so.
  void finish(const FusedStage& stage, std::size_t k, const Sums& sums, std::size_t i,
              double residual, double& y, double& y_bound) const {
    using enum Epilogue::Residual;
    const DType dtype = case_.module.dtype;
    // The tensor cores cut off what their sums have no room for, instead of rounding it.
    const bool split = case_.module.precision == Precision::kSplit && stage.is_pointwise();
    const double u = dtype == DType::kF32 && !split ? 0x1p-24 : 0x1p-23;
    const double bias = stage.has_bias ? operands_.stages[at_].bias[k] : 0;
    const double before = residual_kind() == kBeforeActivation ? residual : 0;
    const double argument = sums.sum[i] + bias + before;
    const double magnitude = sums.magnitude[i] + std::fabs(bias) + std::fabs(before);
    const bool exact =
        case_.data == ConvCase::Data::kIntegers && magnitude < (split ? 0x1p22 : 0x1p24);
    const ConvDesc& d = stage.desc;
    const auto terms = static_cast<double>(d.c / d.groups * d.r * d.s);
    // In two parts, products err by 3 * 2^-22 before they are added up, three for each.
    const double relative = split ? 3 * 0x1p-22 + gamma(3 * terms + 3, u) : gamma(terms + 3, u);
    double error = sums.carried[i] + (exact ? 0 : relative * magnitude);
    error = slope(stage.activation) * error +
            evaluation_error(stage.activation, u) * std::max(1.0, std::fabs(argument) + error);
    y = unary_reference(stage.activation, argument);
    if (residual_kind() == kAfterActivation) {
      y += residual;
      if (!exact) error += u * (std::fabs(y) + error);
    }
    if (error > 0 || rounded_to(dtype, y) != y) {
      const double smallest = dtype == DType::kF16 ? 0x1p-25 : 1e-37;
      error += roundoff(dtype) * (std::fabs(y) + error) + smallest;
    }
    y_bound = error;
  }

  static bool computed_exactly(UnaryKind kind) {
    return kind == UnaryKind::kIdentity || kind == UnaryKind::kRelu || kind == UnaryKind::kClip ||
           kind == UnaryKind::kLeakyRelu;
  }
  // Products and sums of f32, rounded one by one: volatile keeps them from being contracted.
  static float times(float a, float b) {
    volatile float product = a * b;
    return product;
  }
  static float plus(float a, float b) {
    volatile float sum = a + b;
    return sum;
  }
  static double quantised(double steps) {
    return std::min(127.0, std::max(-128.0, std::nearbyint(steps)));
  }

  // The formula of FusedConvAttrs. Only an activation that may be evaluated in several ways leaves
  // a choice, of those steps within reach of its error, and so do stages after it.
  void finish_s8(const FusedStage& stage, std::size_t k, const Sums& sums, std::size_t i,
                 double residual, double& y, double& y_bound) const {
    using enum Epilogue::Residual;
    const FusedOperands::OfStage& of = operands_.stages[at_];
    const double sum = sums.sum[i] + (stage.has_bias ? of.bias[k] : 0);
    const float added = times(case_.module.residual_scale, static_cast<float>(residual));
    float real = times(static_cast<float>(of.scale[k]), static_cast<float>(sum));
    if (residual_kind() == kBeforeActivation) real = plus(real, added);
    const auto argument = static_cast<double>(real);
    real = static_cast<float>(unary_reference(stage.activation, argument));
    if (residual_kind() == kAfterActivation) real = plus(real, added);
    const auto steps = static_cast<double>(times(real, 1.0f / stage.y_scale));
    y = quantised(steps);
    y_bound = 0;
    const bool exact = computed_exactly(stage.activation.kind);
    if (exact && sums.carried[i] == 0) return;
    constexpr double u = 0x1p-24;
    double error = of.scale[k] * sums.carried[i];
    error += 4 * u * (std::fabs(argument) + error);
    error = slope(stage.activation) * error + (exact ? 0 : evaluation_error(stage.activation, u)) *
                                                  std::max(1.0, std::fabs(argument) + error);
    error = error / static_cast<double>(stage.y_scale) * (1 + 4 * u) + 4 * u * std::fabs(steps);
    y_bound = std::max(quantised(steps + error) - y, y - quantised(steps - error));
  }

  const FusedCase& case_;
  const FusedOperands& operands_;
  std::size_t at_ = 0;  // the stage
};

}  // namespace convoy::testing
