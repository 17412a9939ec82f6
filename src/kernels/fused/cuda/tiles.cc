// Which tiles there are, whether a device has room for one, and which seem best.
#include <algorithm>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "kernels/fused/cuda/cost.h"
#include "kernels/fused/cuda/describe.h"
#include "kernels/fused/cuda/module.h"

namespace convoy::fused_cuda {
namespace {

int granularity(const Module& m) {
  // A slice begins with whole panels before the depthwise and, for a project, with a whole step.
  const int panels = kPanel * m.multiplier();
  return m.project.present ? std::lcm(panels, step_channels(m.element)) : panels;
}

int strip_of(int columns, int most) {
  for (int strip = std::min(columns, most); strip > 1; --strip) {
    if (columns % strip == 0) return strip;
  }
  return 1;
}

// Extents of a block along one axis: of those that differ by less than a quarter the one that
// reaches least past the map, and of those the one with the longest strips.
std::vector<int> extents(int whole) {
  constexpr int kMost = 32;
  std::vector<int> found;
  std::pair<int, int> best;  // how far past the map it reaches, and less its strip
  for (int extent = 1; extent <= std::min(whole, kMost); ++extent) {
    const std::pair<int, int> rank{round_up(whole, extent), -strip_of(extent, 8)};
    if (found.empty() || extent * 4 >= found.back() * 5 + 4) {
      found.push_back(extent);
      best = rank;
    } else if (rank < best) {
      found.back() = extent;
      best = rank;
    }
  }
  return found;
}

// Rows of a strip on the tensor cores: the most of those that use at least three quarters of the
// share of the 16 places of a group that the best of them does.
int walk_of(int rows, int columns) {
  int found = 1;
  double most = 0;
  for (const int walk : {1, 2, 4, 7}) {
    if (rows % walk != 0) continue;
    const int places = rows / walk * columns;
    const double used = 1.0 * places / round_up(places, 16);
    most = std::max(most, used);
    if (used >= 0.75 * most) found = walk;
  }
  return found;
}

// Channels of a slice: all, or a power of two (times the unit); with `between`, halves between,
// too.
std::vector<int> slices(int channels, int unit, int most, bool between) {
  std::set<int> found;
  const int all = round_up(channels, unit);
  if (all <= most) found.insert(all);
  for (int size = unit; size < all && size <= most; size *= 2) {
    found.insert(size);
    if (between && size % (2 * unit) == 0 && size * 3 / 2 < all) found.insert(size * 3 / 2);
  }
  return {found.begin(), found.end()};
}

class Candidates {
 public:
  Candidates(const Module& module, const DeviceDesc& device) : m_(module), device_(device) {}

  std::vector<Tile> ranked() {
    for (const int columns : extents(m_.q)) {
      for (const int rows : extents(m_.p)) {
        // Blocks that reach past the map work for nothing there.
        const double covered =
            1.0 * ceil_div(m_.p, rows) * rows * ceil_div(m_.q, columns) * columns;
        if (rows * columns > kMostPixels || covered > 1.35 * m_.p * m_.q) continue;
        tile_.rows = rows, tile_.columns = columns;
        add_strips();
      }
    }
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Found& a, const Found& b) { return a.seconds < b.seconds; });
    std::vector<Tile> tiles;
    for (const Found& one : found_) tiles.push_back(one.tile);
    return tiles;
  }

 private:
  static constexpr int kMostPixels = 256;
  static constexpr int kRounds = 6;  // of blocks, from which on walking is worth a look
  struct Found {
    Tile tile;
    double seconds;
  };

  void add_strips() {
    tile_.strip = tile_.strip_rows = 1;
    const bool tensor = fused_cuda::tensor_filter(m_, tile_);
    if (tensor) {
      tile_.strip_rows = walk_of(tile_.rows, tile_.columns);
      add_outputs();
    }
    tile_.strip_rows = 1;
    if (m_.depthwise.present) {
      tile_.strip = strip_of(tile_.columns, m_.taps() > 9 ? 4 : 8);
      if (tensor && tile_.strip == 1) return;
      add_outputs();
      if (m_.taps() > 9 || tile_.rows % 2 != 0) return;
      tile_.strip_rows = 2;
    }
    add_outputs();
  }

  void add_outputs() {
    const int unit = granularity(m_);
    for (const int outputs : slices(m_.k, m_.project.present ? kPanel : unit, 256, true)) {
      tile_.outputs = outputs;
      if (!m_.project.present) {
        tile_.middle = outputs;
        add_inputs();
        continue;
      }
      for (const int middle : slices(m_.filtered_c, unit, 1024, false)) {
        tile_.middle = middle;
        add_inputs();
      }
    }
  }

  void add_inputs() {
    if (!m_.expand.present) {
      tile_.inputs = tile_.middle;
      add_warps();
      return;
    }
    const int unit = step_channels(m_.element);
    for (const int inputs : slices(m_.c, std::max(unit, 128), 512, false)) {
      tile_.inputs = std::min(inputs, round_up(m_.c, unit));
      add_warps();
      // More of x at a time than all of it there is not, and less only where all does not fit.
      if (tile_.inputs >= m_.c) break;
    }
  }

  void add_warps() {
    const int pixel_tiles = ceil_div(tile_.rows * tile_.columns, tile_pixels(m_.element));
    for (const int warps : {4, 8, 16}) {
      if (!m_.project.present) {
        tile_.warps_pixels = tile_.warps_outputs = 1;
        tile_.warps_sums = warps;
        add_expand_warps();
        continue;
      }
      for (int pixels = 1; pixels <= std::min(warps, pixel_tiles); pixels *= 2) {
        for (int outputs = 1; outputs * pixels <= warps && outputs * kPanel <= tile_.outputs;
             outputs *= 2) {
          tile_.warps_pixels = pixels, tile_.warps_outputs = outputs;
          tile_.warps_sums = warps / (pixels * outputs);
          if (tile_.warps_sums > 8) continue;
          add_expand_warps();
        }
      }
    }
  }

  // The split of the warps that leaves them the least to do, and the fewest reading one panel.
  void add_expand_warps() {
    tile_.expand_warps_pixels = 1;
    if (m_.expand.present) {
      int least = 0;
      for (int pixels = 1; pixels <= tile_.warps(); pixels *= 2) {
        Tile t = tile_;
        t.expand_warps_pixels = pixels;
        const Cut c = cut(m_, t);
        const int work = c.expand_panels * (c.expand_pixel_tiles + 1);
        if (least == 0 || work < least) {
          least = work;
          tile_.expand_warps_pixels = pixels;
        }
      }
    }
    const int shares = m_.project.present ? ceil_div(m_.filtered_c, tile_.middle) : 1;
    for (const int share : {1, 2, 4, 8}) {
      // A cluster is for problems with fewer blocks than multiprocessors.
      if (share > shares) break;
      tile_.blocks_sums = share;
      if (share > 1 && cut(m_, tile_).blocks > 2 * device_.cores) break;
      for (const bool stage : {false, true}) {
        tile_.stage_weights = stage;
        for (const bool walks : {false, true}) {
          if (walks && cut(m_, tile_).blocks < kRounds * device_.cores) break;
          tile_.walks = walks;
          add();
        }
        tile_.walks = false;
      }
    }
  }

  // With as many blocks on a multiprocessor as it has room for.
  void add() {
    Found found{tile_, -1};
    for (const int blocks : {1, 2, 3, 4}) {
      tile_.blocks = blocks;
      const TileReport r = judge(m_, tile_, device_);
      if (!r.reason.empty()) break;
      found = {tile_, r.estimate.seconds};
      if (r.blocks <= blocks * device_.cores) break;
    }
    if (found.seconds >= 0) found_.push_back(found);
  }

  const Module& m_;
  const DeviceDesc& device_;
  Tile tile_;
  std::vector<Found> found_;
};

// Registers of one thread, roughly: a little more than the compiler was seen to take.
int registers_needed(const Module& m, const Tile& t, const Cut& c) {
  const auto product = [&](int panels, int tiles) {
    const bool fma = m.element == Element::kF32, split = m.element == Element::kF32Split;
    const int weights = t.stage_weights
                            ? panels * (fma ? 8 : 4)
                            : panels * (fma ? 16 : 4) * (1 + steps_ahead(m.element, panels));
    // Both parts of weights and of two tiles' pixels, and sums of steps under way.
    const int parts = split ? 16 * panels + 24 : 0;
    const int sums = tile_pixels(m.element) * kPanel / 32;
    return sums * panels * tiles + weights + parts + (fma ? 4 * tiles : 8) + 2 * panels;
  };
  int most = 0;
  if (m.expand.present) most = std::max(most, product(c.expand_panels, c.expand_pixel_tiles) + 10);
  if (tensor_filter(m, t)) {
    // Of two eights: sums of as many rows as one of the halo meets, two of those rows, weights.
    const int rows = std::min(t.strip_rows, m.r), weights = m.taps() <= 25 ? m.taps() : 4;
    most = std::max(most, 8 * rows + 8 * m.s + 2 * weights + (m.project.present ? 30 : 4));
  } else if (m.depthwise.present) {
    const int weights = 4 * (m.taps() <= 9 ? m.taps() : m.s);
    const int outputs = t.strip * t.strip_rows;
    most = std::max(most, weights + 4 * outputs + 4 * std::min(outputs + m.s, 8) + 16);
  }
  // A project's sums stay while the stages before it are at work.
  const int held = m.project.present ? tile_pixels(m.element) * kPanel / 32 * c.project_panels *
                                           c.project_pixel_tiles
                                     : 0;
  most = std::max(held + most,
                  m.project.present ? product(c.project_panels, c.project_pixel_tiles) : 0);
  return most + 36;
}

// All that tiles and their estimates depend on.
std::string device_text(const DeviceDesc& device) {
  const CudaDesc& gpu = device.cuda;
  std::ostringstream text;
  text.precision(17);
  text << gpu.arch << ' ' << gpu.compute_major << ' ' << gpu.shared_bytes_block << ' '
       << gpu.shared_bytes_multiprocessor << ' ' << gpu.registers_multiprocessor << ' '
       << gpu.threads_multiprocessor << ' ' << gpu.clock_hz << ' ' << device.cores << ' '
       << device.l2_bytes << ' ' << device.bytes_per_second;
  return text.str();
}

}  // namespace

TileReport judge(const Module& m, const Tile& t, const DeviceDesc& device) {
  TileReport r;
  const auto refuse = [&](std::string why) {
    r.reason = std::move(why);
    return r;
  };
  const auto positive = {
      t.rows,         t.columns,       t.outputs,    t.middle,      t.inputs,
      t.warps_pixels, t.warps_outputs, t.warps_sums, t.blocks_sums, t.expand_warps_pixels,
      t.strip,        t.strip_rows,    t.blocks};
  if (std::any_of(positive.begin(), positive.end(), [](int v) { return v < 1 || v > 4096; })) {
    return refuse("has sizes outside 1 to 4096");
  }
  const int unit = granularity(m);
  if (m.project.present ? t.outputs % kPanel != 0 || t.middle % unit != 0
                        : t.outputs % unit != 0 || t.middle != t.outputs) {
    return refuse("needs slices of " + std::to_string(unit) + " channels");
  }
  if (m.expand.present && t.inputs % step_channels(m.element) != 0) {
    return refuse("needs inputs in steps of " + std::to_string(step_channels(m.element)));
  }
  if (t.columns % t.strip != 0 || t.rows % t.strip_rows != 0) {
    return refuse("needs strips that divide its rows and columns");
  }
  if (t.warps() > 32 || t.warps() % t.expand_warps_pixels != 0) {
    return refuse("needs at most 32 warps, shared evenly by the expand");
  }
  if (!m.project.present && (t.warps_pixels != 1 || t.warps_outputs != 1)) {
    return refuse("has no project whose warps could share pixels or outputs");
  }
  if (t.blocks_sums > 8 || (t.blocks_sums > 1 && device.cuda.compute_major < 9)) {
    return refuse("needs clusters of at most 8 blocks, and more than one from sm_90 on");
  }
  if (t.blocks_sums > (m.project.present ? ceil_div(m.filtered_c, t.middle) : 1)) {
    return refuse("has fewer slices of channels than blocks that share them");
  }
  if (t.walks && (!direct(m, t) || (m.project.present && t.middle < m.filtered_c) ||
                  (m.expand.present && t.inputs < m.c))) {
    return refuse("has slices of channels, or sums that pass shared memory: blocks cannot walk");
  }
  if (t.stage_weights && !m.expand.present && !m.project.present) {
    return refuse("has no pointwise whose weights it could stage");
  }
  // Sizes are worked out in ints; what is refused by them is far too large for any device.
  const double halo = (1.0 * t.rows * m.stride_h + 1.0 * m.r * m.dilation_h) *
                      (1.0 * t.columns * m.stride_w + 1.0 * m.s * m.dilation_w);
  if (halo * (t.middle + t.inputs + t.outputs) * 8 * t.warps_sums > 1e9) {
    return refuse("is too large for any device");
  }
  const Cut c = cut(m, t);
  r.blocks = c.blocks;
  r.walking_slices = t.walks ? c.slices : 0;
  r.threads = t.threads();
  r.shared_bytes = c.shared_bytes;
  if (c.blocks > 0x7fffffff) return refuse("has more blocks than a grid");
  if (c.shared_bytes > device.cuda.shared_bytes_block) {
    return refuse("needs " + std::to_string(c.shared_bytes) +
                  " bytes of shared memory, a block has " +
                  std::to_string(device.cuda.shared_bytes_block));
  }
  constexpr std::int64_t kReserved = 1 << 10;  // of each block, by the driver
  if (t.blocks * (c.shared_bytes + kReserved) > device.cuda.shared_bytes_multiprocessor ||
      t.blocks * r.threads > device.cuda.threads_multiprocessor) {
    return refuse("does not fit " + std::to_string(t.blocks) + " times on a multiprocessor");
  }
  const int registers = std::min<int>(
      255, static_cast<int>(device.cuda.registers_multiprocessor / (t.blocks * r.threads)));
  r.registers = registers_needed(m, t, c);
  if (r.registers > registers) {
    return refuse("needs some " + std::to_string(r.registers) + " registers a thread, there are " +
                  std::to_string(registers));
  }
  r.estimate = estimate(m, t, c, device);
  return r;
}

TileReport report(const FusedProblem& problem, const Tile& tile, const DeviceDesc& device) {
  return judge(describe(problem), tile, device);
}

std::vector<Tile> candidate_tiles(const FusedProblem& problem, const DeviceDesc& device) {
  if (!supports(problem, device)) return {};
  const Module module = describe(problem);
  // Whoever plans asks for one problem several times on end: whether there is a tile, which are the
  // best, for pwdw and for pwdw_r.
  struct Last {
    std::string key;
    std::vector<Tile> tiles;
  };
  static thread_local Last last;
  std::string key = constants(module, {}) + device_text(device);
  if (key != last.key) last = {std::move(key), Candidates(module, device).ranked()};
  return last.tiles;
}

}  // namespace convoy::fused_cuda
