#include "cuda/calibrate.h"

#include <gtest/gtest.h>

namespace convoy::cuda {
namespace {

TEST(Calibrate, KernelsCompileForEveryArchitecture) {
  if (const std::string reason = compiler_missing(); !reason.empty()) GTEST_SKIP() << reason;
  for (const char* arch : {"sm_75", "sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"}) {
    for (const Program& program : calibration_programs()) {
      const Resources uses = compile_uncached(program, arch).resources;
      EXPECT_EQ(uses.spill_bytes, 0) << program.kernel << " for " << arch;
      EXPECT_EQ(uses.stack_bytes, 0) << program.kernel << " for " << arch;
      EXPECT_LE(uses.registers, 32)
          << program.kernel << " for " << arch << ": room for 2048 threads";
    }
  }
}

TEST(Calibrate, ReachesWhatIsNominalAndNotMore) {
  if (const Availability gpus = availability(); gpus.devices == 0) GTEST_SKIP() << gpus.reason;
  const Device& device = Device::get(0);
  const DeviceDesc& gpu = device.desc();
  const Calibration measured = calibrate(device);
  const double flops = gpu.cores * gpu.flops_per_second_core;
  EXPECT_GT(measured.bytes_per_second, 0.5 * gpu.bytes_per_second);
  EXPECT_LT(measured.bytes_per_second, 1.05 * gpu.bytes_per_second);
  EXPECT_GT(measured.flops_per_second, 0.5 * flops);
  EXPECT_LT(measured.flops_per_second, 1.05 * flops);
  EXPECT_GT(measured.launch_seconds, 0);
  EXPECT_GT(measured.round_trip_seconds, measured.launch_seconds);
}

}  // namespace
}  // namespace convoy::cuda
