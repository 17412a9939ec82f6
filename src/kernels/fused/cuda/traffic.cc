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

// Sectors that runs of `bytes` touch whose beginnings lie `pitch` bytes apart; in bytes.
double in_sectors(double bytes, double pitch) {
  if (bytes >= pitch) return bytes;  // the next run goes on where this one ends
  const double touched = std::ceil(bytes / kSector) * kSector;
  // A run that begins anywhere in a sector touches one more about as often as it is longer.
  const bool aligned = std::fmod(bytes, kSector) == 0 && std::fmod(pitch, kSector) == 0;
  return aligned ? bytes : std::max(touched, bytes + kSector / 2);
}

double stage_constants(const Module& m, const Stage& stage, int channels) {
  const int values = (stage.bias ? 1 : 0) + (m.element == Element::kS8 ? 1 : 0);
  return stage.present ? 4.0 * values * channels : 0;
}

}  // namespace

Traffic traffic(const Module& m, const Tile& t, const Cut& c) {
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
    sum.x = pixels * line * times;
  } else {
    const double run = std::min(c.middle_in, m.c) * element;
    sum.x = pixels * again * in_sectors(run, line) * line / run;
  }

  if (m.expand.present) {
    sum.weights += places * again * ceil_div(m.mid_c, kPanel) * panel_bytes(m.element, m.c);
  }
  if (m.project.present) {
    sum.weights += places * ceil_div(m.k, kPanel) * panel_bytes(m.element, m.filtered_c);
  }
  if (m.depthwise.present) {
    sum.constants += places * again * m.taps() * 4.0 * round_up(m.filtered_c, 4);
  }
  sum.constants +=
      places * again *
      (stage_constants(m, m.depthwise, m.filtered_c) + stage_constants(m, m.expand, m.mid_c));
  sum.constants += places * t.blocks_sums * stage_constants(m, m.project, m.k);

  const double run = std::min(t.outputs, m.k) * element;
  const double y = 1.0 * m.n * m.p * m.q * in_sectors(run, m.k * element) * m.k * element / run;
  sum.y = y * (m.residual == Residual::kNone ? 1 : 2);
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
