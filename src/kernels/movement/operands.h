// Operands that decide shapes: small integer constants, known when a step is prepared.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/registry.h"

namespace convoy::movement {

// Elements of operand i, s32 or s64; empty when it is absent. Call only after has_constant_ints.
std::vector<std::int64_t> constant_ints(const OpDesc& desc, std::size_t i);

// Yes when operand i is absent, or is a constant of s32 or s64; else the reason, naming `what`.
Support has_constant_ints(const OpDesc& desc, std::size_t i, const char* what);

// Yes when every operand and result has strides (any layout but kChwn8).
Support has_strides(const OpDesc& desc);

// Axes of operand i, normalised for `rank`; 0 .. count-1 when it is absent.
std::vector<int> axes_or_leading(const OpDesc& desc, std::size_t i, std::size_t count, int rank);

}  // namespace convoy::movement
