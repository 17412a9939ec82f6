// Caches of a core as a simulation: what a sequence of accesses moves between them, byte for byte
// what the addresses say. For counting what a cost model predicts.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "device/device.h"

namespace convoy {

// L1, L2 and L3 of one core: sets of 12 or 16 lines of 64 bytes, the least recently used one of a
// set making room. Lines that are written need not be read before: what writes here writes whole
// lines. A line that leaves a cache changed is written to the next.
class CacheModel {
 public:
  static constexpr int kLevels = 3;
  static constexpr int kKinds = 4;  // of bytes, told apart by whoever accesses them
  static constexpr std::int64_t kLineBytes = 64;

  explicit CacheModel(const DeviceDesc& device);

  void read(const void* first, std::int64_t bytes, int kind) { access(first, bytes, kind, false); }
  void write(const void* first, std::int64_t bytes, int kind) { access(first, bytes, kind, true); }

  // Bytes that went between a level (0: L1) and the next since forget_counts().
  struct Moved {
    std::array<double, kKinds> read{}, written{};
  };
  const Moved& beyond(int level) const { return levels_[static_cast<std::size_t>(level)].moved; }
  void forget_counts();

 private:
  struct Line {
    std::uint64_t address = UINT64_MAX;  // over kLineBytes
    std::uint64_t used = 0;              // when last
    int kind = 0;
    bool changed = false;
  };
  struct Level {
    std::int64_t ways = 1, sets = 1;
    std::vector<Line> lines;
    Moved moved;
  };
  void access(const void* first, std::int64_t bytes, int kind, bool writes);
  void touch(std::size_t level, std::uint64_t address, int kind, bool writes);

  std::array<Level, kLevels> levels_;
  std::uint64_t now_ = 0;
};

}  // namespace convoy
