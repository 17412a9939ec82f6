#include "device/calibrate_cpu.h"

#include <gtest/gtest.h>

#include "device/profile.h"

namespace convoy {
namespace {

// What holds of any machine, however busy: caches are no slower than a tenth of what is nearer.
TEST(CalibrateCpu, RatesAreThoseOfAMachine) {
  DeviceDesc device = detect_cpu(1);
  device.l3_bytes = 8 << 20;  // so that sanitizers end in time
  const CpuRates rates = calibrate_cpu(device, 0.05);
  EXPECT_GT(rates.flops_per_second_core, 1e8);
  EXPECT_LT(rates.flops_per_second_core, 2e12);
  EXPECT_GT(rates.l1_bytes_per_second_core, 1e8);
  EXPECT_LT(rates.l1_bytes_per_second_core, 2e12);
  EXPECT_GT(rates.l2_bytes_per_second_core, 0.01 * rates.l1_bytes_per_second_core);
  EXPECT_GT(rates.l3_bytes_per_second, 0.01 * rates.l2_bytes_per_second_core);
  EXPECT_GT(rates.bytes_per_second, 0.01 * rates.l3_bytes_per_second);
}

TEST(CalibrateCpu, RatesComeBackFromAProfile) {
  const DeviceDesc device = with_rates(detect_cpu(1), {3e11, 5e11, 2.5e11, 1e11, 4.5e10});
  const DeviceDesc read =
      parse_profile(profile_text(device, "detected: by the system", "measured: by a test"), "here");
  EXPECT_EQ(read.flops_per_second_core, 3e11);
  EXPECT_EQ(read.l2_bytes_per_second_core, 2.5e11);
  EXPECT_EQ(read.bytes_per_second, 4.5e10);
  EXPECT_EQ(read.isa, device.isa);
}

}  // namespace
}  // namespace convoy
