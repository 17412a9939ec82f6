#include "kernels/fused/cuda/traffic.h"

#include <algorithm>
#include <cmath>

namespace convoy::fused_cuda {
namespace {

constexpr double kSector = 32;

// How much of a map's extent blocks read together: `tiles` parts of `part` outputs each, `reach`
// inputs a part, the first one beginning `pad` before the map.
double read_along(int tiles, int part, int stride, int reach, int pad, int extent) {
  double sum = 0;
  for (int i = 0; i < tiles; ++i) {
    const int begin = i * part * stride - pad;
    sum += std::max(0, std::min(extent, begin + reach) - std::max(0, begin));
  }
  return sum;
}

// Runs of `bytes` whose beginnings lie `pitch` bytes apart, in whole sectors.
double in_sectors(double bytes, double pitch) {
  if (bytes >= pitch) return bytes;  // the next run goes on where this one ends
  const double touched = std::ceil(bytes / kSector) * kSector;
  const bool aligned = std::fmod(bytes, kSector) == 0 && std::fmod(pitch, kSector) == 0;
  // A run that begins anywhere touches one sector more about as often as it is longer.
  return aligned ? bytes : std::max(touched, bytes + kSector / 2);
}

// Of the pixels that blocks copy to shared memory, how many lie there at another half of a sector
// than in memory. Lines in shared memory are `shared` half sectors apart, those in memory `halves`.
double misplaced_share(const Module& m, const Tile& t, const Cut& c, int shared, int halves) {
  const int stride_h = m.lone() ? m.project_stride_h : 1;
  const int stride_w = m.lone() ? m.project_stride_w : 1;
  // Whether the difference changes from one column, or from one row, to the next.
  if ((shared + stride_w * halves) % 2 != 0) return 0.5;
  if ((c.halo_columns * shared + stride_h * m.w * halves) % 2 != 0) return 0.5;
  if (halves % 2 == 0) return 0;
  const auto odd_share = [](int tiles, int step, int pad) {
    int odd = 0;
    for (int i = 0; i < tiles; ++i) odd += (i * step - pad) % 2 != 0 ? 1 : 0;
    return 1.0 * odd / tiles;
  };
  const int step_h = t.rows * (m.lone() ? stride_h : m.stride_h);
  const int step_w = t.columns * (m.lone() ? stride_w : m.stride_w);
  const double row = m.w % 2 == 0 ? 0 : odd_share(c.tiles_h, step_h, m.pad_top);
  const double column = odd_share(c.tiles_w, step_w, m.pad_left);
  return row * (1 - column) + column * (1 - row);
}

// What a copy of one pixel's `bytes` asks for, memory having `pitch` bytes a pixel. Copies of 16
// bytes go to shared memory past L1, sector by sector: where a sector's halves do not lie in one
// sector of shared memory, it is asked for twice (counted on an H200: docs/performance/planner.md).
double copied(const Module& m, const Tile& t, const Cut& c, double bytes, double pitch) {
  const bool halves = std::fmod(pitch, kSector / 2) == 0 && std::fmod(bytes, kSector / 2) == 0;
  if (m.x_layout != Layout::kNhwc || !halves) return in_sectors(bytes, pitch);
  const double parts = bytes / (kSector / 2);
  const bool line_odd = std::fmod(pitch, kSector) != 0;
  // Sectors of a run in its place: one more where it begins and ends with a half.
  double sectors = std::ceil(parts / 2);
  if (line_odd && std::fmod(parts, 2) == 0) sectors += 0.5;
  const int shared = (m.expand.present ? c.x_pitch : c.input_pitch) / 16;
  const double misplaced = misplaced_share(m, t, c, shared, line_odd ? 1 : 2);
  return kSector * (misplaced * parts + (1 - misplaced) * sectors);
}

// Of weights that warps read through L1, how many come from L2: what one block has read is there
// for the next on its multiprocessor, as far as L1 has room beside shared memory.
double missed_share(const Tile& t, const Cut& c, double block_bytes, const DeviceDesc& device) {
  constexpr double kBesideShared = 28 << 10;  // L1 and shared memory are one, so much larger
  const double each = std::ceil(static_cast<double>(c.blocks) / device.cores);
  const double room = static_cast<double>(device.cuda.shared_bytes_multiprocessor) + kBesideShared -
                      std::min<double>(t.blocks, each) * (c.shared_bytes + 1024);
  const double kept = std::clamp(room / block_bytes, 0.0, 1.0);
  return 1 - kept * (1 - std::min(each, 1.0 * c.slices) / each);
}

double stage_constants(const Module& m, const Stage& stage, int channels) {
  const int values = (stage.bias ? 1 : 0) + (m.element == Element::kS8 ? 1 : 0);
  return stage.present ? 4.0 * values * channels : 0;
}

}  // namespace

Traffic traffic(const Module& m, const Tile& t, const Cut& c, const DeviceDesc& device) {
  const double element = m.bytes();
  const double places = 1.0 * m.n * c.tiles_h * c.tiles_w;  // tiles of y's maps
  // With a project every slice of y's channels goes over all that is before it; without one the
  // slices share it out.
  const double again = m.project.present ? c.slices : 1;
  Traffic sum;

  double pixels = 1.0 * m.n * m.p * m.q;  // of x that are read, each as often as it is
  if (!m.lone()) {
    pixels = m.n * read_along(c.tiles_h, t.rows, m.stride_h, c.halo_rows, m.pad_top, m.h) *
             read_along(c.tiles_w, t.columns, m.stride_w, c.halo_columns, m.pad_left, m.w);
  }
  const double line = m.c * element;
  if (m.expand.present) {
    // Once for each block that shares sums, or anew for each of its slices where x is in slices.
    const double times = !m.project.present    ? c.slices
                         : c.input_slices == 1 ? again * t.blocks_sums
                                               : again * c.middle_slices;
    sum.x = pixels * times *
            (c.input_slices == 1
                 ? copied(m, t, c, line, line)
                 : copied(m, t, c, t.inputs * element, line) * line / (t.inputs * element));
  } else {
    const double run = std::min(c.middle_in, m.c) * element;
    sum.x = pixels * again * copied(m, t, c, run, line) * line / run;
  }

  if (m.expand.present) {
    sum.weights += places * again * ceil_div(m.mid_c, kPanel) * panel_bytes(m.element, m.c);
  }
  if (m.project.present) {
    sum.weights += places * ceil_div(m.k, kPanel) * panel_bytes(m.element, m.filtered_c);
  }
  if (!t.stage_weights && sum.weights > 0) {
    sum.weights *= missed_share(t, c, sum.weights / static_cast<double>(c.blocks), device);
  }
  if (m.depthwise.present) {
    sum.constants += places * again * m.taps() * 4.0 * round_up(m.filtered_c, 4);
  }
  sum.constants +=
      places * again *
      (stage_constants(m, m.depthwise, m.filtered_c) + stage_constants(m, m.expand, m.mid_c));
  sum.constants += places * t.blocks_sums * stage_constants(m, m.project, m.k);

  if (t.walks) {
    // Once for each block that runs at once, wherever it works.
    const double share =
        std::min(1.0, 1.0 * t.blocks * device.cores / static_cast<double>(c.blocks));
    sum.constants *= share;
    if (t.stage_weights) sum.weights *= share;
  }

  const double run = std::min(t.outputs, m.k) * element;
  const double y = 1.0 * m.n * m.p * m.q * in_sectors(run, m.k * element) * m.k * element / run;
  sum.y = y * (m.residual == Residual::kNone ? 1 : 2);
  // Each leaves one multiprocessor and comes to another.
  sum.sums = 2 * places * (t.blocks_sums - 1) * 4.0 * t.warps_sums * c.pixels * m.k;
  return sum;
}

double memory_bytes(const Module& m) {
  const double element = m.bytes();
  const double y = element * m.n * m.k * m.p * m.q;
  double weights = 0;
  if (m.expand.present) weights += 1.0 * m.mid_c * m.c * element;
  if (m.project.present) weights += 1.0 * m.k * m.filtered_c * element;
  if (m.depthwise.present) weights += 4.0 * m.taps() * m.filtered_c;
  return element * m.n * m.c * m.h * m.w + weights + y * (m.residual == Residual::kNone ? 1 : 2);
}

}  // namespace convoy::fused_cuda
