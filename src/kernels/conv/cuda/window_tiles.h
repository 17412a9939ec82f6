// Which tiles the implicit im2win kernel can compute a convolution with, and which it should.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "device/device.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/cuda/window_tile.cuh"

namespace convoy::conv_cuda {

// The problem as the kernel's template argument has it; without the epilogue, which tiles the same.
Problem window_problem(const ConvProblem& problem);

struct RankedTile {
  Tile tile;
  double seconds;  // predicted
};

// Feasible tiles, fastest first by prediction, at most `count`.
std::vector<RankedTile> rank_tiles(const Problem& problem, const DeviceDesc& device,
                                   std::size_t count);

// The tiles of which one fits when any does: one output a thread, one channel a stage, more or
// fewer filter rows.
std::vector<Tile> least_tiles(const Problem& problem);

// Seconds that the tile will take: issue slots of multiply-adds, loads and copies of the fullest
// multiprocessor, or the latency of a stage where nothing hides it. Constants are fitted to 3,934
// measured tiles of the twelve im2win layers on an H200 (docs/performance/gpu-im2win.md).
double predict_seconds(const Problem& problem, const Tile& tile, const TileSizes& sizes,
                       const DeviceDesc& device);

// Whether the sizes of the tile, and the offsets that its blocks work out, padding below the image
// included, are within an int. Asked before sizes_of, which only then has an answer.
bool countable(const Problem& problem, const Tile& tile);
// Whether the kernel and the device allow the tile.
bool launchable(const Problem& problem, const Tile& tile, const TileSizes& sizes,
                const DeviceDesc& device);
// And whether its threads' registers should suffice, which only the compiler knows.
bool feasible(const Problem& problem, const Tile& tile, const TileSizes& sizes,
              const DeviceDesc& device);

// The tile to use: the tuned one where there is one (tuned_tiles.h), otherwise the fastest by
// prediction. Nothing when a window is wider than registers hold, or an image larger than a block
// addresses.
std::optional<Tile> choose_tile(const ConvProblem& problem, const DeviceDesc& device);

}  // namespace convoy::conv_cuda
