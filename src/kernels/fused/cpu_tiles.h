// How a fused module is cut on the CPU: what one task computes, and how much of the maps between
// its stages is alive at a time. The caches play the part that a GPU's shared memory plays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"
#include "kernels/fused/fused.h"

namespace convoy {

enum class CpuModule : std::uint8_t { kDwPw, kPwDw, kPwDwR, kPwPw, kPwDwPw };

// A task computes `rows` x `columns` of y, from the top down, `step` rows at a time. Of the map
// that the depthwise filter reads it keeps the rows under the filter, in a ring; of the map that
// the last pointwise convolution reads, the rows of one step. Both hold `channels` channels: the
// first module's last ones are fewer. Modules that end in a pointwise convolution go over the task
// once for every slice of channels and add up in y; for the others every slice is a task of its
// own. pwpw sees the pixels of all images as one row.
struct CpuTile {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  std::int64_t step = 1;
  std::int64_t channels = 1;
  bool operator==(const CpuTile&) const = default;
};

std::string to_string(const CpuTile& tile);  // "28x56 step 2 of 32 channels"
// Its inverse; nothing for any other text.
std::optional<CpuTile> parse_cpu_tile(std::string_view text);

// A problem as a sequence of at most PW, DW, PW. The stages are the problem's, which must live on.
struct CpuStages {
  explicit CpuStages(const FusedProblem& problem);
  const FusedStage* expand = nullptr;     // the pointwise convolution before the depthwise one
  const FusedStage* depthwise = nullptr;  // null in pwpw
  const FusedStage* project = nullptr;    // the pointwise convolution that is last
  std::int64_t channels = 0;              // of the maps between
  std::int64_t images = 0, rows = 0, columns = 0;  // of y; pwpw: 1, 1 and all pixels
};

// The maps between stages as one task holds them, in floats.
struct CpuScratch {
  CpuScratch(const CpuStages& stages, const CpuTile& tile);
  std::int64_t pitch = 0;                        // between pixels, a whole number of cache lines
  std::int64_t ring_rows = 0, ring_columns = 0;  // the depthwise filter's input; 0 where it is x
  std::int64_t tile_pixels = 0;                  // the last pointwise convolution's input
  std::int64_t ring_floats() const { return ring_rows * ring_columns * pitch; }
  std::int64_t floats() const { return ring_floats() + tile_pixels * pitch; }
};

// Tiles worth measuring, the shape of `module` kept: pwdw owns whole maps, and only pwdw_r and
// pwdwpw compute a halo twice. None of them needs more scratch than half of L2 while a smaller one
// exists.
std::vector<CpuTile> cpu_tiles(const FusedProblem& problem, CpuModule module,
                               const DeviceDesc& device);

// Those tiles, the fastest on device.threads threads by the model below first. How channels are cut
// before a project decides the order of sums, which must not depend on the number of threads: tiles
// cut in the way that one thread is fastest with come before all others.
std::vector<CpuTile> ranked_cpu_tiles(const FusedProblem& problem, CpuModule module,
                                      const DeviceDesc& device);

// The first of them.
CpuTile choose_cpu_tile(const FusedProblem& problem, CpuModule module, const DeviceDesc& device);

// Makes a tile that a caller made up fit the problem: no larger than the map, at least one element,
// `channels` a whole number of vectors, whole maps for pwdw.
CpuTile fitted(const FusedProblem& problem, CpuModule module, CpuTile tile);

// Whether the depthwise kernel takes two rows of y at a time, walking along the columns
// (depthwise/stream-inl.h).
bool is_streamed(const ConvDesc& d);

// Multiply-adds times two, those of the halo counted as often as they are computed.
double cpu_flops(const FusedProblem& problem, const CpuTile& tile);

// What the module takes on device.threads threads.
double cpu_seconds(const FusedProblem& problem, const CpuTile& tile, const DeviceDesc& device);

}  // namespace convoy
