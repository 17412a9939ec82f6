// Reductions over any axes: which they are, and the definition every other kernel is tested
// against.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/registry.h"

namespace convoy::reduce {

// The reduced axes of x as a bit mask.
std::uint32_t reduced_axes(const OpDesc& desc);

// The two loops of a reduction: results, and what each one sums.
struct AxisSplit {
  Shape kept, reduced;
  Strides kept_x{}, kept_y{}, reduced_x{};
};
AxisSplit split_axes(const OpDesc& desc);

Support supports_reference(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc& device);

}  // namespace convoy::reduce
