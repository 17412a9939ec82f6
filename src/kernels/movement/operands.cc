#include "kernels/movement/operands.h"

#include <string>

namespace convoy::movement {

std::vector<std::int64_t> constant_ints(const OpDesc& desc, std::size_t i) {
  std::vector<std::int64_t> values;
  if (!desc.present(i)) return values;
  const TensorView& view = desc.inputs[i];
  const std::int64_t count = view.elements();
  values.reserve(static_cast<std::size_t>(count));
  for (std::int64_t j = 0; j < count; ++j) {
    values.push_back(view.dtype == DType::kS32 ? view.as<std::int32_t>()[j]
                                               : view.as<std::int64_t>()[j]);
  }
  return values;
}

Support has_constant_ints(const OpDesc& desc, std::size_t i, const char* what) {
  if (!desc.present(i)) return Support::yes();
  const TensorView& view = desc.inputs[i];
  if (view.dtype != DType::kS32 && view.dtype != DType::kS64) {
    return Support::no(std::string(what) + " must be s32 or s64, not " +
                       std::string(to_string(view.dtype)));
  }
  if (view.data == nullptr && view.elements() != 0) {
    return Support::no("needs constant " + std::string(what));
  }
  return Support::yes();
}

Support has_strides(const OpDesc& desc) {
  for (std::size_t i = 0; i < desc.inputs.size(); ++i) {
    if (desc.present(i) && desc.inputs[i].layout == Layout::kChwn8) {
      return Support::no("operands in layout chwn8 have no strides");
    }
  }
  for (const TensorView& y : desc.outputs) {
    if (y.layout == Layout::kChwn8) return Support::no("results in layout chwn8 have no strides");
  }
  return Support::yes();
}

std::vector<int> axes_or_leading(const OpDesc& desc, std::size_t i, std::size_t count, int rank) {
  std::vector<int> axes;
  if (!desc.present(i)) {
    for (std::size_t axis = 0; axis < count; ++axis) axes.push_back(static_cast<int>(axis));
    return axes;
  }
  for (std::int64_t axis : constant_ints(desc, i)) {
    axes.push_back(normalize_axis(axis, rank, "axes"));
  }
  return axes;
}

}  // namespace convoy::movement
