// What the window convolutions of all four layouts share: the walk over a window for each form, its
// restriction at the borders, and its division into blocks that fit the first cache.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv/conv.h"
#include "kernels/conv/micro.h"
#include "kernels/conv/window_order.h"

namespace convoy {

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Taps of a filter that meet the input at one output coordinate.
struct TapRange {
  std::int64_t begin = 0, end = 0;
  bool operator==(const TapRange&) const = default;
};

// start: input coordinate of tap 0, negative inside the padding.
inline TapRange taps_inside(std::int64_t start, std::int64_t dilation, std::int64_t taps,
                            std::int64_t extent) {
  const std::int64_t begin = start >= 0 ? 0 : std::min(taps, ceil_div(-start, dilation));
  const std::int64_t end = start >= extent ? 0 : std::min(taps, ceil_div(extent - start, dilation));
  return {begin, std::max(begin, end)};
}

// The walk over the whole window of one output and one group, for one layout and form. Where the
// windows lie: offset = origin + p * row_step + q * column_step.
struct WindowWalk {
  WindowLoop loop;
  bool columns_in_run = false;    // the s taps are part of the run, `tap_run` elements each
  std::int64_t tap_run = 1;       // (direct only)
  std::int64_t reduction = 0;     // c/groups * r * s
  bool split_outer = false;       // blocks divide the outer level, or else the run
  std::int64_t block_extent = 0;  // of that level, per block
  std::int64_t blocks = 1;

  // Divides the reduction so that a block has about `target` elements.
  void divide(std::int64_t target);
  // The part of block `b` that taps rows x columns meet; `data` is where it starts.
  WindowLoop part(std::int64_t b, const TapRange& rows, const TapRange& columns,
                  std::int64_t& data) const;
};

// Position of weight (c, r, s) of a group in packed order.
std::int64_t packed_position(const ConvDesc& desc, bool channels_last, WindowForm form,
                             std::int64_t c, std::int64_t r, std::int64_t s);

// Direct where window order would copy nothing.
inline WindowForm effective_form(WindowForm form, const ConvDesc& desc) {
  return im2win_is_identity(desc) ? WindowForm::kDirect : form;
}

}  // namespace convoy
