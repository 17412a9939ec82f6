#include <algorithm>
#include <fstream>
#include <string>

#include "base/thread_pool.h"
#include "device/device.h"
#include "device/isa.h"

namespace convoy {
namespace {

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

// "48K" -> 49152; `fallback` when the file is missing or says something else.
std::int64_t cache_bytes(int index, std::int64_t fallback) {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
  std::int64_t size = 0;
  char unit = 0;
  if (!(file >> size) || size <= 0) return fallback;
  file >> unit;
  return unit == 'M' ? size << 20 : unit == 'K' ? size << 10 : size;
}

}  // namespace

DeviceDesc detect_cpu(int threads) {
  DeviceDesc device;
  device.name = cpu_name();
  apply_isa_environment();
  const Isa& isa = running_isa();
  device.isa = isa.name;
  device.vector_bytes = isa.vector_bytes;
  device.flops_per_second_core = isa.flops;
  device.cores = available_threads();
  device.threads = threads > 0 ? threads : device.cores;
  device.l1_bytes = cache_bytes(0, device.l1_bytes);
  device.l2_bytes = cache_bytes(2, device.l2_bytes);
  device.l3_bytes = cache_bytes(3, device.l3_bytes);
  // A vector load and half a store a cycle from L2 on current cores.
  device.l2_bytes_per_second_core = 3e9 * device.vector_bytes / 2;
  return device;
}

}  // namespace convoy
