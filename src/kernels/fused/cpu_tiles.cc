#include "kernels/fused/cpu_tiles.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "kernels/simd/gemm.h"

namespace convoy {
namespace {

constexpr std::int64_t kLineFloats = 64 / sizeof(float);
constexpr std::int64_t kNarrowSlice = 32;  // channels; narrower ones share too little of x
constexpr std::int64_t kSetFloats = 128;   // pixels this far apart crowd a few sets of L1

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

// Fixed widths, whole panels of the matrix product, and even parts.
std::vector<std::int64_t> channel_slices(std::int64_t channels) {
  const std::int64_t lanes = gemm_kernels().lanes;
  std::vector<std::int64_t> slices{channels};
  for (std::int64_t slice :
       {std::int64_t{32}, std::int64_t{48}, std::int64_t{96}, std::int64_t{192},
        ceil_div(channels, 2), ceil_div(channels, 4), ceil_div(channels, 8)}) {
    slice = ceil_div(slice, lanes) * lanes;
    const bool known = std::find(slices.begin(), slices.end(), slice) != slices.end();
    if (slice < channels && slice >= kNarrowSlice && !known) slices.push_back(slice);
  }
  return slices;
}

}  // namespace

std::string to_string(const CpuTile& tile) {
  return std::to_string(tile.rows) + "x" + std::to_string(tile.columns) + " step " +
         std::to_string(tile.step) + " of " + std::to_string(tile.channels) + " channels";
}

std::optional<CpuTile> parse_cpu_tile(std::string_view text) {
  long long rows = 0, columns = 0, step = 0, channels = 0;
  if (std::sscanf(std::string(text).c_str(), "%lldx%lld step %lld of %lld channels", &rows,
                  &columns, &step, &channels) != 4) {
    return std::nullopt;
  }
  const CpuTile tile{.rows = rows, .columns = columns, .step = step, .channels = channels};
  if (to_string(tile) != text) return std::nullopt;
  return tile;
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
  const std::vector<std::int64_t> slices = channel_slices(stages.channels);
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

namespace {

// Steps of one task, and what the model charges for each of its calls beside its arithmetic.
struct Walk {
  Walk(const CpuStages& stages, const CpuTile& tile)
      : tasks(stages.images * ceil_div(stages.rows, tile.rows) *
              ceil_div(stages.columns, tile.columns)),
        slices(ceil_div(stages.channels, tile.channels)),
        steps(ceil_div(tile.rows, tile.step)),
        whole_rows(tile.columns == stages.columns) {}
  std::int64_t tasks, slices, steps;
  bool whole_rows;  // the rows of one step are one matrix
};

// Measured on a Zen 5 core, data in L2 (docs/performance/fcm-cpu.md).
constexpr double kPointwiseShare = 0.93;  // of the multiply-add rate
constexpr double kStreamedShare = 0.75;   // square filters, see depthwise/stream-inl.h
constexpr double kDepthwiseShare = 0.35;  // any other
constexpr double kPanelSeconds = 25e-9;   // of a matrix product's panel, begun and ended
constexpr double kRowSeconds = 25e-9;     // of one or two rows of a block of channels, as well

}  // namespace

bool is_streamed(const ConvDesc& d) {
  const bool square = d.r == d.s && (d.r == 3 || d.r == 5 || d.r == 7);
  return square && d.stride_h == d.stride_w && d.stride_h <= 2 && d.dilation_h == 1 &&
         d.dilation_w == 1;
}

double cpu_seconds(const FusedProblem& problem, const CpuTile& tile, const DeviceDesc& device) {
  const CpuStages stages(problem);
  const CpuScratch scratch(stages, tile);
  const Walk walk(stages, tile);
  const GemmKernels& gemm = gemm_kernels();
  const double peak = device.flops_per_second_core;
  const auto walked = static_cast<double>(walk.tasks * walk.slices * walk.steps);
  const auto bytes = [](std::int64_t floats) { return 4 * static_cast<double>(floats); };
  double depthwise_flops = 0, seconds = 0, moved = 0;
  if (stages.depthwise) {
    const ConvDesc& d = stages.depthwise->desc;
    const bool streamed = is_streamed(d);
    depthwise_flops = static_cast<double>(d.flops());
    const std::int64_t rows = streamed ? ceil_div(tile.step, 2) : tile.step;
    seconds += depthwise_flops / ((streamed ? kStreamedShare : kDepthwiseShare) * peak);
    seconds +=
        walked * static_cast<double>(rows * ceil_div(tile.channels, gemm.lanes)) * kRowSeconds;
  }
  seconds += (cpu_flops(problem, tile) - depthwise_flops) / (kPointwiseShare * peak);
  if (stages.expand) {
    // Rows of a step that the step before has not left in the ring.
    std::int64_t rows = 1;
    if (stages.depthwise && !walk.whole_rows) rows = tile.step * stages.depthwise->desc.stride_h;
    seconds += walked * static_cast<double>(rows * gemm.panels(tile.channels)) * kPanelSeconds;
    moved += bytes(walk.slices * conv_x_shape(problem.first()).elements());
  }
  if (stages.project) {
    const std::int64_t rows = walk.whole_rows ? 1 : tile.step;
    seconds += walked * static_cast<double>(rows * gemm.panels(problem.last().k)) * kPanelSeconds;
    moved += 2 * bytes((walk.slices - 1) * conv_y_shape(problem.last()).elements());
  }
  seconds += moved / device.l2_bytes_per_second_core;
  // The largest task's share of the whole, as often as the busiest thread may meet one.
  double share = 1 / static_cast<double>(walk.tasks);
  double tasks = static_cast<double>(walk.tasks);
  if (!stages.project) {
    share *= static_cast<double>(tile.channels) / static_cast<double>(stages.channels);
    tasks *= static_cast<double>(walk.slices);
  }
  return seconds * std::min(1.0, share * std::ceil(tasks / device.threads));
}

std::vector<CpuTile> ranked_cpu_tiles(const FusedProblem& problem, CpuModule module,
                                      const DeviceDesc& device) {
  struct Ranked {
    CpuTile tile;
    double alone, seconds;
  };
  DeviceDesc one_thread = device;
  one_thread.threads = 1;
  std::vector<Ranked> ranked;
  for (const CpuTile& tile : cpu_tiles(problem, module, device)) {
    ranked.push_back(
        {tile, cpu_seconds(problem, tile, one_thread), cpu_seconds(problem, tile, device)});
  }
  std::int64_t channels = 0;  // of the order of sums; 0: every order is the same
  if (CpuStages(problem).project) {
    channels = std::min_element(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
                 return a.alone < b.alone;
               })->tile.channels;
  }
  std::stable_sort(ranked.begin(), ranked.end(), [&](const Ranked& a, const Ranked& b) {
    const bool a_other = channels != 0 && a.tile.channels != channels;
    const bool b_other = channels != 0 && b.tile.channels != channels;
    return a_other != b_other ? b_other : a.seconds < b.seconds;
  });
  std::vector<CpuTile> tiles;
  for (const Ranked& one : ranked) tiles.push_back(one.tile);
  return tiles;
}

CpuTile choose_cpu_tile(const FusedProblem& problem, CpuModule module, const DeviceDesc& device) {
  return ranked_cpu_tiles(problem, module, device).front();
}

}  // namespace convoy
