// How a module is cut into blocks, and what a block holds in shared memory. Shared by the kernels,
// for which a tile is a template argument, and by the host, which chooses it.
#pragma once

#include "kernels/fused/cuda/problem.cuh"

namespace convoy::fused_cuda {

struct Tile {
  int rows = 8, columns = 8;  // of y, that a block computes
  // Channels of y that a block computes, and those before a project that it holds at a time:
  // multiples of 16 times the filters of a channel, the latter of a step of the sum, too.
  int outputs = 64;
  int middle = 64;
  int inputs = 64;  // channels of x that a block holds at a time
  // How the warps of a block share the last pointwise: its pixels, its outputs, its sums.
  int warps_pixels = 1, warps_outputs = 4, warps_sums = 2;
  // How they share the expand's pixels; the rest share its outputs.
  int expand_warps_pixels = 4;
  int strip = 4;              // outputs of a row that one thread filters at a time
  int strip_rows = 1;         // and rows
  int blocks = 1;             // at once on a multiprocessor, which bounds their registers
  bool keep_weights = false;  // the block's weights are fetched at once, before anything else

  constexpr int warps() const { return warps_pixels * warps_outputs * warps_sums; }
  constexpr int threads() const { return 32 * warps(); }
  bool operator==(const Tile&) const = default;
};

constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }
constexpr int round_up(int a, int b) { return ceil_div(a, b) * b; }
constexpr int smaller(int a, int b) { return a < b ? a : b; }
constexpr int larger(int a, int b) { return a > b ? a : b; }

inline constexpr int kPanel = 16;  // outputs of a pointwise whose weights lie together
inline constexpr int kPixels = 8;  // pixels that a warp multiplies at a time

// Channels of one step of a sum: 32 bytes for the tensor cores, 16 bytes of f32.
constexpr int step_channels(Element element) {
  return element == Element::kF32 ? 4 : 32 / size_of(element);
}
// Bytes of one panel's weights in one step.
constexpr int step_bytes(Element element) {
  return kPanel * step_channels(element) * size_of(element);
}
// Bytes from one pixel to the next in shared memory: an odd number of 16 bytes, so that eight
// pixels in a row meet all banks.
constexpr int pitch_bytes(Element element, int channels) {
  const int bytes = round_up(round_up(channels, step_channels(element)) * size_of(element), 16);
  return bytes / 16 % 2 == 1 ? bytes : bytes + 16;
}
constexpr int panel_bytes(Element element, int channels) {
  return ceil_div(channels, step_channels(element)) * step_bytes(element);
}

// Everything that follows from a module and a tile.
struct Cut {
  int tiles_h = 0, tiles_w = 0;  // of one image
  int slices = 0;                // of y's channels
  long long blocks = 0;
  int pixels = 0;                       // of y, in a block
  int halo_rows = 0, halo_columns = 0;  // of the map that the last spatial stage reads
  int halo_pixels = 0;
  int middle_slices = 0, input_slices = 0;
  // Tiles of 8 pixels x 16 channels of one warp.
  int expand_pixel_tiles = 0, expand_panels = 0;
  int project_pixel_tiles = 0, project_panels = 0;
  // Shared memory: offsets and the whole, in bytes. The sums lie over everything but the weights.
  int input_pitch = 0, halo_pitch = 0, operand_pitch = 0;
  int input_buffer = 0;  // one of `input_buffers`, from 0 on
  int input_buffers = 0;
  int halo_offset = 0;     // what the depthwise reads
  int operand_offset = 0;  // what the project reads, where another stage made it
  int operand_buffer = 0, operand_buffers = 0;
  int sum_pitch = 0;   // in 4-byte words
  int sum_planes = 0;  // one for each share of the sums; none where nothing is put down
  int weight_offset = 0, weight_bytes = 0;
  int shared_bytes = 0;
};

constexpr Cut cut(const Module& m, const Tile& t) {
  Cut c;
  c.tiles_h = ceil_div(m.p, t.rows), c.tiles_w = ceil_div(m.q, t.columns);
  c.slices = ceil_div(m.k, t.outputs);
  c.blocks = 1ll * m.n * c.tiles_h * c.tiles_w * c.slices;
  c.pixels = t.rows * t.columns;
  c.halo_rows =
      m.depthwise.present ? (t.rows - 1) * m.stride_h + (m.r - 1) * m.dilation_h + 1 : t.rows;
  c.halo_columns =
      m.depthwise.present ? (t.columns - 1) * m.stride_w + (m.s - 1) * m.dilation_w + 1 : t.columns;
  c.halo_pixels = c.halo_rows * c.halo_columns;
  const bool last_is_project = m.project.present;
  const int middle_channels = last_is_project ? m.filtered_c : t.outputs;
  const int middle = last_is_project ? t.middle : t.outputs;
  c.middle_slices = ceil_div(middle_channels, middle);

  // x is put in shared memory for a pointwise that reads it, or to be turned around.
  int offset = 0;
  const bool lone = last_is_project && !m.expand.present && !m.depthwise.present;
  const int padded_halo = round_up(c.halo_pixels, kPixels);
  if (m.expand.present) {
    c.input_slices = ceil_div(m.c, t.inputs);
    c.input_buffers = smaller(c.input_slices, 2);
    c.input_pitch = pitch_bytes(m.element, t.inputs);
    c.input_buffer = padded_halo * c.input_pitch;
  } else if (lone) {
    c.input_slices = c.middle_slices;
    c.input_buffers = smaller(c.input_slices, 2);
    c.input_pitch = pitch_bytes(m.element, middle);
    c.input_buffer = round_up(c.pixels, kPixels) * c.input_pitch;
  }
  offset += c.input_buffers * c.input_buffer;
  if (m.depthwise.present && !m.filters_memory()) {
    c.halo_pitch = pitch_bytes(m.element, middle / m.multiplier());
    c.halo_offset = offset;
    offset += padded_halo * c.halo_pitch;
  }
  if (last_is_project && !lone) {
    c.operand_pitch = pitch_bytes(m.element, middle);
    c.operand_offset = offset;
    c.operand_buffer = round_up(c.pixels, kPixels) * c.operand_pitch;
    c.operand_buffers = smaller(c.middle_slices, 2);
    offset += c.operand_buffers * c.operand_buffer;
  }
  if (m.expand.present) {
    const int pixel_tiles = ceil_div(m.depthwise.present ? c.halo_pixels : c.pixels, kPixels);
    c.expand_pixel_tiles = ceil_div(pixel_tiles, t.expand_warps_pixels);
    c.expand_panels =
        ceil_div(ceil_div(middle / (m.depthwise.present ? m.multiplier() : 1), kPanel),
                 t.warps() / t.expand_warps_pixels);
  }
  if (last_is_project) {
    c.project_pixel_tiles = ceil_div(ceil_div(c.pixels, kPixels), t.warps_pixels);
    c.project_panels = ceil_div(ceil_div(t.outputs, kPanel), t.warps_outputs);
  }
  // Sums of a project, and results that leave in another order than threads have them.
  if (last_is_project) c.sum_planes = t.warps_sums;
  if (!last_is_project && m.y_layout == Layout::kNchw) c.sum_planes = 1;
  c.sum_pitch = round_up(t.outputs, kPanel) + 4;
  const int sums = c.sum_planes * round_up(c.pixels, kPixels) * c.sum_pitch * 4;
  // Results in NCHW are put down while the halo is still being read.
  const bool beside = !last_is_project && c.sum_planes > 0;
  c.shared_bytes = beside ? offset + sums : larger(offset, sums);
  if (t.keep_weights) {
    c.weight_offset = round_up(c.shared_bytes, 16);
    c.weight_bytes =
        ceil_div(t.outputs, kPanel) * panel_bytes(m.element, last_is_project ? m.filtered_c : m.c);
    c.shared_bytes = c.weight_offset + c.weight_bytes;
  }
  return c;
}

}  // namespace convoy::fused_cuda
