// The elementwise functions in double, one value at a time: what every vector kernel is tested
// against, and what reference kernels use.
#pragma once

#include <cmath>

#include "base/op.h"

namespace convoy {

// NaN propagates through every kind, Relu and Clip included. kNot is not a number's function and is
// returned unchanged.
inline double unary_reference(const Unary& f, double x) {
  const double alpha = static_cast<double>(f.alpha), beta = static_cast<double>(f.beta);
  const auto clamp = [](double v, double lo, double hi) { return v < lo ? lo : (v > hi ? hi : v); };
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  const auto softplus = [](double v) { return v > 30 ? v : std::log1p(std::exp(v)); };
  switch (f.kind) {
    case UnaryKind::kIdentity:
    case UnaryKind::kNot:
      return x;
    case UnaryKind::kRelu:
      return x < 0 ? 0 : x;
    case UnaryKind::kClip:
      return clamp(x, alpha, beta);
    case UnaryKind::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case UnaryKind::kHardSigmoid:
      return clamp(alpha * x + beta, 0, 1);
    case UnaryKind::kHardSwish:
      return x * clamp(alpha * x + beta, 0, 1);
    case UnaryKind::kSigmoid:
      return sigmoid(x);
    case UnaryKind::kSilu:
      return x * sigmoid(x);
    case UnaryKind::kTanh:
      return std::tanh(x);
    case UnaryKind::kErf:
      return std::erf(x);
    case UnaryKind::kGelu:
      return 0.5 * x * (1 + std::erf(x * 0.70710678118654752440));
    case UnaryKind::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case UnaryKind::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case UnaryKind::kSoftplus:
      return softplus(x);
    case UnaryKind::kMish:
      return x * std::tanh(softplus(x));
    case UnaryKind::kSqrt:
      return std::sqrt(x);
    case UnaryKind::kExp:
      return std::exp(x);
    case UnaryKind::kLog:
      return std::log(x);
    case UnaryKind::kAbs:
      return std::fabs(x);
    case UnaryKind::kNeg:
      return -x;
    case UnaryKind::kReciprocal:
      return 1 / x;
    case UnaryKind::kFloor:
      return std::floor(x);
    case UnaryKind::kCeil:
      return std::ceil(x);
    case UnaryKind::kRound:
      return std::nearbyint(x);
    case UnaryKind::kSign:
      return x > 0 ? 1 : (x < 0 ? -1 : x);
  }
  return x;
}

}  // namespace convoy
