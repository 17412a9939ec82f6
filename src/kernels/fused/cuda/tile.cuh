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
  // How many blocks share those sums, each with its slices of channels: a cluster, which adds them
  // up through distributed shared memory. More than one from sm_90 on.
  int blocks_sums = 1;
  // How many warps share the expand's pixels; so many groups of them share its outputs.
  int expand_warps_pixels = 4;
  int strip = 4;       // outputs of a row that one thread filters at a time; 1: see tensor_filter()
  int strip_rows = 1;  // and rows
  int blocks = 1;      // at once on a multiprocessor, which bounds their registers
  // Weights of pointwise stages pass shared memory, fetched with the slice of channels that they
  // belong to; otherwise warps read them from memory as they multiply.
  bool stage_weights = false;
  // A block works on one place of the maps after the other, always in the same slice of y's
  // channels: what does not depend on the place is fetched once, and x of the next place meanwhile.
  // Where channels before a project are one slice and results leave registers as they are.
  bool walks = false;

  constexpr int warps() const { return warps_pixels * warps_outputs * warps_sums; }
  constexpr int threads() const { return 32 * warps(); }
  bool operator==(const Tile&) const = default;
};

constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }
constexpr int round_up(int a, int b) { return ceil_div(a, b) * b; }
constexpr int smaller(int a, int b) { return a < b ? a : b; }
constexpr int larger(int a, int b) { return a > b ? a : b; }

inline constexpr int kPanel = 16;  // outputs of a pointwise whose weights lie together
// Pixels that a warp multiplies at a time.
constexpr int tile_pixels(Element element) { return element == Element::kF32 ? 8 : 16; }

// Channels of one step of a sum: 32 bytes for the tensor cores, 16 bytes of f32.
constexpr int step_channels(Element element) {
  return element == Element::kF32 ? 4 : 32 / size_of(element);
}
// Bytes of one panel's weights in one step.
constexpr int step_bytes(Element element) {
  return kPanel * step_channels(element) * size_of(element);
}
// Steps of a sum that weights which pass no shared memory are read ahead, and that the tensor cores
// add up of kF32Split: as many as registers have room for.
constexpr int steps_ahead(Element element, int panels) {
  return element == Element::kF32 ? (panels == 1 ? 2 : 1) : (panels <= 2 ? 4 : 2);
}
// Bytes from one pixel to the next in shared memory: an odd number of 16 bytes, so that eight
// pixels in a row meet all banks.
constexpr int pitch_bytes(Element element, int channels) {
  const int bytes = round_up(round_up(channels, step_channels(element)) * size_of(element), 16);
  return bytes / 16 % 2 == 1 ? bytes : bytes + 16;
}
// The same for what no product reads: whole sectors of 32 bytes, an odd number of them, so that a
// copy asks for each sector of x once.
constexpr int sector_pitch_bytes(Element element, int channels) {
  const int bytes = round_up(round_up(channels, step_channels(element)) * size_of(element), 32);
  return bytes / 32 % 2 == 1 ? bytes : bytes + 32;
}
constexpr int panel_bytes(Element element, int channels) {
  return ceil_div(channels, step_channels(element)) * step_bytes(element);
}

// Everything that follows from a module and a tile.
//
// Shared memory, from 0 on: x for an expand; one stage (or two, one of them being filled while the
// other is worked on) of what belongs to a slice of channels; the expanded halo; the project's
// operand; what does not depend on the slice. Sums are put down over all but the last.
struct Cut {
  int tiles_h = 0, tiles_w = 0;  // of one image
  int slices = 0;                // of y's channels
  long long blocks = 0;
  int pixels = 0;                       // of y, in a block
  int halo_rows = 0, halo_columns = 0;  // of the depthwise's input, or of y without one
  int halo_pixels = 0;
  int middle = 0, middle_in = 0;  // channels of a slice: before the project or of y; before the dw
  int middle_slices = 0, block_slices = 0;  // all, and the most that one block of a cluster has
  int input_slices = 0;
  // Tiles (of pixels x 16 channels) of one warp.
  int expand_pixel_tiles = 0, expand_panels = 0;
  int project_pixel_tiles = 0, project_panels = 0;

  int x_pitch = 0, x_buffer = 0, x_buffers = 0;
  // Of a stage: its input (x, where there is no expand), then weights and constants.
  int stages = 0, stage_offset = 0, stage_bytes = 0;
  int input_pitch = 0, expand_weights = 0, project_weights = 0, constants = 0;
  int input_again = 0;                  // where the input is in every other place
  int halo_pitch = 0, halo_offset = 0;  // of an expanded halo
  int operand_pitch = 0, operand_offset = 0, operand_buffer = 0, operand_buffers = 0;
  int sum_pitch = 0;   // in 4-byte words
  int sum_planes = 0;  // one for each share of the sums; none where nothing is put down
  int sum_offset = 0;
  int project_constants = 0;
  int shared_bytes = 0;
};

// Bytes of a stage's bias and scale for `channels`.
constexpr int constant_bytes(const Module& m, const Stage& stage, int channels) {
  const int lines = (stage.bias ? 1 : 0) + (m.element == Element::kS8 ? 1 : 0);
  return stage.present ? lines * round_up(channels, kPanel) * 4 : 0;
}

// Whether the tensor cores filter (depthwise_tensor.cuh): where strips are one column wide,
// elements have 16 bits and channels one filter, and nothing is added to results that are y. Not
// with even strides: pixels two apart meet half of the banks of shared memory.
constexpr bool tensor_filter(const Module& m, const Tile& t) {
  return (m.element == Element::kF16 || m.element == Element::kBf16) && m.depthwise.present &&
         t.strip == 1 && m.multiplier() == 1 && m.taps() <= 49 && m.stride_w % 2 == 1 &&
         (m.project.present || (m.residual == Residual::kNone && m.k % 4 == 0));
}

// Whether results leave registers for y as they are.
constexpr bool direct(const Module& m, const Tile& t) {
  return m.y_layout == Layout::kNhwc &&
         (!m.project.present || (t.warps_sums == 1 && t.blocks_sums == 1));
}

constexpr Cut cut(const Module& m, const Tile& t) {
  Cut c;
  c.tiles_h = ceil_div(m.p, t.rows), c.tiles_w = ceil_div(m.q, t.columns);
  c.slices = ceil_div(m.k, t.outputs);
  c.blocks = 1ll * m.n * c.tiles_h * c.tiles_w * c.slices * t.blocks_sums;
  c.pixels = t.rows * t.columns;
  c.halo_rows =
      m.depthwise.present ? (t.rows - 1) * m.stride_h + (m.r - 1) * m.dilation_h + 1 : t.rows;
  c.halo_columns =
      m.depthwise.present ? (t.columns - 1) * m.stride_w + (m.s - 1) * m.dilation_w + 1 : t.columns;
  c.halo_pixels = c.halo_rows * c.halo_columns;
  c.middle = m.project.present ? t.middle : t.outputs;
  c.middle_in = c.middle / m.multiplier();
  c.middle_slices = m.project.present ? ceil_div(m.filtered_c, t.middle) : 1;
  const int at_a_time = tile_pixels(m.element);
  const int padded_halo = round_up(c.halo_pixels, at_a_time);
  const int padded_pixels = round_up(c.pixels, at_a_time);

  int offset = 0;
  if (m.expand.present) {
    c.input_slices = ceil_div(m.c, t.inputs);
    c.x_buffers = t.walks ? 2 : smaller(c.input_slices, 2);
    c.x_pitch = pitch_bytes(m.element, t.inputs);
    c.x_buffer = padded_halo * c.x_pitch;
    offset += c.x_buffers * c.x_buffer;
  }

  c.stage_offset = offset;
  int stage = 0;
  if (!m.expand.present) {
    c.input_pitch = m.lone() || tensor_filter(m, t) ? pitch_bytes(m.element, c.middle_in)
                                                    : sector_pitch_bytes(m.element, c.middle_in);
    stage += (m.lone() ? padded_pixels : padded_halo) * c.input_pitch;
  }
  const int input = stage;
  c.expand_weights = stage;
  if (t.stage_weights && m.expand.present) {
    stage += ceil_div(c.middle_in, kPanel) * panel_bytes(m.element, m.c);
  }
  c.project_weights = stage;
  if (t.stage_weights && m.project.present) {
    stage += t.outputs / kPanel * panel_bytes(m.element, c.middle);
  }
  c.constants = stage;
  if (m.depthwise.present) stage += m.taps() * c.middle * 4;
  stage += constant_bytes(m, m.depthwise, c.middle) + constant_bytes(m, m.expand, c.middle_in);
  c.stage_bytes = stage;
  c.block_slices = ceil_div(c.middle_slices, t.blocks_sums);
  c.stages = smaller(c.block_slices, 2);
  offset += c.stages * stage;
  if (t.walks && !m.expand.present) {
    c.input_again = offset;
    offset += input;
  }

  if (m.depthwise.present && m.expand.present) {
    c.halo_pitch = pitch_bytes(m.element, c.middle_in);
    c.halo_offset = offset;
    offset += padded_halo * c.halo_pitch;
  }
  if (m.project.present && !m.lone()) {
    c.operand_pitch = pitch_bytes(m.element, c.middle);
    c.operand_offset = offset;
    c.operand_buffer = padded_pixels * c.operand_pitch;
    c.operand_buffers = smaller(c.block_slices, 2);
    offset += c.operand_buffers * c.operand_buffer;
  }
  if (m.expand.present) {
    c.expand_pixel_tiles = ceil_div(padded_halo / at_a_time, t.expand_warps_pixels);
    c.expand_panels = ceil_div(ceil_div(c.middle_in, kPanel), t.warps() / t.expand_warps_pixels);
  }
  if (m.project.present) {
    c.project_pixel_tiles = ceil_div(padded_pixels / at_a_time, t.warps_pixels);
    c.project_panels = ceil_div(t.outputs / kPanel, t.warps_outputs);
  }
  // Sums that several warps or blocks have shares of, and results that leave in another order than
  // threads have them; a depthwise's while the halo is still being read.
  c.sum_planes = direct(m, t) ? 0 : m.project.present ? t.warps_sums : 1;
  c.sum_pitch = round_up(t.outputs, kPanel) + 4;
  c.sum_offset = m.project.present ? 0 : offset;
  offset = larger(offset, c.sum_offset + c.sum_planes * padded_pixels * c.sum_pitch * 4);
  c.project_constants = offset;
  offset += constant_bytes(m, m.project, t.outputs);
  c.shared_bytes = offset;
  return c;
}

}  // namespace convoy::fused_cuda
