#include "cli/calibrate.h"

#include <cstdio>
#include <fstream>

#include "base/error.h"
#include "cli/tuning_place.h"
#include "device/calibrate_cpu.h"
#include "device/profile.h"

namespace convoy::cli {
namespace {

constexpr double kSeconds = 3;

// Complete under another name first: nobody finds half a file.
void keep(const std::filesystem::path& path, const DeviceDesc& device) {
  const std::string fresh = path.string() + ".new";
  std::ofstream file(fresh);
  file << profile_text(device, "detected: by the system",
                       "measured: by convoy tune --calibrate, the most of many runs");
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(fresh, path, error);
  if (!file || error) fail(ErrorCode::kIo, "cannot write " + path.string());
}

void print(const char* what, double rate, const char* unit, double assumed) {
  std::printf("%-11s %8.1f %s", what, rate * 1e-9, unit);
  if (assumed > 0) std::printf(", %.1f were assumed", assumed * 1e-9);
  std::printf("\n");
}

}  // namespace

Json calibrate_this_cpu(int threads, bool quiet) {
  const std::filesystem::path path = rates_path();
  if (path.empty()) {
    throw UsageError("tune: there is no folder to keep rates in; CONVOY_CACHE_DIR names one");
  }
  const DeviceDesc cpu = detect_cpu(threads);
  const CpuRates rates = calibrate_cpu(cpu, kSeconds);
  if (!quiet) {
    print("arithmetic", rates.flops_per_second_core, "GFLOP/s a core", cpu.flops_per_second_core);
    print("L1", rates.l1_bytes_per_second_core, "GB/s a core", 0);
    print("L2", rates.l2_bytes_per_second_core, "GB/s a core", cpu.l2_bytes_per_second_core);
    print("L3", rates.l3_bytes_per_second, "GB/s", 0);
    print("memory", rates.bytes_per_second, "GB/s", cpu.bytes_per_second);
    std::printf("kept in     %s\n", path.c_str());
  }
  keep(path, with_rates(cpu, rates));
  return {{"file", path.string()},
          {"flops_per_second_core", rates.flops_per_second_core},
          {"l1_bytes_per_second_core", rates.l1_bytes_per_second_core},
          {"l2_bytes_per_second_core", rates.l2_bytes_per_second_core},
          {"l3_bytes_per_second", rates.l3_bytes_per_second},
          {"bytes_per_second", rates.bytes_per_second}};
}

}  // namespace convoy::cli
