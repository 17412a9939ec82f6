// What the files of this cell share, and offer to its list of implementations (softmax.cc).
#pragma once

#include <memory>

#include "kernels/registry.h"

namespace convoy::softmax {

// Rows of the softmax: over one axis, or over all axes from it on together (opsets before 13).
struct Rows {
  Shape outer, inner;
  Strides outer_x{}, outer_y{}, inner_x{}, inner_y{};
};

Rows split_rows(const OpDesc& desc);

// Any floating type, layout and axis.
Support supports_reference(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc& device);

// f32 whose rows are consecutive in memory.
Support supports_simd(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_simd(const OpDesc& desc, const DeviceDesc& device);

}  // namespace convoy::softmax
