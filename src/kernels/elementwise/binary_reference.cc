#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/unary_reference.h"
#include "kernels/element.h"
#include "kernels/elementwise/cell.h"
#include "kernels/strided.h"

namespace convoy::elementwise {
namespace {

bool is_comparison(BinaryKind kind) {
  return kind >= BinaryKind::kEqual && kind <= BinaryKind::kGreaterOrEqual;
}

bool is_logical(BinaryKind kind) { return kind == BinaryKind::kAnd || kind == BinaryKind::kOr; }

template <class T>
bool compare(BinaryKind kind, T a, T b) {
  switch (kind) {
    case BinaryKind::kEqual:
      return a == b;
    case BinaryKind::kLess:
      return a < b;
    case BinaryKind::kLessOrEqual:
      return a <= b;
    case BinaryKind::kGreater:
      return a > b;
    case BinaryKind::kGreaterOrEqual:
      return a >= b;
    case BinaryKind::kAnd:
      return a && b;
    default:
      return a || b;
  }
}

double combine(BinaryKind kind, double a, double b) {
  switch (kind) {
    case BinaryKind::kSub:
      return a - b;
    case BinaryKind::kMul:
      return a * b;
    case BinaryKind::kDiv:
      return a / b;
    case BinaryKind::kPow:
      return std::pow(a, b);
    case BinaryKind::kMin:
      return std::isnan(a) || a < b ? a : b;
    case BinaryKind::kMax:
      return std::isnan(a) || a > b ? a : b;
    case BinaryKind::kPrelu:
      return a < 0 ? a * b : a;
    default:
      return a + b;
  }
}

// Two's complement throughout: sums and products are made unsigned, where wrapping is defined.
template <class T>
T combine_integers(BinaryKind kind, T a, T b) {
  const auto ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
  switch (kind) {
    case BinaryKind::kSub:
      return static_cast<T>(ua - ub);
    case BinaryKind::kMul:
      return static_cast<T>(ua * ub);
    case BinaryKind::kDiv:
      if (b == T(0)) return T(0);
      if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(0 - ua);
      return static_cast<T>(a / b);
    case BinaryKind::kMin:
      return std::min(a, b);
    case BinaryKind::kMax:
      return std::max(a, b);
    case BinaryKind::kPrelu:
      return a < T(0) ? static_cast<T>(ua * ub) : a;
    default:
      return static_cast<T>(ua + ub);
  }
}

// By squaring, wrapping; a negative exponent truncates to 0 but for the bases 1 and -1.
template <class T>
T power(T base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == T(1)) return T(1);
    if (std::is_signed_v<T> && base == static_cast<T>(-1)) {
      return exponent % 2 == 0 ? T(1) : static_cast<T>(-1);
    }
    return T(0);
  }
  std::uint64_t result = 1;
  for (auto square = static_cast<std::uint64_t>(base); exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= square;
    square *= square;
  }
  return static_cast<T>(result);
}

double as_double(const TensorView& t, std::int64_t at) {
  return visit_dtype(t.dtype, [&](auto type) {
    return static_cast<double>(t.as<typename decltype(type)::type>()[at]);
  });
}

class BinaryReference final : public Kernel {
 public:
  explicit BinaryReference(const BinaryAttrs& attrs) : attrs_(attrs) {}

  void run(const RunArgs& args) const override {
    const TensorView& a = args.inputs[0];
    const TensorView& b = args.inputs[1];
    const TensorView& y = args.outputs[0];
    const std::array<Strides, 3> strides{broadcast_strides(a, y.shape),
                                         broadcast_strides(b, y.shape),
                                         strides_of(y.shape, y.layout)};
    visit_dtype(a.dtype, [&](auto type) {
      using T = typename decltype(type)::type;
      for_each_offset<3>(y.shape, strides, [&](const auto& at) { element<T>(a, b, y, at); });
    });
  }

 private:
  template <class T>
  void element(const TensorView& a, const TensorView& b, const TensorView& y,
               const std::array<std::int64_t, 3>& at) const {
    const T left = a.as<T>()[at[0]];
    if (is_comparison(attrs_.kind) || is_logical(attrs_.kind)) {
      y.as<bool>()[at[2]] = compare<T>(attrs_.kind, left, b.as<T>()[at[1]]);
    } else if constexpr (std::is_same_v<T, bool>) {
      y.as<bool>()[at[2]] = left;  // declined by supports_binary
    } else if constexpr (kIsFloating<T>) {
      const double right =
          b.dtype == a.dtype ? static_cast<double>(b.as<T>()[at[1]]) : as_double(b, at[1]);
      const double value = combine(attrs_.kind, static_cast<double>(left), right);
      // The result is rounded before its activation, as two separate nodes would.
      y.as<T>()[at[2]] = T(unary_reference(attrs_.activation, static_cast<double>(T(value))));
    } else if (attrs_.kind == BinaryKind::kPow) {
      y.as<T>()[at[2]] = power<T>(left, static_cast<std::int64_t>(as_double(b, at[1])));
    } else {
      y.as<T>()[at[2]] = combine_integers<T>(attrs_.kind, left, b.as<T>()[at[1]]);
    }
  }

  BinaryAttrs attrs_;
};

class ClipReference final : public Kernel {
 public:
  void run(const RunArgs& args) const override {
    const TensorView& x = args.inputs[0];
    const TensorView& y = args.outputs[0];
    visit_dtype(x.dtype, [&](auto type) {
      using T = typename decltype(type)::type;
      const auto bound = [&](std::size_t i) -> const T* {
        return i < args.inputs.size() ? args.inputs[i].template as<T>() : nullptr;
      };
      const T* low = bound(1);
      const T* high = bound(2);
      for_each_offset<2>(y.shape, {strides_of(x.shape, x.layout), strides_of(y.shape, y.layout)},
                         [&](const auto& at) {
                           T v = x.as<T>()[at[0]];
                           if (low != nullptr && v < *low) v = *low;
                           if (high != nullptr && *high < v) v = *high;
                           y.as<T>()[at[1]] = v;
                         });
    });
  }
};

}  // namespace

Support supports_binary(const OpDesc& desc, const DeviceDesc&) {
  const BinaryKind kind = desc.as<BinaryAttrs>().kind;
  const DType a = desc.inputs[0].dtype, b = desc.inputs[1].dtype;
  if (a != b && kind != BinaryKind::kPow) return Support::no("needs operands of one type");
  const bool arithmetic = !is_comparison(kind) && !is_logical(kind);
  if (is_logical(kind) && a != DType::kBool) return Support::no("needs bool operands");
  if (arithmetic && (a == DType::kBool || b == DType::kBool)) {
    return Support::no(std::string(to_string(kind)) + " is not defined for bool");
  }
  if (!is_float(a) && desc.as<BinaryAttrs>().activation.kind != UnaryKind::kIdentity) {
    return Support::no("integers take no activation");
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_binary_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<BinaryReference>(desc.as<BinaryAttrs>());
}

std::unique_ptr<Kernel> prepare_clip_reference(const OpDesc&, const DeviceDesc&) {
  return std::make_unique<ClipReference>();
}

}  // namespace convoy::elementwise
