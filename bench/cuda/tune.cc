#include <algorithm>
#include <cstdio>
#include <map>

#include "base/error.h"
#include "bench/cuda/device_step.h"
#include "bench/cuda/suite.h"
#include "device/name.h"
#include "kernels/conv/cuda/tuned_tiles.h"
#include "kernels/conv/cuda/window.h"

namespace convoy::bench {
namespace {

using conv_cuda::Tile;

// The model's best, no more than a few of one register tile and block, so that its errors matter
// less, each with the choices that it does not judge.
std::vector<Tile> candidates(const ConvProblem& problem, const DeviceDesc& device,
                             std::size_t count) {
  constexpr int kOfOneKind = 4;
  std::map<std::array<int, 4>, int> seen;
  std::vector<Tile> chosen;
  const conv_cuda::Problem cut = conv_cuda::window_problem(problem);
  for (const conv_cuda::RankedTile& ranked : conv_cuda::rank_tiles(cut, device, 100'000)) {
    const Tile& t = ranked.tile;
    if (++seen[{t.q, t.k, t.k_threads, t.segments}] > kOfOneKind) continue;
    for (const bool prefetch : {true, false}) {
      for (const bool back_and_forth : {true, false}) {
        for (const int buffers : {2, 3}) {
          Tile tile = t;
          tile.prefetch = prefetch;
          tile.back_and_forth = back_and_forth;
          tile.buffers = buffers;
          const conv_cuda::TileSizes sizes = conv_cuda::sizes_of(cut, tile);
          if (buffers > 2 && (sizes.stages < 3 || !launchable(cut, tile, sizes, device))) continue;
          chosen.push_back(tile);
        }
      }
    }
    if (chosen.size() >= count) break;
  }
  return chosen;
}

}  // namespace

std::vector<Row> tune_suite(const Options& options) {
  const cuda::Device& device = cuda::Device::get(parse_device(options.device).ordinal);
  std::vector<Row> rows;
  for (const NamedConv& layer : selected_layers(options)) {
    for (const std::string& layout : options.layouts) {
      DeviceStep step(layer.desc, parse_layout(layout), device);
      const ConvProblem problem = conv_problem(step.op());
      const std::vector<Tile> tiles = candidates(problem, device.desc(), options.candidates);
      // All at once, so that every core compiles; the kernels then come from the cache.
      std::vector<cuda::Program> programs;
      for (const Tile& tile : tiles) programs.push_back(conv_cuda::window_program(problem, tile));
      cuda::compile(programs, device.desc().cuda.arch);
      Row best;
      Tile best_tile;
      for (const Tile& tile : tiles) {
        Row row{.suite = "tune",
                .layer = layer.name,
                .implementation = "conv.im2win.cuda.f32",
                .device = "cuda",
                .layout = layout,
                .batch = layer.desc.n};
        const std::unique_ptr<Kernel> kernel = make_window_conv(step.op(), device.desc(), tile);
        const auto run = [&] { step.run(*kernel, nullptr, 0); };
        step.poison();
        run();
        device.synchronize();
        row.error = step.error(true);
        if (!(row.error <= 1)) {
          fail(ErrorCode::kInternal, layer.name + " with tile '" + to_string(tile) +
                                         "': an error of " + std::to_string(row.error) +
                                         " times its bound");
        }
        measure_device(device, options.seconds, run, row);
        if (best.milliseconds > 0 && best.milliseconds <= row.milliseconds) continue;
        best = row;
        best_tile = tile;
      }
      best.flops = static_cast<double>(layer.desc.flops());
      best.device_name = device.desc().name;
      std::printf("%s : %s\n", conv_cuda::tuning_key(problem, device.desc()).c_str(),
                  to_string(best_tile).c_str());
      std::fflush(stdout);
      rows.push_back(best);
    }
  }
  return rows;
}

}  // namespace convoy::bench
