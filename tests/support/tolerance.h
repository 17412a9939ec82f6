// How far a result may lie from the exact one: bounds that follow from the arithmetic, never a bare
// relative tolerance.
#pragma once

#include <cmath>

#include "base/dtype.h"
#include "base/op.h"

namespace convoy::testing {

// Unit roundoff.
inline double roundoff(DType t) {
  switch (t) {
    case DType::kF64:
      return 0x1p-53;
    case DType::kF16:
      return 0x1p-11;
    case DType::kBF16:
      return 0x1p-8;
    default:
      return 0x1p-24;
  }
}

// Error of a chain of d roundings, relative to the sum of absolute terms (Higham).
inline double gamma(double d, double u) { return d * u / (1 - d * u); }

// Largest slope of the function, by which an error of its argument grows at most.
inline double slope(const Unary& f) {
  switch (f.kind) {
    case UnaryKind::kLeakyRelu:
    case UnaryKind::kElu:
      return std::max(1.0, std::fabs(static_cast<double>(f.alpha)));
    case UnaryKind::kHardSigmoid:
      return std::fabs(static_cast<double>(f.alpha));
    case UnaryKind::kHardSwish:
      return 1 + std::fabs(static_cast<double>(f.beta));
    case UnaryKind::kGelu:
    case UnaryKind::kGeluTanh:
    case UnaryKind::kSilu:
    case UnaryKind::kMish:
    case UnaryKind::kErf:
      return 1.2;
    default:
      return 1;
  }
}

// Error of evaluating the function itself in precision u, relative to max(|argument|, 1).
inline double evaluation_error(const Unary& f, double u) {
  switch (f.kind) {
    case UnaryKind::kIdentity:
    case UnaryKind::kRelu:
    case UnaryKind::kClip:
      return 0;
    case UnaryKind::kLeakyRelu:
      return u;
    case UnaryKind::kHardSigmoid:
    case UnaryKind::kHardSwish:
      return 4 * u;
    default:
      return 16 * u;
  }
}

// What a dot product of `terms` products plus `addends` more terms may err by, after activation.
//   magnitude   sum of the absolute values of everything added before the activation
//   argument    the exact argument of the activation
//   result      the exact result
struct DotBound {
  double terms = 0, addends = 0;
  DType accumulate = DType::kF32, store = DType::kF32;
  Unary activation;

  double operator()(double magnitude, double argument, double result) const {
    const double u = roundoff(accumulate);
    const double before = gamma(terms + addends + 1, u) * magnitude;
    const double own = evaluation_error(activation, u) * std::max(1.0, std::fabs(argument));
    return slope(activation) * before + own + 2 * roundoff(store) * std::fabs(result) + 1e-37;
  }
};

}  // namespace convoy::testing
