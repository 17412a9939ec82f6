// What the files of this cell offer to its list of implementations (movement.cc).
#pragma once

#include <memory>

#include "kernels/registry.h"

namespace convoy::movement {

// The definition of every operator that is a list of boxes: one element at a time, as box.h says.
std::unique_ptr<Kernel> prepare_box_reference(const OpDesc& desc, const DeviceDesc& device);

// The same by whole runs and blocks, on all threads.
std::unique_ptr<Kernel> prepare_box_copy(const OpDesc& desc, const DeviceDesc& device);

// Pad: constant, reflect, edge, wrap. Negative pads crop first, and the other modes then see only
// what is left.
Support supports_pad(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_pad_reference(const OpDesc& desc, const DeviceDesc& device);
// The same as boxes, where the padding takes no more than a few hundred.
Support supports_pad_copy(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_pad_copy(const OpDesc& desc, const DeviceDesc& device);

// Gather: indices s32 or s64, negative ones counted from the end. Constant indices are checked by
// shape inference; an index that turns out of range at run time takes the nearest valid one, since
// a kernel cannot fail.
Support supports_gather(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_gather(const OpDesc& desc, const DeviceDesc& device);

Support supports_shape(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_shape(const OpDesc& desc, const DeviceDesc& device);

Support supports_fill(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_fill(const OpDesc& desc, const DeviceDesc& device);

// Range: start + i * delta, for f32, f64, s16, s32 and s64; integers wrap.
Support supports_range(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_range(const OpDesc& desc, const DeviceDesc& device);

}  // namespace convoy::movement
