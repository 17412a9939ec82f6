// How the implicit im2win kernel cuts a convolution into blocks, threads and stages. Host code that
// chooses a tile and the device code compute the same sizes from here.
#pragma once

#include "kernels/conv/cuda/problem.cuh"

namespace convoy::conv_cuda {

// Named as in the comment of window.cuh.
struct Tile {
  int q = 8, k = 8;       // register tile of a thread: output columns x output channels
  int k_threads = 8;      // threads of a block along output channels
  int segments = 16;      // threads of a block along output pixels, q columns each
  int row_segments = 16;  // how many segments of an output row a column of blocks computes
  int warp_k = 4;         // lanes of a warp along output channels
  int split = 1;          // groups of threads that share a stage's channels and add up in the end
  int channels = 4;       // input channels of a stage, a multiple of TileSizes::lanes
  int rows = 3;           // filter rows of a stage
  int buffers = 2;        // stages in shared memory at a time
  int blocks = 2;         // per multiprocessor: bounds the registers of a thread
  // Each segment's window is staged for itself, aligned for the widest loads; otherwise the staged
  // row is one run that neighbouring windows share.
  bool separate_windows = false;
  // The order of a tap's products: output channels or columns in the outer loop, the inner one
  // turning round at its ends or starting over.
  bool q_outer = false;
  bool back_and_forth = true;
  // The paper's techniques, switched off in ablations alone. Without the micro-kernel q and k are
  // 1, without double buffering buffers is 1, without tiling k_threads is 1.
  bool shared_memory = true;
  bool vector_loads = true;
  bool prefetch = true;
};

constexpr int div_up(int a, int b) { return (a + b - 1) / b; }
constexpr int round_up(int a, int b) { return div_up(a, b) * b; }
constexpr int max_of(int a, int b) { return a > b ? a : b; }
constexpr int min_of(int a, int b) { return a < b ? a : b; }

// Each has a bit in the word that says where a copy comes from.
inline constexpr int kMostRowStages = 15;

// Everything that follows from a problem and a tile. Lengths are in floats.
struct TileSizes {
  int threads, block_k, group_c, group_k;
  int k_tiles, column_tiles, spatial_tiles;  // blocks along each; the groups are one more extent
  long long blocks;
  int rows;  // n * p

  int lanes;          // channels staged side by side: 1 of NCHW, up to 4 of NHWC
  int window;         // a segment's window: its input columns times lanes
  int segment_pitch;  // between the windows of neighbouring segments
  int row_pitch;      // between staged rows
  int image_rows;     // staged rows from the first of an image to its last
  int staged_rows;    // most input rows of a stage
  long long images;   // most that a block reads from
  int plane;          // `lanes` channels of a stage
  int copy;           // floats that one asynchronous copy of x moves
  int load;           // floats of one load from a staged window
  int units;          // copies a plane takes

  int channel_stages, row_stages, stages;
  int x_stage, w_stage;  // of one buffer
  bool addressable;      // offsets within a block's images fit the words that hold them
  bool table;            // those words are computed once and kept in shared memory
  int table_at;          // where, behind the buffers
  long long shared_bytes;
};

constexpr TileSizes sizes_of(const Problem& d, const Tile& t) {
  TileSizes z{};
  z.threads = t.k_threads * t.segments * t.split;
  z.block_k = t.k_threads * t.k;
  z.group_c = d.group_c();
  z.group_k = d.group_k();
  z.k_tiles = div_up(z.group_k, z.block_k);
  z.column_tiles = div_up(div_up(d.q, t.q), t.row_segments);
  z.rows = d.n * d.p;
  z.spatial_tiles = div_up(z.rows * t.row_segments, t.segments);
  z.blocks = static_cast<long long>(z.k_tiles) * d.groups * z.column_tiles * z.spatial_tiles;

  const bool nhwc = d.x_layout == Layout::kNhwc;
  z.lanes = nhwc ? min_of(z.group_c, 4) : 1;
  z.window = ((t.q - 1) * d.stride_w + (d.s - 1) * d.dilation_w + 1) * z.lanes;
  const int step = t.q * d.stride_w * z.lanes;
  // Whole vectors, and whole pixels of three lanes.
  const int unit = z.lanes == 3 ? 12 : 4;
  if (t.separate_windows) {
    // Odd in units of 16 bytes, so that eight segments' loads fall into different banks.
    z.segment_pitch = round_up(z.window, unit);
    if (z.segment_pitch % 8 == 0) z.segment_pitch += unit;
    z.row_pitch = t.row_segments * z.segment_pitch;
  } else {
    z.segment_pitch = step;
    z.row_pitch = round_up((t.row_segments - 1) * step + z.window, unit);
  }
  z.load = !t.vector_loads ? 1 : z.segment_pitch % 4 == 0 ? 4 : z.segment_pitch % 2 == 0 ? 2 : 1;
  if (nhwc) {
    z.copy = t.vector_loads && z.lanes == 4 && d.c % 4 == 0 && z.group_c % 4 == 0 ? 4 : 1;
  } else {
    z.copy = t.vector_loads && !t.separate_windows && d.w % 4 == 0 && d.pad_left % 4 == 0 &&
                     (z.column_tiles == 1 || t.row_segments * step % 4 == 0)
                 ? 4
                 : 1;
  }

  // Output rows of a block, and the input rows they need. Rows follow each other across images, so
  // a block may begin in one and end in another.
  const bool whole_rows = t.segments % t.row_segments == 0;
  const int rows = min_of(z.rows, whole_rows ? t.segments / t.row_segments
                                             : div_up(t.segments - 1, t.row_segments) + 1);
  const int extent = (t.rows - 1) * d.dilation_h + 1;
  int crossings = min_of(div_up(rows - 1, d.p), rows - 1);
  if (whole_rows && d.p % rows == 0) crossings = 0;
  if (whole_rows && rows % d.p == 0) crossings = rows / d.p - 1;
  z.image_rows = (d.p - 1) * d.stride_h + extent;
  z.staged_rows =
      (rows - 1 - crossings) * d.stride_h + crossings * max_of(extent, d.stride_h) + extent;
  z.plane = z.staged_rows * z.row_pitch;
  z.units = z.plane / z.copy;

  z.channel_stages = div_up(z.group_c, t.channels);
  z.row_stages = div_up(d.r, t.rows);
  z.stages = z.channel_stages * z.row_stages;
  z.x_stage = t.channels / z.lanes * z.plane;
  z.w_stage = round_up(t.channels * t.rows * d.s * z.block_k, 4);

  // The source of a copy is an offset from the block's first image and a bit per row stage, in one
  // word.
  z.images = crossings + 1;
  const long long reach = z.images * d.c * (d.h + 2LL * d.pad_top + 1) * d.w;
  const long long stored_reach = z.images * d.k * d.p * d.q;
  z.addressable = z.row_stages <= kMostRowStages && reach >> (31 - z.row_stages) == 0 &&
                  stored_reach >> 31 == 0;
  z.table = z.stages > 1;
  z.table_at = t.buffers * (z.x_stage + z.w_stage);
  const int exchanged = (t.split - 1) * t.k_threads * t.segments * t.q * t.k;
  // Stores into NCHW exchange the outputs of one channel of each thread.
  const int stored = d.y_layout == Layout::kNchw ? t.k_threads * t.segments * t.q : 0;
  const int staged = t.shared_memory ? z.table_at + (z.table ? z.units : 0) : 0;
  z.shared_bytes = 4LL * max_of(staged, max_of(exchanged, stored));
  return z;
}

}  // namespace convoy::conv_cuda
