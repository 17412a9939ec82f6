#include "cli/tuning_place.h"

#include <cstdio>

#include "base/error.h"
#include "cuda/cache.h"
#include "device/profile.h"
#include "plan/tuning_file.h"

namespace convoy::cli {

std::filesystem::path tuning_path(const std::string& named) {
  if (!named.empty()) return named;
  const cuda::Cache cache = cuda::Cache::of_environment();
  return cache.off().empty() ? cache.folder() / "tuning.txt" : std::filesystem::path();
}

std::shared_ptr<const Measurements> tuned_times(const std::string& named,
                                                const DeviceDesc& device) {
  const std::filesystem::path path = tuning_path(named);
  if (path.empty()) return nullptr;
  TuningFile file = read_tuning(path);
  if (!file.note.empty()) std::fprintf(stderr, "convoy: %s\n", file.note.c_str());
  auto times = std::make_shared<TunedTimes>(std::move(file.table), device);
  return times->empty() ? nullptr : times;
}

std::filesystem::path rates_path() {
  const cuda::Cache cache = cuda::Cache::of_environment();
  return cache.off().empty() ? cache.folder() / "cpu.profile" : std::filesystem::path();
}

DeviceDesc this_cpu(int threads) {
  DeviceDesc cpu = detect_cpu(threads);
  const std::filesystem::path path = rates_path();
  std::error_code none;
  if (path.empty() || !std::filesystem::exists(path, none)) return cpu;
  try {
    const DeviceDesc kept = load_profile(path.string());
    if (kept.kind != cpu.kind || kept.name != cpu.name || kept.isa != cpu.isa) return cpu;
    cpu.flops_per_second_core = kept.flops_per_second_core;
    cpu.l2_bytes_per_second_core = kept.l2_bytes_per_second_core;
    cpu.bytes_per_second = kept.bytes_per_second;
  } catch (const Error& error) {
    std::fprintf(stderr, "convoy: rates are left out: %s\n", error.what());
  }
  return cpu;
}

}  // namespace convoy::cli
