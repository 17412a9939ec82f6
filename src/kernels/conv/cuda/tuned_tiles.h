// Tiles that were measured to be the fastest, by problem and architecture:
// kernels/conv/cuda/tuned_tiles.inc. `convoy-bench tune` prints such lines.
//
// One line each: architecture, layouts of x and y, the convolution, a colon, the tile:
//   sm_90a nchw nchw n128 c64 h56 w56 k64 r3 s3 : q6 k16 k_threads4 segments32 row_segments9
//   blocks3
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "device/device.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/cuda/window_tile.cuh"

namespace convoy::conv_cuda {

// Nothing when the problem was not tuned for this architecture, or the line does not fit it.
std::optional<Tile> tuned_tile(const ConvProblem& problem, const DeviceDesc& device);

// What stands before the colon of the problem's line.
std::string tuning_key(const ConvProblem& problem, const DeviceDesc& device);

// Every field that is not at its default ("q6 k16 warp_k2"); empty when all are.
std::string to_string(const Tile& tile);
// Throws kInvalidArgument naming the word that it does not understand.
Tile parse_tile(std::string_view text);

}  // namespace convoy::conv_cuda
