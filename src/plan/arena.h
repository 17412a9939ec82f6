// Offsets for buffers that live for a while: no two that are alive at once may overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace convoy {

struct ArenaBuffer {
  std::size_t bytes = 0;
  std::int32_t first = 0, last = 0;  // steps, inclusive
  std::size_t offset = 0;            // the result
};

// Sets the offsets, multiples of 64, and returns the arena's size. Greedy best fit in several
// orders (by size, by size times lifetime, by time), of which the smallest arena wins; the optimum
// is NP-hard and the lower bound (arena_lower_bound) is met for most networks.
std::size_t place_buffers(std::vector<ArenaBuffer>& buffers);

// The largest sum of bytes alive at one step.
std::size_t arena_lower_bound(const std::vector<ArenaBuffer>& buffers);

}  // namespace convoy
