// One GPU of every architecture that kernels are compiled for, as the data sheets describe it: what
// tiles are chosen by where no GPU is at hand.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace convoy::testing {

inline std::vector<DeviceDesc> gpu_profiles() {
  struct Sheet {
    const char *name, *arch;
    int major, minor, multiprocessors, f32_lanes, threads;
    int shared_kib_block, shared_kib;  // of a multiprocessor
    int l2_mib, memory_gib;
    double clock_hz, bytes_per_second;
  };
  constexpr Sheet kSheets[] = {
      {"T4", "sm_75", 7, 5, 40, 64, 1024, 64, 64, 4, 16, 1.59e9, 320e9},
      {"A100", "sm_80", 8, 0, 108, 64, 2048, 163, 164, 40, 40, 1.41e9, 1555e9},
      {"RTX 3090", "sm_86", 8, 6, 82, 128, 1536, 99, 100, 6, 24, 1.695e9, 936e9},
      {"RTX 4090", "sm_89", 8, 9, 128, 128, 1536, 99, 100, 72, 24, 2.52e9, 1008e9},
      {"H200", "sm_90a", 9, 0, 132, 128, 2048, 227, 228, 50, 141, 1.98e9, 4800e9},
      {"B200", "sm_100a", 10, 0, 148, 128, 2048, 227, 228, 126, 180, 1.965e9, 7700e9},
      {"RTX 5090", "sm_120", 12, 0, 170, 128, 1536, 99, 100, 96, 32, 2.407e9, 1792e9},
  };
  std::vector<DeviceDesc> profiles;
  for (const Sheet& s : kSheets) {
    DeviceDesc device{.kind = DeviceDesc::Kind::kCuda, .name = s.name};
    device.cores = s.multiprocessors;
    device.l1_bytes = std::int64_t{s.shared_kib} << 10;
    device.l2_bytes = device.l3_bytes = std::int64_t{s.l2_mib} << 20;
    device.flops_per_second_core = 2 * s.clock_hz * s.f32_lanes;
    device.bytes_per_second = s.bytes_per_second;
    device.cuda = {.compute_major = s.major,
                   .compute_minor = s.minor,
                   .arch = s.arch,
                   .shared_bytes_block = std::int64_t{s.shared_kib_block} << 10,
                   .shared_bytes_multiprocessor = std::int64_t{s.shared_kib} << 10,
                   .threads_multiprocessor = s.threads,
                   .memory_bytes = std::int64_t{s.memory_gib} << 30,
                   .clock_hz = s.clock_hz};
    profiles.push_back(device);
  }
  return profiles;
}

// The one of `arch`, which must be there.
inline DeviceDesc gpu_profile(std::string_view arch) {
  const std::vector<DeviceDesc> profiles = gpu_profiles();
  return *std::find_if(profiles.begin(), profiles.end(),
                       [&](const DeviceDesc& profile) { return profile.cuda.arch == arch; });
}

}  // namespace convoy::testing
