// Resizing by the definition, one result at a time.
#include <array>
#include <cstring>

#include "kernels/resize/axis.h"
#include "kernels/resize/cell.h"

namespace convoy::resize {
namespace {

class Reference final : public Kernel {
 public:
  explicit Reference(const OpDesc& desc)
      : maps_(axis_maps(desc)),
        extrapolation_(static_cast<double>(desc.as<ResizeAttrs>().extrapolation)) {}

  void run(const RunArgs& args) const override {
    if (args.inputs[0].dtype == DType::kF32) {
      resize<float>(args);
    } else if (args.inputs[0].dtype == DType::kF64) {
      resize<double>(args);
    } else {
      copy(args);
    }
  }

 private:
  using Index = std::array<std::int64_t, kMaxRank>;

  // Calls write(offset in y, index, outside) for every result element.
  template <class Write>
  void for_each(const TensorView& y, Write&& write) const {
    const Strides strides = strides_of(y.shape, y.layout);
    const std::int64_t count = y.elements();
    for (std::int64_t element = 0; element < count; ++element) {
      Index index{};
      std::int64_t rest = element, offset = 0;
      bool outside = false;
      for (std::size_t a = maps_.size(); a-- > 0;) {
        const std::int64_t extent = y.shape[static_cast<int>(a)];
        index[a] = rest % extent;
        rest /= extent;
        offset += index[a] * strides[a];
        outside = outside || maps_[a].is_outside(index[a]);
      }
      write(offset, index, outside);
    }
  }

  // The product of every choice of one tap per axis.
  template <class T>
  double interpolate(const T* x, const Strides& strides, const Index& index,
                     std::size_t axis) const {
    if (axis == maps_.size()) return static_cast<double>(*x);
    const AxisMap& map = maps_[axis];
    double sum = 0;
    for (std::int64_t t = 0; t < map.taps; ++t) {
      const auto tap = static_cast<std::size_t>(index[axis] * map.taps + t);
      if (map.weight[tap] == 0) continue;
      sum += map.weight[tap] *
             interpolate(x + map.index[tap] * strides[axis], strides, index, axis + 1);
    }
    return sum;
  }

  template <class T>
  void resize(const RunArgs& args) const {
    const TensorView& x = args.inputs[0];
    const Strides strides = strides_of(x.shape, x.layout);
    for_each(args.outputs[0], [&](std::int64_t offset, const Index& index, bool outside) {
      args.outputs[0].as<T>()[offset] =
          static_cast<T>(outside ? extrapolation_ : interpolate(x.as<T>(), strides, index, 0));
    });
  }

  void copy(const RunArgs& args) const {
    const TensorView& x = args.inputs[0];
    const Strides strides = strides_of(x.shape, x.layout);
    const auto size = static_cast<std::int64_t>(size_of(x.dtype));
    for_each(args.outputs[0], [&](std::int64_t offset, const Index& index, bool) {
      std::int64_t from = 0;
      for (std::size_t a = 0; a < maps_.size(); ++a) {
        from += maps_[a].index[static_cast<std::size_t>(index[a])] * strides[a];
      }
      std::memcpy(args.outputs[0].as<std::byte>() + offset * size, x.as<std::byte>() + from * size,
                  static_cast<std::size_t>(size));
    });
  }

  std::vector<AxisMap> maps_;
  double extrapolation_;
};

}  // namespace

Support supports_reference(const OpDesc& desc, const DeviceDesc&) {
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  if (x.dtype != y.dtype) return Support::no("operand and result differ in type");
  const auto& attrs = desc.as<ResizeAttrs>();
  if (x.dtype != DType::kF32 && x.dtype != DType::kF64) {
    if (attrs.mode != ResizeAttrs::Mode::kNearest) {
      return Support::no("interpolates f32 and f64, not " + std::string(to_string(x.dtype)));
    }
    if (attrs.coordinates == ResizeAttrs::Coordinates::kTfCropAndResize) {
      return Support::no("extrapolates f32 and f64, not " + std::string(to_string(x.dtype)));
    }
  }
  if (x.layout == Layout::kChwn8 || y.layout == Layout::kChwn8) {
    return Support::no("layout chwn8 has no strides");
  }
  return has_constant_geometry(desc);
}

std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<Reference>(desc);
}

}  // namespace convoy::resize
