#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/element.h"
#include "kernels/elementwise/cell.h"
#include "kernels/strided.h"

namespace convoy::elementwise {
namespace {

class WhereReference final : public Kernel {
 public:
  void run(const RunArgs& args) const override {
    const TensorView& y = args.outputs[0];
    const std::size_t size = size_of(y.dtype);
    const std::array<Strides, 4> strides{
        broadcast_strides(args.inputs[0], y.shape), broadcast_strides(args.inputs[1], y.shape),
        broadcast_strides(args.inputs[2], y.shape), strides_of(y.shape, y.layout)};
    for_each_offset<4>(y.shape, strides, [&](const auto& at) {
      const std::size_t from = args.inputs[0].template as<bool>()[at[0]] ? 1 : 2;
      std::memcpy(
          y.as<std::byte>() + static_cast<std::size_t>(at[3]) * size,
          args.inputs[from].template as<std::byte>() + static_cast<std::size_t>(at[from]) * size,
          size);
    });
  }
};

template <class To, class From>
To convert(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (kIsFloating<To>) {
    return To(static_cast<double>(x));
  } else if constexpr (kIsFloating<From>) {
    const double v = std::trunc(static_cast<double>(x));
    if (std::isnan(v)) return To(0);
    // The largest value as a double may round up to one past the range, hence >=.
    if (v >= static_cast<double>(std::numeric_limits<To>::max())) {
      return std::numeric_limits<To>::max();
    }
    if (v <= static_cast<double>(std::numeric_limits<To>::min())) {
      return std::numeric_limits<To>::min();
    }
    return static_cast<To>(v);
  } else {
    return static_cast<To>(x);
  }
}

class CastReference final : public Kernel {
 public:
  void run(const RunArgs& args) const override {
    const TensorView& x = args.inputs[0];
    const TensorView& y = args.outputs[0];
    visit_dtype(x.dtype, [&](auto from) {
      visit_dtype(y.dtype, [&](auto to) {
        using From = typename decltype(from)::type;
        using To = typename decltype(to)::type;
        for_each_offset<2>(
            y.shape, {strides_of(x.shape, x.layout), strides_of(y.shape, y.layout)},
            [&](const auto& at) { y.as<To>()[at[1]] = convert<To, From>(x.as<From>()[at[0]]); });
      });
    });
  }
};

}  // namespace

std::unique_ptr<Kernel> prepare_where_reference(const OpDesc&, const DeviceDesc&) {
  return std::make_unique<WhereReference>();
}

std::unique_ptr<Kernel> prepare_cast_reference(const OpDesc&, const DeviceDesc&) {
  return std::make_unique<CastReference>();
}

}  // namespace convoy::elementwise
