#include "kernels/conv/cuda/window_tiles.h"

#include <algorithm>
#include <string>

#include "kernels/conv/cuda/tuned_tiles.h"

namespace convoy::conv_cuda {
namespace {

// Register tiles: q and k.
std::vector<Tile> register_tiles(const Problem& d) {
  std::vector<Tile> tiles;
  for (int q = 1; q <= min_of(16, d.q); ++q) {
    const int computed = div_up(d.q, q) * q;
    if ((q < 4 && d.q >= 4) || 16 * computed > 19 * d.q) continue;  // mostly loads; mostly wasted
    for (const int k : {1, 2, 4, 8, 12, 16}) {
      const bool too_wide = k > 1 && k / 2 >= d.group_k();
      const bool too_small = q * k < 40 && d.group_k() >= 16 && d.q >= 4;
      if (too_wide || too_small || q * k > 128) continue;
      tiles.push_back(Tile{.q = q, .k = k, .k_threads = 1, .segments = 32, .warp_k = 1});
    }
  }
  return tiles;
}

// How a block's threads are laid out, and the columns of blocks.
void with_threads(const Problem& d, const Tile& base, std::vector<Tile>& tiles) {
  const int segments = div_up(d.q, base.q);
  for (const int k_threads : {1, 2, 4, 6, 8, 12, 16}) {
    const int covered = round_up(d.group_k(), base.k * k_threads);
    if (k_threads > 1 && 4 * covered > 5 * round_up(d.group_k(), base.k)) continue;
    for (const int warp_k : {1, 2, 4, 8}) {
      if (k_threads % warp_k != 0 || (k_threads >= 4 && warp_k == 1)) continue;
      for (const int threads : {64, 96, 128, 192, 256, 320, 384}) {
        if (threads % k_threads != 0 || threads / k_threads % (32 / warp_k) != 0) continue;
        for (const int columns : {1, 2, 4, 8}) {
          const int row_segments = div_up(segments, columns);
          if (columns > 1 && (row_segments < 2 || 24 * row_segments * columns > 25 * segments)) {
            continue;
          }
          Tile tile = base;
          tile.k_threads = k_threads;
          tile.warp_k = warp_k;
          tile.segments = threads / k_threads;
          tile.row_segments = row_segments;
          tiles.push_back(tile);
        }
      }
    }
  }
}

int lanes_of(const Problem& d) { return d.x_layout == Layout::kNhwc ? min_of(d.group_c(), 4) : 1; }

// What a stage holds.
void with_stages(const Problem& d, const Tile& base, std::vector<Tile>& tiles) {
  const int lanes = lanes_of(d);
  const auto add = [&](int planes, int split, int rows) {
    for (const bool separate : {false, true}) {
      Tile tile = base;
      tile.channels = planes * lanes;
      tile.split = split;
      tile.rows = rows;
      tile.separate_windows = separate;
      tiles.push_back(tile);
    }
  };
  for (const int planes : {1, 2, 3, 4, 8, 16}) {
    if (planes > 1 && planes * lanes >= d.group_c() + lanes) continue;
    if (planes == 3 && d.group_c() != 3) continue;
    add(planes, 1, d.r);
    if (planes % 2 == 0 && base.k_threads * base.segments <= 320) add(planes, 2, d.r);
  }
  for (int parts = 2; parts <= 4 && parts < d.r; ++parts) add(1, 1, div_up(d.r, parts));
  if (d.r > 4) add(1, 1, 1);
}

// As many blocks on a multiprocessor as fit, and one fewer, whose threads have more registers.
void with_blocks(const Problem& d, Tile tile, const DeviceDesc& device,
                 std::vector<RankedTile>& ranked) {
  if (!countable(d, tile)) return;
  const TileSizes z = sizes_of(d, tile);
  int found = 0;
  for (tile.blocks = 8; tile.blocks >= 1 && found < 2; --tile.blocks) {
    if (!feasible(d, tile, z, device)) continue;
    ranked.push_back({tile, predict_seconds(d, tile, z, device)});
    ++found;
  }
}

}  // namespace

Problem window_problem(const ConvProblem& problem) {
  const ConvDesc& d = problem.desc;
  const auto i = [](std::int64_t extent) { return static_cast<int>(extent); };
  const auto layout = [](convoy::Layout l) {
    return l == convoy::Layout::kNhwc ? Layout::kNhwc : Layout::kNchw;
  };
  return {.n = i(d.n),
          .c = i(d.c),
          .h = i(d.h),
          .w = i(d.w),
          .k = i(d.k),
          .r = i(d.r),
          .s = i(d.s),
          .p = i(d.p()),
          .q = i(d.q()),
          .stride_h = i(d.stride_h),
          .stride_w = i(d.stride_w),
          .dilation_h = i(d.dilation_h),
          .dilation_w = i(d.dilation_w),
          .pad_top = i(d.pad_top),
          .pad_left = i(d.pad_left),
          .groups = i(d.groups),
          .x_layout = layout(problem.x_layout),
          .y_layout = layout(problem.y_layout)};
}

std::vector<Tile> least_tiles(const Problem& problem) {
  std::vector<Tile> tiles;
  for (const int parts : {1, 4, kMostRowStages}) {
    tiles.push_back({.q = 1,
                     .k = 1,
                     .k_threads = 1,
                     .segments = 32,
                     .row_segments = 1,
                     .warp_k = 1,
                     .channels = lanes_of(problem),
                     .rows = div_up(problem.r, parts),
                     .blocks = 1});
  }
  return tiles;
}

std::vector<RankedTile> rank_tiles(const Problem& problem, const DeviceDesc& device,
                                   std::size_t count) {
  std::vector<RankedTile> ranked;
  std::vector<Tile> threads, stages;
  for (const Tile& tile : register_tiles(problem)) with_threads(problem, tile, threads);
  for (const Tile& tile : threads) with_stages(problem, tile, stages);
  for (const Tile& tile : least_tiles(problem)) stages.push_back(tile);
  for (const Tile& tile : stages) with_blocks(problem, tile, device, ranked);
  count = std::min(count, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count),
                    ranked.end(),
                    [](const RankedTile& a, const RankedTile& b) { return a.seconds < b.seconds; });
  ranked.resize(count);
  return ranked;
}

std::optional<Tile> choose_tile(const ConvProblem& problem, const DeviceDesc& device) {
  if (const std::optional<Tile> tuned = tuned_tile(problem, device)) return tuned;
  const std::vector<RankedTile> best = rank_tiles(window_problem(problem), device, 1);
  if (best.empty()) return std::nullopt;
  return best[0].tile;
}

}  // namespace convoy::conv_cuda
