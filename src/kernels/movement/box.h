// Data movement as boxes: most operators that only move data are, once their operands are known, a
// list of strided copies. The geometry is worked out once, when a step is prepared.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/registry.h"

namespace convoy::movement {

// Tile repeats each of up to eight axes, so a box has up to sixteen loops.
inline constexpr int kMaxLoops = 2 * kMaxRank;

struct Loop {
  std::int64_t extent = 1;
  std::int64_t in_stride = 0;   // in elements; 0 repeats, negative walks backwards
  std::int64_t out_stride = 0;  // in elements
};

// out[out_offset + sum i*out_stride] = in[in_offset + sum i*in_stride] over all loop indices i.
struct Box {
  int in = 0;   // operand
  int out = 0;  // result
  std::int64_t in_offset = 0;
  std::int64_t out_offset = 0;
  int loops = 0;  // outermost first
  std::array<Loop, kMaxLoops> loop{};

  void add(const Loop& l) { loop[static_cast<std::size_t>(loops++)] = l; }
  std::span<const Loop> all() const { return {loop.data(), static_cast<std::size_t>(loops)}; }
  std::int64_t elements() const;
};

// Why `desc` cannot be expressed as boxes, or yes.
Support supports_boxes(const OpDesc& desc);

// The copies that compute `desc`, for every operator of this cell but Pad, Gather, Shape,
// ConstantOfShape and Range. Results are disjoint and cover every output.
std::vector<Box> boxes_of(const OpDesc& desc);

// Pad as boxes: the kept part, and each border (mirrored, repeated, or of the constant, operand 2).
std::vector<Box> pad_boxes(const OpDesc& desc);

}  // namespace convoy::movement
