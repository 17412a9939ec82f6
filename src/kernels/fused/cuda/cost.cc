// The time of a block is that of its phases one after the other; a phase takes as long as the
// slowest of what it uses: the schedulers, the tensor cores, the ports of shared memory, L2, or the
// latency of the chain that one warp walks.
#include "kernels/fused/cuda/cost.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/fused/cuda/traffic.h"

namespace convoy::fused_cuda {
namespace {

// Fitted to 5,700 tiles of fused modules and 178 sequences of single convolutions measured on an
// H200 (docs/performance/planner.md), but for what is said to be the hardware's. In cycles, or in
// instructions of a warp.
constexpr double kLaunchSeconds = 0.75e-6;  // between kernels that may overlap, in a graph
constexpr double kStartCycles = 670;        // at least, until the first input is there
constexpr double kEndCycles = 470;          // from the last result to the next kernel's first input
constexpr double kMemoryLatency = 1200;     // a load from L2, others being under way
constexpr double kStepLatency = 7;          // a load from shared memory and the products of it
constexpr double kBarrierCycles = 606;      // a phase's begin and end
constexpr double kL2BytesPerCycle = 64;     // the port of a multiprocessor: the hardware's
constexpr double kL2AllBytesPerCycle = 37.9;  // and multiprocessor, when all of them read
constexpr double kOutShare = 2.2;             // of the port's time that results take
constexpr double kClusterCycles = 383;
// Of all multiprocessors, those that clusters of more than two blocks can be placed on: they do not
// divide the groups that a cluster must stay in. 128 blocks take two turns, 112 one.
constexpr double kClusterShare = 0.94;
constexpr double kRemoteBytesPerCycle = 8.3;
constexpr double kTensorMultiplies = 361;  // f16 multiply-adds a cycle and multiprocessor, mma.sync
constexpr double kWarpCycles = 1.7;        // of one instruction of a warp on its own
constexpr double kIssue = 0.81;            // of the schedulers' slots that can be filled
constexpr double kFmaIssue = 1.1;          // slots that a multiply-add of a product takes
constexpr double kPut = 30;                // to put one panel and tile where it is read next
constexpr double kConvertHalf = 8;         // for four inputs of a filter
constexpr double kConvertByte = 16.5;
constexpr double kFinishFloat = 21;  // for four results of a filter
constexpr double kFinishByte = 80;
constexpr double kStrip = 11.2;  // for a strip of them, beside
// On the tensor cores: counted in what the compiler makes of it, not fitted.
constexpr double kFilterGroup = 60;  // for a group of places, and again for its latency
constexpr double kFilterRow = 24;    // for the results of one row of them
constexpr double kStepChain = 33;    // cycles from one step to the next that adds to its sums
constexpr double kFilterMultiplies = 1215;  // multiply-adds a cycle and multiprocessor
constexpr double kFilterShared = 1.3;  // cycles of shared memory's ports over those of the loads
constexpr double kStoreQuad = 34;      // for four results of a project on their way to y
constexpr double kCopy = 7.4;          // for 16 bytes a lane on their way to shared memory
constexpr double kConflicts =
    1.1;  // cycles of shared memory's ports over those of a filter's bytes

struct Work {
  double instructions = 0;  // of all warps
  double shared = 0;        // cycles of shared memory's ports
  double tensor = 0;        // cycles of the tensor cores
  double latency = 0;       // of one warp
};

class BlockCost {
 public:
  BlockCost(const Module& m, const Tile& t, const Cut& c, double together, double l2_rate)
      : m_(m), t_(t), c_(c), together_(together), l2_rate_(l2_rate) {}

  // Cycles that a block spends once, however many places it works in.
  double once(double bytes_first) const { return start(bytes_first) + kEndCycles; }

  // Cycles of one block among `together` on its multiprocessor.
  double cycles(double bytes_first, double bytes_slice, double bytes_out) const {
    const double threads = t_.threads();
    double sum = start(bytes_first) + issue(bytes_first / 16 / 32 * kCopy);
    double work = 0;  // of one slice
    if (m_.expand.present) work += phase(expand()) + kBarrierCycles;
    if (m_.depthwise.present) work += phase(filter()) + kBarrierCycles;
    if (m_.project.present) work += phase(project());
    // The next one is fetched meanwhile.
    sum += work + (c_.block_slices - 1) * (std::max(work, kMemoryLatency + fetch(bytes_slice)) +
                                           issue(bytes_slice / 16 / 32 * kCopy) + kBarrierCycles);
    if (c_.sum_planes > 0) {
      const double quads = c_.pixels * t_.outputs / 4.0 / t_.blocks_sums;
      const double rounds = std::ceil(quads / threads);
      const double planes = static_cast<double>(c_.sum_planes) * t_.blocks_sums;
      sum += phase({.instructions = rounds * t_.warps() * (kStoreQuad + 6 * planes),
                    .shared = 1.0 * c_.sum_planes * c_.pixels * t_.outputs / 32 * 2,
                    .latency = rounds * (60 + 30 * planes)}) +
             2 * kBarrierCycles;
      if (t_.blocks_sums > 1) {
        sum += kClusterCycles + together_ * planes * quads * 16 / kRemoteBytesPerCycle;
      }
    }
    if (m_.project.present && direct(m_, t_)) {
      const double quads = 1.0 * c_.project_panels * c_.project_pixel_tiles *
                           (tile_pixels(m_.element) * kPanel / 32 / 4);
      sum += phase({.instructions = quads * t_.warps() * kStoreQuad,
                    .latency = quads * kStoreQuad * kWarpCycles});
    }
    return sum + kEndCycles + together_ * bytes_out / l2_rate_ * kOutShare;
  }

 private:
  double issue(double instructions) const { return together_ * instructions / 4 / kIssue; }
  double start(double bytes) const { return std::max(kStartCycles, fetch(bytes)); }
  double fetch(double bytes) const { return together_ * bytes / l2_rate_; }
  double phase(const Work& w) const {
    return std::max({w.latency, issue(w.instructions), together_ * w.shared, together_ * w.tensor});
  }

  Work product(int steps, int panels, int pixel_tiles) const {
    const bool fma = m_.element == Element::kF32, split = m_.element == Element::kF32Split;
    double instructions, shared;
    const double ahead = steps_ahead(m_.element, panels);
    if (fma) {
      instructions = kFmaIssue * pixel_tiles * (1 + 16.0 * panels) + 4.0 * panels;
      shared = 2.0 * pixel_tiles + (t_.stage_weights ? 8.0 * panels : 0);
    } else {
      instructions = pixel_tiles * (1 + 2.0 * panels) + 2.0 * panels;
      // Three instructions in place of one, four additions, and three for each word of an operand;
      // all of it 1.4 times for addresses and moves.
      if (split) instructions += 16.8 * pixel_tiles * panels + 16.8 * pixel_tiles + 16.8 * panels;
      shared = 4.0 * pixel_tiles + (t_.stage_weights ? 4.0 * panels : 0);
    }
    const double step_latency = t_.stage_weights ? kStepLatency : kMemoryLatency / ahead;
    const double multiplies = 1.0 * tile_pixels(m_.element) * kPanel * step_channels(m_.element);
    const double rate = kTensorMultiplies * (m_.element == Element::kS8 ? 2 : split ? 0.35 : 1);
    return {.instructions = steps * instructions * t_.warps(),
            .shared = steps * shared * t_.warps(),
            .tensor = fma ? 0 : steps * 1.0 * panels * pixel_tiles * multiplies / rate * t_.warps(),
            .latency = steps * std::max(instructions * kWarpCycles, step_latency) +
                       (t_.stage_weights ? 0 : kMemoryLatency)};
  }

  Work expand() const {
    Work w =
        product(ceil_div(m_.c, step_channels(m_.element)), c_.expand_panels, c_.expand_pixel_tiles);
    const double tiles = 1.0 * c_.expand_panels * c_.expand_pixel_tiles;
    const double put = kPut * tiles;
    w.instructions += put * t_.warps();
    w.latency += put * kWarpCycles + 50;
    w.shared += tiles * 4 * t_.warps();
    if (c_.input_slices > 1) w.latency += c_.input_slices * (kMemoryLatency + kBarrierCycles);
    return w;
  }

  Work project() const {
    const int steps = ceil_div(c_.middle, step_channels(m_.element));
    Work w = product(ceil_div(steps, t_.warps_sums), c_.project_panels, c_.project_pixel_tiles);
    return w;
  }

  Work filter() const {
    return fused_cuda::tensor_filter(m_, t_) ? filter_on_tensor_cores() : filter_by_multiply_adds();
  }

  // What depthwise_tensor.cuh does, instruction by instruction.
  Work filter_on_tensor_cores() const {
    const double walk = t_.strip_rows, taps = m_.taps();
    const double groups = ceil_div(c_.pixels / t_.strip_rows, 16);
    const double items = groups * c_.middle / 16;
    const double rounds = std::ceil(items / t_.warps());
    const double loads = m_.s * ((walk - 1) * m_.stride_h + m_.r);
    const double products = 2 * walk * m_.r * ceil_div(m_.s, 2);
    const double weights = m_.taps() <= 25 ? std::ceil(rounds / groups) : rounds * walk;
    const double item = loads + products + kFilterRow * walk + kFilterGroup;
    // Eight pixels that do not begin in different banks.
    const int pitch = m_.expand.present ? c_.halo_pitch : c_.input_pitch;
    std::array<int, 8> banks{};
    for (int place = 0; place < 8; ++place) {
      const int row = place / t_.columns * t_.strip_rows * m_.stride_h;
      const int pixel = row * c_.halo_columns + place % t_.columns * m_.stride_w;
      ++banks[static_cast<std::size_t>(pixel * (pitch / 16) % 8)];
    }
    const double conflicts = *std::max_element(banks.begin(), banks.end());
    const double multiplies = 16.0 * 8 * 8 * taps * 2 * walk / kFilterMultiplies;
    const double chain = (m_.r + walk - 1) * ceil_div(m_.s, 2) * kStepChain;
    return {.instructions = items * item + t_.warps() * weights * 2 * taps,
            .shared = items * (kFilterShared * 4 * conflicts * loads + 4 * walk) +
                      t_.warps() * weights * 2 * taps,
            .tensor = items * multiplies,
            .latency = rounds * (std::max(item * kWarpCycles, chain) + kFilterGroup) +
                       weights * 2 * taps * kWarpCycles + 100};
  }

  Work filter_by_multiply_adds() const {
    const double threads = t_.threads(), quads = c_.middle / 4;
    const double groups = std::max(1.0, std::floor(threads / quads));
    const double strips = 1.0 * c_.pixels / (t_.strip * t_.strip_rows);
    const double rounds = std::ceil(strips / groups) * std::ceil(quads / threads);
    const double size = m_.bytes();
    const double converted = size == 4 ? 0 : size == 2 ? kConvertHalf : kConvertByte;
    const double inputs =
        ((t_.strip_rows - 1.0) * m_.stride_h + m_.r) * ((t_.strip - 1.0) * m_.stride_w + m_.s);
    const double outputs = 1.0 * t_.strip * t_.strip_rows;
    const double weights = m_.taps() <= 9 ? 0 : m_.taps() * t_.strip_rows;
    const double instructions = inputs * (1 + converted) + weights + 4.0 * m_.taps() * outputs +
                                outputs * (size == 1 ? kFinishByte : kFinishFloat) + kStrip;
    const double shared = kConflicts * (inputs * size + weights * 4 + outputs * size);
    return {.instructions = rounds * instructions * t_.warps(),
            .shared = rounds * shared * t_.warps(),
            .latency = rounds * (instructions * kWarpCycles + 60) + 100};
  }

  const Module& m_;
  const Tile& t_;
  const Cut& c_;
  double together_;
  double l2_rate_;  // bytes a cycle
};

}  // namespace

Estimate estimate(const Module& m, const Tile& t, const Cut& c, const DeviceDesc& device) {
  const double element = m.bytes(), blocks = static_cast<double>(c.blocks);
  // Bytes that one block reads and writes. What x it reads is within the map.
  const double halo = 1.0 * std::min(c.halo_rows, m.h) * std::min(c.halo_columns, m.w);
  const double slices = m.project.present ? static_cast<double>(c.block_slices) : 1;
  const double x_slice = m.expand.present ? (c.input_slices > 1 ? halo * m.c * element : 0)
                                          : halo * c.middle_in * element;
  const double weights_slice = (m.expand.present ? 1.0 * c.middle_in * m.c * element : 0) +
                               (m.project.present ? 1.0 * t.outputs * c.middle * element : 0) +
                               (m.depthwise.present ? 4.0 * c.middle * m.taps() : 0);
  const double x_once = m.expand.present && c.input_slices == 1 ? halo * m.c * element : 0;
  const double y_block = 1.0 * c.pixels * std::min(t.outputs, m.k) * element / t.blocks_sums *
                         (m.residual == Residual::kNone ? 1 : 2);

  Estimate e;
  e.bytes_l2 = traffic(m, t, c, device).l2();
  e.bytes_dram = memory_bytes(m);
  const double expand = m.expand.present ? 1.0 * c.halo_pixels * c.middle_in * m.c * slices : 0;
  const double filter = m.depthwise.present ? 1.0 * c.pixels * c.middle * m.taps() * slices : 0;
  const double project = m.project.present ? 1.0 * c.pixels * t.outputs * c.middle * slices : 0;
  e.flops = 2 * blocks * (expand + filter + project);

  const CudaDesc& gpu = device.cuda;
  const double fit = std::floor(std::min(
      {static_cast<double>(gpu.shared_bytes_multiprocessor) / (c.shared_bytes + 1024.0),
       static_cast<double>(gpu.threads_multiprocessor) / t.threads(),
       std::max(1.0 * t.blocks, std::floor(gpu.registers_multiprocessor / (96.0 * t.threads())))}));
  const double places =
      t.blocks_sums > 2
          ? std::max(1.0, std::floor(kClusterShare * device.cores / t.blocks_sums)) * t.blocks_sums
          : device.cores;
  const double each = std::ceil(blocks / places);  // blocks of one multiprocessor
  const double together = std::min(std::max(1.0, fit), each);
  const double rounds = std::ceil(each / together);
  // Only what is staged is fetched ahead; the rest is in the latency of the products.
  const double staged = t.stage_weights ? weights_slice : 4.0 * c.middle * m.taps();
  const double busy = std::min(1.0, blocks / device.cores);
  const double l2_rate = std::min(kL2BytesPerCycle, kL2AllBytesPerCycle / busy);
  const BlockCost block(m, t, c, together, l2_rate);
  double cycles = rounds * block.cycles(x_once + x_slice + staged, x_slice + staged, y_block);
  if (t.walks) cycles -= (rounds - 1) * block.once(x_once + x_slice + staged);
  cycles = std::max(cycles, e.bytes_l2 / (device.cores * kL2AllBytesPerCycle));
  e.seconds = kLaunchSeconds + cycles / gpu.clock_hz;
  if (e.bytes_dram > static_cast<double>(device.l2_bytes)) {
    e.seconds = std::max(e.seconds, e.bytes_dram / (0.85 * device.bytes_per_second));
  }
  return e;
}

}  // namespace convoy::fused_cuda
