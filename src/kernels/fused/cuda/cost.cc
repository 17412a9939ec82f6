#include "kernels/fused/cuda/cost.h"

#include <algorithm>
#include <cmath>

namespace convoy::fused_cuda {

Estimate estimate(const Module& m, const Tile& t, const Cut& c, const DeviceDesc& device) {
  const double element = m.bytes(), blocks = static_cast<double>(c.blocks);
  const double slices_in = m.project.present ? m.filtered_c : t.outputs;
  const double middle_in = slices_in / m.multiplier();
  // Bytes of one block.
  const double halo_h = std::min(c.halo_rows, m.h), halo_w = std::min(c.halo_columns, m.w);
  const double channels = m.expand.present ? m.c : middle_in;
  const double times =
      m.expand.present && c.input_slices > 1 && m.project.present ? c.middle_slices : 1;
  const double in = halo_h * halo_w * channels * element * times;
  const double out = static_cast<double>(c.pixels) * std::min(t.outputs, m.k) * element *
                     (m.residual == Residual::kNone ? 1 : 2);
  double weights = 0;
  if (m.expand.present) weights += middle_in * m.c * element;
  if (m.depthwise.present) weights += slices_in * m.r * m.s * 4.0;
  if (m.project.present) weights += 1.0 * t.outputs * m.filtered_c * element;
  // Multiply-adds of one block.
  const double expand_pixels =
      c.expand_pixel_tiles * t.expand_warps_pixels * static_cast<double>(kPixels);
  const double expand =
      m.expand.present ? expand_pixels * round_up(static_cast<int>(middle_in), kPanel) * m.c : 0;
  const double filter = m.depthwise.present ? c.pixels * slices_in * m.r * m.s : 0;
  const double project_pixels =
      c.project_pixel_tiles * t.warps_pixels * static_cast<double>(kPixels);
  const double project = m.project.present ? project_pixels * t.outputs * m.filtered_c : 0;

  Estimate e;
  e.flops = 2 * blocks * (expand + filter + project);
  e.bytes_l2 = blocks * (in + out + weights);
  const double once =
      element * (1.0 * m.n * m.c * m.h * m.w +
                 (m.residual == Residual::kNone ? 1.0 : 2.0) * m.n * m.k * m.p * m.q);
  e.bytes_dram = once;

  const double clock = device.cuda.clock_hz;
  const double multiprocessors = device.cores;
  const double resident = std::max(
      1.0, std::min({std::floor(static_cast<double>(device.cuda.shared_bytes_multiprocessor) /
                                (c.shared_bytes + 1024.0)),
                     std::floor(1.0 * device.cuda.threads_multiprocessor / t.threads()),
                     static_cast<double>(t.blocks)}));
  const double waves = std::ceil(blocks / (multiprocessors * resident));
  const double per_multiprocessor = std::ceil(blocks / multiprocessors);
  // Multiply-adds a cycle of one multiprocessor: FMA, or tensor cores through mma.sync.
  const bool fma = m.element == Element::kF32;
  const double product_rate = fma ? 90 : m.element == Element::kS8 ? 1600 : 800;
  const double filter_rate = fma ? 60 : 50;
  const double arithmetic = (expand + project) / product_rate + filter / filter_rate;
  const double warps_active = std::min(1.0, t.warps() * resident / 8.0);
  const double traffic = (in + out + weights) / 28.0;  // bytes a cycle and multiprocessor from L2
  // A block alone waits for its input, then its weights, then its barriers.
  const double latency =
      1500 + 900.0 * c.middle_slices + 600.0 * (c.input_slices > 1 ? c.input_slices : 0);
  const double cycles = std::max({per_multiprocessor * arithmetic / warps_active,
                                  per_multiprocessor * traffic, waves * latency}) +
                        0.3 * waves * latency + 0.3 * per_multiprocessor * traffic;
  constexpr double kLaunch = 1.2e-6;
  e.seconds = kLaunch + std::max(cycles / clock,
                                 e.bytes_dram > 50e6 ? e.bytes_dram / device.bytes_per_second : 0);
  return e;
}

}  // namespace convoy::fused_cuda
