#include "plan/arena.h"

#include <gtest/gtest.h>

#include <random>

namespace convoy {
namespace {

bool overlap(const ArenaBuffer& a, const ArenaBuffer& b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

void expect_sound(const std::vector<ArenaBuffer>& buffers, std::size_t size) {
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(buffers[i].offset % 64, 0u);
    EXPECT_LE(buffers[i].offset + buffers[i].bytes, size);
    for (std::size_t j = 0; j < i; ++j) {
      const bool together =
          buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
      EXPECT_FALSE(together && overlap(buffers[i], buffers[j])) << i << " and " << j;
    }
  }
}

TEST(Arena, AChainNeedsItsTwoLargestNeighbours) {
  std::vector<ArenaBuffer> chain{{640, 0, 1}, {128, 1, 2}, {1280, 2, 3}, {64, 3, 4}};
  const std::size_t size = place_buffers(chain);
  expect_sound(chain, size);
  EXPECT_EQ(size, 1408u);
  EXPECT_EQ(size, arena_lower_bound(chain));
}

TEST(Arena, NothingNeedsNothing) {
  std::vector<ArenaBuffer> none;
  EXPECT_EQ(place_buffers(none), 0u);
}

TEST(Arena, RandomLifetimesNeverOverlapAndStayNearTheBound) {
  std::mt19937 random(3);
  double worst = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<ArenaBuffer> buffers;
    for (int i = 0; i < 40; ++i) {
      const auto first = static_cast<std::int32_t>(random() % 30);
      buffers.push_back({random() % 5000, first, first + static_cast<std::int32_t>(random() % 6)});
    }
    const std::size_t size = place_buffers(buffers);
    expect_sound(buffers, size);
    const std::size_t bound = arena_lower_bound(buffers);
    EXPECT_GE(size, bound);
    worst = std::max(worst, static_cast<double>(size) / static_cast<double>(bound));
  }
  EXPECT_LT(worst, 1.5);
}

}  // namespace
}  // namespace convoy
