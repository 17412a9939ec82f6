// What the files of this cell offer to its lists of implementations (norm.cc).
#pragma once

#include <memory>

#include "kernels/registry.h"

namespace convoy::norm {

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per channel; any floating type.
Support supports_batch_norm(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_batch_norm_reference(const OpDesc& desc, const DeviceDesc& device);
// f32, one multiply-add an element; the four parameters must be constants.
Support supports_batch_norm_simd(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_batch_norm_simd(const OpDesc& desc, const DeviceDesc& device);

// Over all axes from `axis` on; the normalised tensor only, not the statistics.
Support supports_layer_norm(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_layer_norm_reference(const OpDesc& desc, const DeviceDesc& device);
// f32, scale and bias as large as what is normalised; two passes, sums joined in double.
Support supports_layer_norm_simd(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_layer_norm_simd(const OpDesc& desc, const DeviceDesc& device);

}  // namespace convoy::norm
