#include "kernels/fused/cpu_tiles.h"

#include <algorithm>
#include <cmath>

#include "kernels/simd/gemm.h"

namespace convoy {
namespace {

constexpr std::int64_t kLineFloats = 64 / sizeof(float);
constexpr std::int64_t kSetFloats = 128;  // pixels this far apart crowd a few sets of L1

// Tiles are chosen for so many threads, however many there are, lest sums depend on that.
constexpr int kThreads = 4;

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t pitch_of(std::int64_t channels) {
  const std::int64_t lines = ceil_div(channels, kLineFloats) * kLineFloats;
  return lines % kSetFloats == 0 ? lines + kLineFloats : lines;
}

bool recomputes(CpuModule module) {
  return module == CpuModule::kPwDwR || module == CpuModule::kPwDwPw;
}

// The extent in about so many parts, and no part smaller than `least`.
std::vector<std::int64_t> parts_of(std::int64_t extent, std::initializer_list<std::int64_t> counts,
                                   std::int64_t least) {
  std::vector<std::int64_t> parts;
  for (const std::int64_t count : counts) {
    const std::int64_t part = std::min(extent, std::max(least, ceil_div(extent, count)));
    if (std::find(parts.begin(), parts.end(), part) == parts.end()) parts.push_back(part);
  }
  return parts;
}

std::vector<std::int64_t> channel_slices(const CpuStages& stages) {
  std::vector<std::int64_t> slices{stages.channels};
  for (const std::int64_t slice : {32, 48, 96, 192}) {
    if (slice < stages.channels) slices.push_back(slice);
  }
  return slices;
}

}  // namespace

std::string to_string(const CpuTile& tile) {
  return std::to_string(tile.rows) + "x" + std::to_string(tile.columns) + " step " +
         std::to_string(tile.step) + " of " + std::to_string(tile.channels) + " channels";
}

CpuStages::CpuStages(const FusedProblem& problem) {
  for (const FusedStage& stage : problem.stages) {
    if (stage.is_depthwise()) {
      depthwise = &stage;
    } else if (&stage == &problem.stages.back()) {
      project = &stage;
    } else {
      expand = &stage;
    }
  }
  channels = problem.first().k;
  images = problem.last().n, rows = problem.last().p(), columns = problem.last().q();
  if (!depthwise) {
    columns *= images * rows;
    images = rows = 1;
  }
}

CpuScratch::CpuScratch(const CpuStages& stages, const CpuTile& tile)
    : pitch(pitch_of(tile.channels)) {
  if (stages.project) tile_pixels = tile.step * tile.columns;
  if (stages.expand && stages.depthwise) {
    const ConvDesc& d = stages.depthwise->desc;
    ring_rows = std::min(d.h, (tile.step - 1) * d.stride_h + d.dilation_h * (d.r - 1) + 1);
    ring_columns = std::min(d.w, (tile.columns - 1) * d.stride_w + d.dilation_w * (d.s - 1) + 1);
  }
}

CpuTile fitted(const FusedProblem& problem, CpuModule module, CpuTile tile) {
  const CpuStages stages(problem);
  const std::int64_t lanes = gemm_kernels().lanes;
  tile.rows = std::clamp<std::int64_t>(tile.rows, 1, stages.rows);
  tile.columns = std::clamp<std::int64_t>(tile.columns, 1, stages.columns);
  if (module == CpuModule::kPwDw) tile.rows = stages.rows, tile.columns = stages.columns;
  tile.step = std::clamp<std::int64_t>(tile.step, 1, tile.rows);
  tile.channels =
      std::clamp<std::int64_t>(ceil_div(tile.channels, lanes) * lanes, 1, stages.channels);
  return tile;
}

std::vector<CpuTile> cpu_tiles(const FusedProblem& problem, CpuModule module,
                               const DeviceDesc& device) {
  const CpuStages stages(problem);
  const auto bytes = [&](const CpuTile& tile) {
    return CpuScratch(stages, tile).floats() * static_cast<std::int64_t>(sizeof(float));
  };
  std::vector<CpuTile> tiles;
  const CpuTile* smallest = nullptr;
  const auto add = [&](const CpuTile& wish) {
    const CpuTile tile = fitted(problem, module, wish);
    if (std::find(tiles.begin(), tiles.end(), tile) == tiles.end()) tiles.push_back(tile);
  };
  const std::vector<std::int64_t> slices = channel_slices(stages);
  for (const std::int64_t channels : slices) {
    if (!stages.depthwise) {
      for (const std::int64_t pixels : {24, 48, 96, 192}) {
        add({.columns = pixels, .channels = channels});
      }
      continue;
    }
    for (const std::int64_t columns : parts_of(stages.columns, {1, 2, 4, 8}, 14)) {
      for (const std::int64_t step : {1, 2, 4, 8}) {
        if (recomputes(module) || module == CpuModule::kPwDw) {
          for (const std::int64_t rows : parts_of(stages.rows, {1, 2, 4, 8}, step)) {
            add({.rows = rows, .columns = columns, .step = step, .channels = channels});
          }
        } else {
          const std::int64_t rows = std::max(step, ceil_div(stages.rows, 16) / step * step);
          add({.rows = rows, .columns = columns, .step = step, .channels = channels});
        }
      }
    }
  }
  smallest = &*std::min_element(tiles.begin(), tiles.end(),
                                [&](const auto& a, const auto& b) { return bytes(a) < bytes(b); });
  const std::int64_t most = std::max(device.l2_bytes / 2, bytes(*smallest));
  std::erase_if(tiles, [&](const CpuTile& tile) { return bytes(tile) > most; });
  return tiles;
}

double cpu_flops(const FusedProblem& problem, const CpuTile& tile) {
  const CpuStages stages(problem);
  double flops = 0;
  for (const FusedStage& stage : problem.stages) {
    flops += static_cast<double>(stage.desc.flops());
  }
  if (!stages.expand || !stages.depthwise) return flops;
  // Of the first pointwise convolution: what strips and bands read of its map, instead of the map.
  const ConvDesc& d = stages.depthwise->desc;
  const auto read = [](std::int64_t extent, std::int64_t part, std::int64_t stride,
                       std::int64_t reach, std::int64_t map) {
    const std::int64_t parts = ceil_div(extent, part), each = (part - 1) * stride + reach;
    return static_cast<double>(parts * std::min(map, each)) / static_cast<double>(map);
  };
  const double rows = read(stages.rows, tile.rows, d.stride_h, d.dilation_h * (d.r - 1) + 1, d.h);
  const double columns =
      read(stages.columns, tile.columns, d.stride_w, d.dilation_w * (d.s - 1) + 1, d.w);
  return flops + static_cast<double>(stages.expand->desc.flops()) * (rows * columns - 1);
}

double cpu_seconds(const FusedProblem& problem, const CpuTile& tile, const DeviceDesc& device) {
  const CpuStages stages(problem);
  const CpuScratch scratch(stages, tile);
  const double peak = device.flops_per_second_core;
  double depthwise = 0;
  if (stages.depthwise) depthwise = static_cast<double>(stages.depthwise->desc.flops());
  const double pointwise = cpu_flops(problem, tile) - depthwise;
  double seconds = pointwise / (0.8 * peak) + depthwise / (0.4 * peak);
  const std::int64_t slices = stages.project ? 1 : ceil_div(stages.channels, tile.channels);
  const std::int64_t tasks = stages.images * ceil_div(stages.rows, tile.rows) *
                             ceil_div(stages.columns, tile.columns) * slices;
  const auto threads = static_cast<double>(device.threads);
  return seconds * std::ceil(static_cast<double>(tasks) / threads) / static_cast<double>(tasks);
}

CpuTile choose_cpu_tile(const FusedProblem& problem, CpuModule module, const DeviceDesc& device) {
  DeviceDesc wished = device;
  wished.threads = kThreads;
  const std::vector<CpuTile> tiles = cpu_tiles(problem, module, device);
  return *std::min_element(tiles.begin(), tiles.end(), [&](const auto& a, const auto& b) {
    return cpu_seconds(problem, a, wished) < cpu_seconds(problem, b, wished);
  });
}

}  // namespace convoy
