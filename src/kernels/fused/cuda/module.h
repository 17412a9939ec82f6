// Fused modules on a GPU, one kernel for all of them (module.cuh), cut by a tile that whoever plans
// may choose.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/compile.h"
#include "kernels/fused/cuda/tile.cuh"
#include "kernels/fused/fused.h"

namespace convoy::fused_cuda {

// What a tile takes and costs; or why it cannot be used.
struct TileReport {
  std::string reason;  // empty: feasible
  std::int64_t blocks = 0;
  // Not 0: fewer blocks may be launched, multiples of this, which share out the places (see Cut).
  std::int64_t walking_slices = 0;
  int threads = 0;                // of a block
  std::int64_t shared_bytes = 0;  // of a block
  int registers = 0;              // of a thread, roughly: the compiler decides
  Estimate estimate;
};
TileReport report(const FusedProblem& problem, const Tile& tile, const DeviceDesc& device);

// Feasible tiles, the least estimate first; empty when the module cannot be run in any.
std::vector<Tile> candidate_tiles(const FusedProblem& problem, const DeviceDesc& device);

// The module with this tile, in the precision that it permits. Throws kInvalidArgument with the
// reason when it is not feasible.
std::unique_ptr<Kernel> make_module(const OpDesc& op, const DeviceDesc& device, const Tile& tile);
// With the first of the tiles whose registers suffice without spilling, or with the first of all;
// in the problem's precision.
std::unique_ptr<Kernel> make_module(const FusedProblem& problem, const DeviceDesc& device,
                                    std::span<const Tile> tiles);

// "16x14 out64 mid32 in32 warps1x4x2 expand4 strip1x7", with "cluster2", "blocks2", "staged" and
// "walks" where they differ from a tile's defaults.
std::string to_string(const Tile& tile);
// Its inverse; nothing for any other text.
std::optional<Tile> parse_tile(std::string_view text);

// What is compiled.
cuda::Program module_program(const FusedProblem& problem, const Tile& tile);

}  // namespace convoy::fused_cuda
