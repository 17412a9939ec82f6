// Pad, by the definition: each result element finds its source, or none.
#include <cstring>

#include "kernels/movement/cell.h"
#include "kernels/movement/pad_axes.h"

namespace convoy::movement {
namespace {

class PadReference final : public Kernel {
 public:
  explicit PadReference(const OpDesc& desc) : axes_(pad_axes(desc)) {}

  void run(const RunArgs& args) const override {
    const TensorView &x = args.inputs[0], &y = args.outputs[0];
    const auto size = static_cast<std::int64_t>(size_of(x.dtype));
    const std::byte* value = args.inputs.size() > 2 ? args.inputs[2].as<std::byte>() : nullptr;
    const Strides in = strides_of(x.shape, x.layout), out = strides_of(y.shape, y.layout);
    const std::int64_t count = y.elements();
    for (std::int64_t element = 0; element < count; ++element) {
      std::int64_t from = 0, to = 0, rest = element;
      bool inside = true;
      for (int a = y.shape.rank() - 1; a >= 0; --a) {
        const auto axis = static_cast<std::size_t>(a);
        const std::int64_t index = rest % y.shape[a];
        rest /= y.shape[a];
        const std::int64_t source = axes_[axis].source(index);
        inside = inside && source >= 0;
        from += source * in[axis];
        to += index * out[axis];
      }
      std::byte* target = y.as<std::byte>() + to * size;
      if (inside) {
        std::memcpy(target, x.as<std::byte>() + from * size, static_cast<std::size_t>(size));
      } else if (value != nullptr) {
        std::memcpy(target, value, static_cast<std::size_t>(size));
      } else {
        std::memset(target, 0, static_cast<std::size_t>(size));
      }
    }
  }

 private:
  std::array<PadAxis, kMaxRank> axes_;
};

}  // namespace

Support supports_pad(const OpDesc& desc, const DeviceDesc&) {
  if (desc.inputs[0].dtype != desc.outputs[0].dtype) {
    return Support::no("operand and result differ in type");
  }
  if (desc.present(2) &&
      (desc.inputs[2].dtype != desc.inputs[0].dtype || desc.inputs[2].elements() != 1)) {
    return Support::no("the value must be one element of the operand's type");
  }
  if (Support pads = has_constant_ints(desc, 1, "pads"); !pads) return pads;
  if (Support axes = has_constant_ints(desc, 3, "axes"); !axes) return axes;
  return has_strides(desc);
}

std::unique_ptr<Kernel> prepare_pad_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<PadReference>(desc);
}

}  // namespace convoy::movement
