// The simulated caches, access by access.
#include "cost/cache_model.h"

#include <gtest/gtest.h>

namespace convoy {
namespace {

constexpr std::int64_t kLine = CacheModel::kLineBytes;

// L1 of 2 sets of 16 lines, L2 of 4, L3 of 8.
DeviceDesc tiny() {
  DeviceDesc device;
  device.l1_bytes = 16 * 2 * kLine, device.l2_bytes = 16 * 4 * kLine,
  device.l3_bytes = 16 * 8 * kLine;
  return device;
}
const void* at(std::int64_t line) { return reinterpret_cast<const void*>(line * kLine); }

double read(const CacheModel& caches, int level, int kind = 0) {
  return caches.beyond(level).read[static_cast<std::size_t>(kind)];
}
double written(const CacheModel& caches, int level, int kind = 0) {
  return caches.beyond(level).written[static_cast<std::size_t>(kind)];
}

TEST(CacheModel, KeepsWhatFits) {
  CacheModel caches(tiny());
  for (int pass = 0; pass < 3; ++pass) caches.read(at(100), 32 * kLine, 0);
  EXPECT_EQ(read(caches, 0), 32 * kLine);
  EXPECT_EQ(read(caches, 2), 32 * kLine);
  caches.forget_counts();
  caches.read(at(100), 32 * kLine, 0);
  EXPECT_EQ(read(caches, 0), 0);
}

TEST(CacheModel, LosesTheLeastRecentlyUsed) {
  CacheModel caches(tiny());
  // One line more than a set has, again and again: each makes room for the next but one.
  for (int pass = 0; pass < 2; ++pass) {
    for (int way = 0; way < 17; ++way) caches.read(at(2 * way), 1, 1);
  }
  EXPECT_EQ(read(caches, 0, 1), 34 * kLine);
  EXPECT_EQ(read(caches, 1, 1), 17 * kLine);  // L2 has twice the sets
}

TEST(CacheModel, WritesBackWhatChanged) {
  CacheModel caches(tiny());
  caches.write(at(0), 1, 2);
  EXPECT_EQ(read(caches, 0, 2), 0);  // nothing is read before it is written
  EXPECT_EQ(written(caches, 0, 2), 0);
  for (int way = 1; way < 17; ++way) caches.read(at(2 * way), 1, 0);
  EXPECT_EQ(written(caches, 0, 2), kLine);
  EXPECT_EQ(written(caches, 1, 2), 0);
  caches.read(at(0), 1, 2);
  EXPECT_EQ(read(caches, 0, 2), kLine);
  EXPECT_EQ(read(caches, 1, 2), 0);  // L2 had it
}

TEST(CacheModel, CountsWholeLines) {
  CacheModel caches(tiny());
  caches.read(reinterpret_cast<const void*>(5 * kLine - 4), 8,
              0);  // the end of one, another's begin
  EXPECT_EQ(read(caches, 0), 2 * kLine);
  caches.read(at(9), 0, 0);
  EXPECT_EQ(read(caches, 0), 2 * kLine);
}

}  // namespace
}  // namespace convoy
