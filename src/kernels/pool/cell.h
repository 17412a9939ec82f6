// What the files of this cell offer to its list of implementations (pool.cc).
#pragma once

#include <memory>

#include "kernels/registry.h"

namespace convoy::pool {

// Maximum of any number type, average of f32 and f64 (accumulated in double), in any strided
// layout. A maximum propagates NaN; of a window that lies in the padding alone it is the type's
// lowest value, and the average of such a window is 0. The padding an average counts ends with the
// padded input: what ceil_mode adds beyond it is never counted.
Support supports_reference(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc& device);

// f32 in NHWC; an average is summed in f32.
Support supports_simd(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_simd(const OpDesc& desc, const DeviceDesc& device);

}  // namespace convoy::pool
