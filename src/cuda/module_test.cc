#include "cuda/module.h"

#include <gtest/gtest.h>

#include "tests/support/gpu_profiles.h"

namespace convoy::cuda {
namespace {

TEST(SharedBytes, KeepOneBlockMoreOffAMultiprocessorAndNoFewer) {
  constexpr std::int64_t kReserved = 1 << 10, kUnit = 128;
  for (const char* arch : {"sm_75", "sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"}) {
    const DeviceDesc device = testing::gpu_profile(arch);
    const std::int64_t all = device.cuda.shared_bytes_multiprocessor;
    for (std::int64_t blocks = 1; blocks <= 16; ++blocks) {
      const auto bytes = static_cast<std::int64_t>(
          shared_bytes_for_at_most(static_cast<std::uint64_t>(blocks), device));
      EXPECT_GT((blocks + 1) * (bytes + kReserved), all) << arch << ", " << blocks;
      EXPECT_LE((blocks + 1) * (bytes - kUnit + kReserved), all) << arch << ", " << blocks;
      EXPECT_LE(blocks * (bytes + kReserved), all) << arch << ", " << blocks;
      EXPECT_LE(bytes, device.cuda.shared_bytes_block) << arch << ", " << blocks;
      EXPECT_EQ(bytes % kUnit, 0) << arch << ", " << blocks;
    }
  }
  EXPECT_EQ(shared_bytes_for_at_most(1 << 20, testing::gpu_profile("sm_90a")), 0u);
}

}  // namespace
}  // namespace convoy::cuda
