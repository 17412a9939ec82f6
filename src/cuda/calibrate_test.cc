#include "cuda/calibrate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "device/profile.h"

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

// Plans made elsewhere for this GPU are the plans that are made here.
TEST(Profile, SaysWhatTheDriverSays) {
  if (const Availability gpus = availability(); gpus.devices == 0) GTEST_SKIP() << gpus.reason;
  const DeviceDesc& gpu = Device::get(0).desc();
  for (const std::string& name : profile_names()) {
    const DeviceDesc profile = load_profile(name);
    if (profile.name != gpu.name) continue;
    EXPECT_EQ(profile.cuda.arch, gpu.cuda.arch);
    EXPECT_EQ(profile.cores, gpu.cores);
    EXPECT_EQ(profile.l1_bytes, gpu.l1_bytes);
    EXPECT_EQ(profile.cuda.shared_bytes_block, gpu.cuda.shared_bytes_block);
    EXPECT_EQ(profile.cuda.shared_bytes_multiprocessor, gpu.cuda.shared_bytes_multiprocessor);
    EXPECT_EQ(profile.cuda.registers_multiprocessor, gpu.cuda.registers_multiprocessor);
    EXPECT_EQ(profile.cuda.threads_multiprocessor, gpu.cuda.threads_multiprocessor);
    const auto near = [](double a, double b) { return std::abs(a - b) <= 0.05 * b; };
    EXPECT_PRED2(near, profile.l2_bytes, gpu.l2_bytes);
    EXPECT_PRED2(near, profile.cuda.clock_hz, gpu.cuda.clock_hz);
    EXPECT_PRED2(near, profile.cuda.memory_bytes, gpu.cuda.memory_bytes);
    EXPECT_PRED2(near, profile.bytes_per_second, gpu.bytes_per_second);
    return;
  }
  GTEST_SKIP() << "no profile of a " << gpu.name;
}

}  // namespace
}  // namespace convoy::cuda
