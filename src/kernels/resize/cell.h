// What the files of this cell offer to its list of implementations (resize.cc).
#pragma once

#include <memory>

#include "kernels/registry.h"

namespace convoy::resize {

// Any rank and strided layout. Nearest of any type; linear and cubic of f32 and f64, accumulated in
// double.
Support supports_reference(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_reference(const OpDesc& desc, const DeviceDesc& device);

// f32 in NHWC, the height and the width resized, in f32.
Support supports_simd(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_simd(const OpDesc& desc, const DeviceDesc& device);

}  // namespace convoy::resize
