// What the files of this cell offer to its lists of implementations (elementwise.cc).
#pragma once

#include <memory>

#include "kernels/registry.h"

namespace convoy::elementwise {

// Any type for which the function means something; integers wrap.
Support supports_unary(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_unary_reference(const OpDesc& desc, const DeviceDesc& device);

// numpy's broadcasting. Integers wrap; a division by zero gives 0, where onnxruntime would trap.
// The right operand of kPow may have a type of its own.
Support supports_binary(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_binary_reference(const OpDesc& desc, const DeviceDesc& device);

// Clip whose bounds are operands.
std::unique_ptr<Kernel> prepare_clip_reference(const OpDesc& desc, const DeviceDesc& device);

std::unique_ptr<Kernel> prepare_where_reference(const OpDesc& desc, const DeviceDesc& device);

// To integers: truncated towards zero, values outside the type saturate, NaN gives 0. To bool:
// whether the value differs from 0. To 16-bit floats: rounded to nearest even.
std::unique_ptr<Kernel> prepare_cast_reference(const OpDesc& desc, const DeviceDesc& device);

// Vectorised f32. Unary functions need operand and result in one layout; binary ones take every
// broadcast whose innermost dimension is consecutive, or repeated, in both operands.
Support supports_unary_simd(const OpDesc& desc, const DeviceDesc& device);
Estimate estimate_unary_simd(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_unary_simd(const OpDesc& desc, const DeviceDesc& device);
Support supports_binary_simd(const OpDesc& desc, const DeviceDesc& device);
Estimate estimate_binary_simd(const OpDesc& desc, const DeviceDesc& device);
std::unique_ptr<Kernel> prepare_binary_simd(const OpDesc& desc, const DeviceDesc& device);

}  // namespace convoy::elementwise
