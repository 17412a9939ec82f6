// Where the elements of a resized axis come from.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/registry.h"

namespace convoy::resize {

// One axis: result coordinate o is the sum over t < taps of weight[o * taps + t] times the element
// at index[o * taps + t], or the extrapolation value where outside[o] (kTfCropAndResize alone).
// Indices are inside the operand. Where one tap has all the weight, all taps are given its
// index and an equal part, so that an infinite element does not spread to where it has no say.
struct AxisMap {
  int taps = 1;  // 1: copied or nearest, 2: linear, 4: cubic
  std::vector<std::int64_t> index;
  std::vector<double> weight;
  std::vector<bool> outside;  // empty: nowhere

  bool is_outside(std::int64_t o) const {
    return !outside.empty() && outside[static_cast<std::size_t>(o)];
  }
};

// Yes when the operands that decide coordinates are constants of types that axis_maps() reads.
Support has_constant_geometry(const OpDesc& desc);

// One per axis. Coordinates follow ONNX's definition in double; for kNearest they are rounded to
// f32 on the way, since scales are f32 and 1 / 0.333333343 is meant to be 3.
std::vector<AxisMap> axis_maps(const OpDesc& desc);

}  // namespace convoy::resize
