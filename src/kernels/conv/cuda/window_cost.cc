#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/conv/cuda/window_tiles.h"

namespace convoy::conv_cuda {
namespace {

constexpr int kMostRegisters = 255;

// Registers of a thread beside its sums and operands: addresses, counters, places.
constexpr int kOtherRegisters = 26;

int registers_needed(const Tile& t, const TileSizes& z) {
  return t.q * t.k + round_up(z.window, z.load) + 2 * t.k + kOtherRegisters;
}

// Bytes of shared memory that the system keeps of every block.
constexpr std::int64_t kReservedShared = 1024;

// How many wavefronts one load of a warp's windows takes: the most words it asks of one bank.
int window_conflict(const Tile& t, const TileSizes& z) {
  std::array<int, 32> words{};
  const int segments = 32 / t.warp_k;
  for (int segment = 0; segment < segments; ++segment) {
    for (int i = 0; i < z.load; ++i) {
      ++words[static_cast<std::size_t>((segment * z.segment_pitch + i) % 32)];
    }
  }
  return *std::max_element(words.begin(), words.end());
}

}  // namespace

bool countable(const Problem& d, const Tile& t) {
  // Bounds from above, in floating point, of what sizes_of works out exactly.
  constexpr double kMost = 1 << 30;
  const double lanes = 4, extent = (t.rows - 1.0) * d.dilation_h + 1;
  const double rows = 1.0 * t.segments / t.row_segments + 2;  // of output, in a block
  const double window = ((t.q - 1.0) * d.stride_w + (d.s - 1.0) * d.dilation_w + 16) * lanes;
  const double row = t.row_segments * (1.0 * t.q * d.stride_w * lanes + window);
  const double plane = rows * (d.stride_h + extent) * row;
  const double filter = 1.0 * t.channels * t.rows * d.s * t.k_threads * t.k;
  const double image_rows = (d.p - 1.0) * d.stride_h + extent;
  // Rows below the image have offsets, too; sizes_of counts those above and inside.
  const double below = (image_rows - d.h - 2.0 * d.pad_top - 1) * d.w * d.c;
  const int row_stages = div_up(d.r, t.rows);
  return t.buffers * (t.channels * plane + filter) < kMost && d.n * image_rows < kMost &&
         row_stages <= kMostRowStages && below < static_cast<double>(1 << (31 - row_stages));
}

bool launchable(const Problem& d, const Tile& t, const TileSizes& z, const DeviceDesc& device) {
  const CudaDesc& gpu = device.cuda;
  const bool whole_warps = t.warp_k > 0 && 32 % t.warp_k == 0 && t.k_threads % t.warp_k == 0 &&
                           t.segments % (32 / t.warp_k) == 0;
  const bool whole_stages = t.channels % z.lanes == 0 && t.channels / z.lanes % t.split == 0 &&
                            (t.rows >= d.r || t.channels == z.lanes);
  return whole_warps && whole_stages && z.threads <= 1024 &&
         z.threads * t.blocks <= gpu.threads_multiprocessor && z.addressable &&
         z.blocks <= 0x7fffffff && z.shared_bytes <= gpu.shared_bytes_block &&
         (z.shared_bytes + kReservedShared) * t.blocks <= gpu.shared_bytes_multiprocessor;
}

bool feasible(const Problem& d, const Tile& t, const TileSizes& z, const DeviceDesc& device) {
  const std::int64_t most =
      device.cuda.registers_multiprocessor / (std::int64_t{z.threads} * t.blocks) / 8 * 8;
  return launchable(d, t, z, device) &&
         registers_needed(t, z) <= std::min<std::int64_t>(most, kMostRegisters);
}

double predict_seconds(const Problem& d, const Tile& t, const TileSizes& z,
                       const DeviceDesc& device) {
  // In issue slots of a thread.
  constexpr double kLoad = 0.52;         // a load from shared memory
  constexpr double kCopyRound = 37.6;    // one turn of the copying loop
  constexpr double kStage = 53.6;        // barrier and loop
  constexpr double kUnit = 41.1;         // working out where a unit of the table comes from
  constexpr double kOutput = 18.1;       // exchanging and storing an output
  constexpr double kBlock = 300;         // places, first addresses
  constexpr double kOddColumns = 1.011;  // more bank conflicts among registers
  // In cycles of a multiprocessor.
  constexpr double kWavefront = 1.32, kWavefrontAlways = 0.195;
  constexpr double kLatency = 555, kLaunch = 5000;
  // Share of issue slots that w warps per scheduler use: w / (kBusy w + kIdle).
  constexpr double kBusy = 1.054, kIdle = 0.783;

  const double channels = div_up(t.channels / z.lanes, t.split) * z.lanes;
  const int run = t.k % 4 == 0 ? 4 : t.k % 2 == 0 ? 2 : 1;
  const double fma = channels * t.rows * d.s * t.q * t.k * (t.q % 2 == 0 ? 1 : kOddColumns);
  const double window_loads = channels * t.rows * div_up(z.window, z.load) / z.lanes;
  const double filter_loads = channels * t.rows * d.s * t.k / run;
  const double wavefronts = window_loads * window_conflict(t, z) + filter_loads;
  const int rounds = div_up(z.units, z.threads);
  double stage = fma + kLoad * (window_loads + filter_loads) + kCopyRound * rounds;
  stage = std::max(stage, 4 * kWavefront * wavefronts) + kWavefrontAlways * wavefronts + kStage;
  const double edge = kUnit * rounds + kOutput * t.q * t.k / t.split + kBlock;

  const double warps = z.threads / 32.0 / 4;  // of a block, per scheduler
  const double most = std::ceil(static_cast<double>(z.blocks) / device.cores);
  const double registers =
      std::min<double>(kMostRegisters, std::max(40, round_up(registers_needed(t, z), 8)));
  const double fit =
      std::min({std::floor(static_cast<double>(device.cuda.registers_multiprocessor) /
                           (registers * z.threads)),
                std::floor(static_cast<double>(device.cuda.shared_bytes_multiprocessor) /
                           static_cast<double>(z.shared_bytes + kReservedShared)),
                std::floor(static_cast<double>(device.cuda.threads_multiprocessor) / z.threads)});
  const double resident = std::clamp(fit, 1.0, most);
  const auto wave = [&](double blocks) {
    const double w = blocks * warps;
    const double slowdown = kBusy * w + kIdle;  // w divided by the share of slots used
    return std::max(stage * slowdown, kLatency) * z.stages + edge * slowdown + kLatency;
  };
  const double full = std::floor(most / resident), rest = most - full * resident;
  const double cycles = full * wave(resident) + (rest > 0 ? wave(rest) : 0) + kLaunch;
  return cycles / device.cuda.clock_hz;
}

}  // namespace convoy::conv_cuda
