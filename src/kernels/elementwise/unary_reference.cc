#include "base/unary_reference.h"

#include <string>

#include "kernels/element.h"
#include "kernels/elementwise/cell.h"
#include "kernels/strided.h"

namespace convoy::elementwise {
namespace {

// Functions that integers have too; all others are refused for them.
bool has_integers(UnaryKind kind) {
  return kind == UnaryKind::kIdentity || kind == UnaryKind::kRelu || kind == UnaryKind::kAbs ||
         kind == UnaryKind::kNeg || kind == UnaryKind::kSign;
}

template <class T>
T apply(const Unary& f, T x) {
  if constexpr (std::is_same_v<T, bool>) {
    return f.kind == UnaryKind::kNot ? !x : x;
  } else if constexpr (kIsFloating<T>) {
    return T(unary_reference(f, static_cast<double>(x)));
  } else {
    using Unsigned = std::make_unsigned_t<T>;
    const bool negative = x < T(0);
    switch (f.kind) {
      case UnaryKind::kRelu:
        return negative ? T(0) : x;
      case UnaryKind::kAbs:
        return negative ? static_cast<T>(Unsigned(0) - static_cast<Unsigned>(x)) : x;
      case UnaryKind::kNeg:
        return static_cast<T>(Unsigned(0) - static_cast<Unsigned>(x));
      case UnaryKind::kSign:
        return negative ? static_cast<T>(-1) : static_cast<T>(x != T(0));
      default:
        return x;
    }
  }
}

class UnaryReference final : public Kernel {
 public:
  explicit UnaryReference(const Unary& f) : f_(f) {}

  void run(const RunArgs& args) const override {
    const TensorView& x = args.inputs[0];
    const TensorView& y = args.outputs[0];
    visit_dtype(x.dtype, [&](auto type) {
      using T = typename decltype(type)::type;
      for_each_offset<2>(
          y.shape, {strides_of(x.shape, x.layout), strides_of(y.shape, y.layout)},
          [&](const auto& at) { y.as<T>()[at[1]] = apply<T>(f_, x.as<T>()[at[0]]); });
    });
  }

 private:
  Unary f_;
};

}  // namespace

Support supports_unary(const OpDesc& desc, const DeviceDesc&) {
  const UnaryKind kind = desc.as<Unary>().kind;
  const DType dtype = desc.inputs[0].dtype;
  const bool defined =
      kind == UnaryKind::kIdentity ||
      (kind == UnaryKind::kNot ? dtype == DType::kBool
                               : is_float(dtype) || (dtype != DType::kBool && has_integers(kind)));
  if (defined) return Support::yes();
  return Support::no(std::string(to_string(kind)) + " is not defined for " +
                     std::string(to_string(dtype)));
}

std::unique_ptr<Kernel> prepare_unary_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<UnaryReference>(desc.as<Unary>());
}

}  // namespace convoy::elementwise
