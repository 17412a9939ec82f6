// Results that come from no tensor's elements: Shape, ConstantOfShape, Range.
#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/movement/cell.h"

namespace convoy::movement {
namespace {

class ShapeOf final : public Kernel {
 public:
  explicit ShapeOf(const OpDesc& desc) {
    const Shape& shape = desc.inputs[0].shape;
    const auto bound = [&](std::int64_t axis) {
      return std::clamp<std::int64_t>(axis < 0 ? axis + shape.rank() : axis, 0, shape.rank());
    };
    const auto& attrs = desc.as<ShapeAttrs>();
    for (std::int64_t a = bound(attrs.start); a < bound(attrs.end); ++a) {
      extents_.push_back(shape[static_cast<int>(a)]);
    }
  }

  void run(const RunArgs& args) const override {
    std::copy(extents_.begin(), extents_.end(), args.outputs[0].as<std::int64_t>());
  }

 private:
  std::vector<std::int64_t> extents_;
};

class Fill final : public Kernel {
 public:
  explicit Fill(const OpDesc& desc)
      : value_(desc.as<FillAttrs>().value), size_(size_of(desc.outputs[0].dtype)) {}

  void run(const RunArgs& args) const override {
    const TensorView& y = args.outputs[0];
    if (value_ == nullptr) {
      std::memset(y.data, 0, y.bytes());
      return;
    }
    const std::int64_t count = y.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(y.as<std::byte>() + i * static_cast<std::int64_t>(size_), value_->view().data,
                  size_);
    }
  }

 private:
  ConstTensor value_;
  std::size_t size_;
};

class Range final : public Kernel {
 public:
  void run(const RunArgs& args) const override {
    switch (args.outputs[0].dtype) {
      case DType::kF32:
        return generate<float>(args);
      case DType::kF64:
        return generate<double>(args);
      case DType::kS16:
        return generate<std::int16_t>(args);
      case DType::kS32:
        return generate<std::int32_t>(args);
      default:
        return generate<std::int64_t>(args);
    }
  }

 private:
  template <class T>
  static void generate(const RunArgs& args) {
    const T start = *args.inputs[0].as<T>(), delta = *args.inputs[2].as<T>();
    T* y = args.outputs[0].as<T>();
    const std::int64_t count = args.outputs[0].elements();
    for (std::int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_integral_v<T>) {
        using U = std::uint64_t;  // wraps where signed arithmetic would overflow
        y[i] = static_cast<T>(static_cast<U>(start) + static_cast<U>(i) * static_cast<U>(delta));
      } else {
        y[i] = start + static_cast<T>(i) * delta;
      }
    }
  }
};

}  // namespace

Support supports_shape(const OpDesc& desc, const DeviceDesc&) {
  return desc.outputs[0].dtype == DType::kS64 ? Support::yes() : Support::no("yields s64 only");
}

std::unique_ptr<Kernel> prepare_shape(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<ShapeOf>(desc);
}

Support supports_fill(const OpDesc& desc, const DeviceDesc&) {
  const ConstTensor& value = desc.as<FillAttrs>().value;
  if ((value == nullptr ? DType::kF32 : value->dtype()) != desc.outputs[0].dtype) {
    return Support::no("value and result differ in type");
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_fill(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<Fill>(desc);
}

Support supports_range(const OpDesc& desc, const DeviceDesc&) {
  const DType t = desc.outputs[0].dtype;
  for (const TensorView& x : desc.inputs) {
    if (x.dtype != t || x.elements() != 1) {
      return Support::no("start, limit and delta must be one element of the result's type");
    }
  }
  switch (t) {
    case DType::kF32:
    case DType::kF64:
    case DType::kS16:
    case DType::kS32:
    case DType::kS64:
      return Support::yes();
    default:
      return Support::no("computes f32, f64, s16, s32 and s64, not " + std::string(to_string(t)));
  }
}

std::unique_ptr<Kernel> prepare_range(const OpDesc&, const DeviceDesc&) {
  return std::make_unique<Range>();
}

}  // namespace convoy::movement
