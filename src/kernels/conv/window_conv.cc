#include "kernels/conv/window_conv.h"

namespace convoy {

void WindowWalk::divide(std::int64_t target) {
  split_outer = loop.outer.count > 1;
  const std::int64_t extent = split_outer ? loop.outer.count : loop.length;
  const std::int64_t rest = std::max<std::int64_t>(1, reduction / extent);
  blocks = std::clamp<std::int64_t>(ceil_div(extent * rest, target), 1, extent);
  block_extent = ceil_div(extent, blocks);
  blocks = ceil_div(extent, block_extent);
}

WindowLoop WindowWalk::part(std::int64_t b, const TapRange& rows, const TapRange& columns,
                            std::int64_t& data) const {
  WindowLoop out = loop;
  const std::int64_t begin = b * block_extent;
  data = 0;
  if (split_outer) {
    out.outer.count = std::min(block_extent, loop.outer.count - begin);
    data += begin * loop.outer.data;
    out.weights += begin * loop.outer.weights;
  }
  out.rows.count = rows.end - rows.begin;
  data += rows.begin * loop.rows.data;
  out.weights += rows.begin * loop.rows.weights;

  std::int64_t run_begin = split_outer ? 0 : begin;
  std::int64_t run_end = split_outer ? loop.length : std::min(loop.length, begin + block_extent);
  if (columns_in_run) {
    run_begin = std::max(run_begin, columns.begin * tap_run);
    run_end = std::min(run_end, columns.end * tap_run);
  } else {
    out.columns.count = columns.end - columns.begin;
    data += columns.begin * loop.columns.data;
    out.weights += columns.begin * loop.columns.weights;
  }
  out.length = std::max<std::int64_t>(0, run_end - run_begin);
  data += run_begin * loop.step;
  out.weights += run_begin;
  return out;
}

std::int64_t packed_position(const ConvDesc& d, bool channels_last, WindowForm form, std::int64_t c,
                             std::int64_t r, std::int64_t s) {
  const std::int64_t tap = form == WindowForm::kDirect ? r * d.s + s : s * d.r + r;
  return channels_last ? tap * (d.c / d.groups) + c : c * d.r * d.s + tap;
}

}  // namespace convoy
