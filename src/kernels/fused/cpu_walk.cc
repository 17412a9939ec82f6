#include "kernels/fused/cpu_walk.h"

#include <algorithm>

namespace convoy {
namespace {

constexpr std::int64_t kSlide = 7;  // columns of y at a time where a filter is not streamed

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

bool within(std::int64_t i, std::int64_t extent) { return i >= 0 && i < extent; }

}  // namespace

CpuRows cpu_rows(const CpuStages& stages, const CpuTile& tile) {
  CpuRows rows;
  const CpuScratch scratch(stages, tile);
  const ConvDesc d = stages.depthwise ? stages.depthwise->desc : ConvDesc{};
  const std::int64_t at_once = is_streamed(d) ? 2 : 1;
  const std::int64_t strips = ceil_div(stages.rows, tile.rows);
  for (std::int64_t strip = 0; strip < strips; ++strip) {
    std::int64_t filled = 0;
    const std::int64_t end = stages.rows * (strip + 1) / strips;
    for (std::int64_t p = stages.rows * strip / strips; p < end; p += tile.step) {
      const std::int64_t p_end = std::min(p + tile.step, end);
      ++rows.steps, ++rows.steps_of[p_end - p];
      if (!stages.depthwise) continue;
      const std::int64_t top = std::clamp<std::int64_t>(p * d.stride_h - d.pad_top, 0, d.h);
      const std::int64_t bottom = std::clamp<std::int64_t>(
          (p_end - 1) * d.stride_h - d.pad_top + d.dilation_h * (d.r - 1) + 1, 0, d.h);
      rows.in_step += static_cast<double>(std::max<std::int64_t>(0, bottom - top));
      for (std::int64_t h = std::max(filled, top); h < bottom;) {
        const std::int64_t left =
            scratch.ring_rows > 0 ? scratch.ring_rows - h % scratch.ring_rows : bottom - h;
        const std::int64_t run = std::min(bottom - h, left);
        ++rows.fresh_of[run], rows.fresh += static_cast<double>(run);
        h += run;
      }
      filled = std::max(filled, bottom);
      for (std::int64_t round = p; round < p_end; round += at_once) {
        const std::int64_t count = std::min(at_once, p_end - round);
        ++rows.rounds;
        for (std::int64_t i = 0; i < d.r + (count - 1) * d.stride_h; ++i) {
          if (!within(round * d.stride_h - d.pad_top + i * d.dilation_h, d.h)) continue;
          ++rows.under;
          for (std::int64_t row = 0; row < count; ++row) {
            rows.uses += within(i - row * d.stride_h, d.r) ? 1 : 0;
          }
        }
      }
    }
  }
  return rows;
}

CpuColumns cpu_columns(const CpuStages& stages, const CpuTile& tile) {
  CpuColumns columns;
  const ConvDesc d = stages.depthwise ? stages.depthwise->desc : ConvDesc{};
  const bool streamed = is_streamed(d);
  const bool shared = d.dilation_w == 1 && d.stride_w <= 2 && (d.s == 3 || d.s == 5 || d.s == 7);
  const std::int64_t bands = ceil_div(stages.columns, tile.columns);
  columns.bands = static_cast<double>(bands);
  for (std::int64_t band = 0; band < bands; ++band) {
    const std::int64_t q = stages.columns * band / bands;
    const std::int64_t width = stages.columns * (band + 1) / bands - q;
    ++columns.widths[width];
    if (!stages.depthwise) continue;
    const std::int64_t left = q * d.stride_w - d.pad_left;
    const std::int64_t begin = std::clamp<std::int64_t>(left, 0, d.w);
    const std::int64_t end = std::clamp<std::int64_t>(
        left + (width - 1) * d.stride_w + d.dilation_w * (d.s - 1) + 1, begin, d.w);
    ++columns.fresh_widths[end - begin], columns.fresh += static_cast<double>(end - begin);
    // From the ring it can read no more than is there.
    const auto there = [&](std::int64_t w) {
      return stages.expand ? w >= begin && w < end : within(w, d.w);
    };
    columns.slides += static_cast<double>(ceil_div(width, kSlide));
    if (streamed) {
      const std::int64_t walked = (width + ceil_div(d.s, d.stride_w) - 1) * d.stride_w;
      for (std::int64_t j = 0; j < walked; ++j) {
        if (!there(left + j)) continue;
        ++columns.read;
        columns.uses += static_cast<double>(ceil_div(d.s - j % d.stride_w, d.stride_w));
      }
      continue;
    }
    columns.uses += static_cast<double>(ceil_div(width, kSlide) * d.s);
    const std::int64_t inputs = shared ? (kSlide - 1) * d.stride_w + d.s : kSlide * d.s;
    for (std::int64_t at = 0; at < width; at += kSlide) {
      for (std::int64_t j = 0; j < inputs; ++j) {
        const std::int64_t w = shared ? j : j / kSlide * d.dilation_w + j % kSlide * d.stride_w;
        columns.read += there(left + at * d.stride_w + w) ? 1 : 0;
      }
    }
  }
  return columns;
}

}  // namespace convoy
