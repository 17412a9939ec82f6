// The definition of the operators that are lists of boxes.
#include <cstring>

#include "kernels/movement/box.h"
#include "kernels/movement/cell.h"

namespace convoy::movement {
namespace {

void copy_box(const Box& box, std::size_t size, const std::byte* in, std::byte* out) {
  const std::int64_t count = box.elements();
  for (std::int64_t element = 0; element < count; ++element) {
    std::int64_t from = box.in_offset, to = box.out_offset, rest = element;
    for (int l = box.loops - 1; l >= 0; --l) {
      const Loop& loop = box.loop[static_cast<std::size_t>(l)];
      const std::int64_t index = rest % loop.extent;
      rest /= loop.extent;
      from += index * loop.in_stride;
      to += index * loop.out_stride;
    }
    const auto bytes = static_cast<std::int64_t>(size);
    std::memmove(out + to * bytes, in + from * bytes, size);
  }
}

class BoxReference final : public Kernel {
 public:
  explicit BoxReference(const OpDesc& desc)
      : boxes_(boxes_of(desc)), size_(size_of(desc.inputs[0].dtype)) {}

  void run(const RunArgs& args) const override {
    for (const Box& box : boxes_) {
      copy_box(box, size_, args.inputs[static_cast<std::size_t>(box.in)].as<std::byte>(),
               args.outputs[static_cast<std::size_t>(box.out)].as<std::byte>());
    }
  }

 private:
  std::vector<Box> boxes_;
  std::size_t size_;
};

}  // namespace

std::unique_ptr<Kernel> prepare_box_reference(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<BoxReference>(desc);
}

}  // namespace convoy::movement
