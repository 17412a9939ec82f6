// Vectorised f32 reductions: over dimensions that are consecutive in memory (the spatial ones in
// NCHW, the last ones of any tensor), or over one run of dimensions with the results consecutive
// below it (the spatial ones in NHWC). Sums are made in short chains of f32 that are joined: in
// double in the first case, in f32 in the second.
#pragma once

#include <memory>

#include "kernels/registry.h"

namespace convoy::reduce {

Support supports_simd(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_simd(const OpDesc& desc, const DeviceDesc& device);

}  // namespace convoy::reduce
