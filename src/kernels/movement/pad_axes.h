// What Pad does along each axis.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/movement/operands.h"

namespace convoy::movement {

struct PadAxis {
  PadAttrs::Mode mode = PadAttrs::Mode::kConstant;
  std::int64_t before = 0;  // result elements before the kept ones
  std::int64_t first = 0;   // first kept element of the operand
  std::int64_t kept = 0;    // operand elements that negative pads leave

  // Operand coordinate of a result coordinate; -1 where the constant goes.
  std::int64_t source(std::int64_t index) const;
};

// By axis of the operand; beyond its rank unused.
std::array<PadAxis, kMaxRank> pad_axes(const OpDesc& desc);

}  // namespace convoy::movement
