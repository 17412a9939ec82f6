#include "cli/info_cuda.h"

#include <cstdio>

#include "base/error.h"
#include "cuda/cache.h"
#include "cuda/calibrate.h"
#include "cuda/compile.h"
#include "cuda/device.h"

namespace convoy::cli {
namespace {

std::string human(std::int64_t bytes) { return human_bytes(static_cast<std::size_t>(bytes)); }

Json show_gpu(const DeviceDesc& gpu, bool quiet) {
  const double flops = gpu.cores * gpu.flops_per_second_core;
  if (!quiet) {
    std::printf("cuda:%-6d %s, %s, %d multiprocessors, %s\n", gpu.cuda.ordinal, gpu.name.c_str(),
                gpu.cuda.arch.c_str(), gpu.cores, human(gpu.cuda.memory_bytes).c_str());
    std::printf(
        "            L2 %s, shared memory %s per block, %.1f TFLOP/s f32, %.2f TB/s nominal\n",
        human(gpu.l2_bytes).c_str(), human(gpu.cuda.shared_bytes_block).c_str(), flops * 1e-12,
        gpu.bytes_per_second * 1e-12);
  }
  return {{"device", "cuda:" + std::to_string(gpu.cuda.ordinal)},
          {"name", gpu.name},
          {"arch", gpu.cuda.arch},
          {"multiprocessors", gpu.cores},
          {"memory_bytes", gpu.cuda.memory_bytes},
          {"l2_bytes", gpu.l2_bytes},
          {"shared_bytes_block", gpu.cuda.shared_bytes_block},
          {"clock_hz", gpu.cuda.clock_hz},
          {"flops_per_second", flops},
          {"bytes_per_second", gpu.bytes_per_second}};
}

Json show_measured(const cuda::Device& device, bool quiet) {
  const DeviceDesc& gpu = device.desc();
  const cuda::Calibration measured = cuda::calibrate(device);
  if (!quiet) {
    std::printf(
        "            measured: %.1f TFLOP/s f32 (%.0f %% of nominal), %.2f TB/s (%.0f %%) read and "
        "written by a copy\n",
        measured.flops_per_second * 1e-12,
        100 * measured.flops_per_second / (gpu.cores * gpu.flops_per_second_core),
        measured.bytes_per_second * 1e-12, 100 * measured.bytes_per_second / gpu.bytes_per_second);
    std::printf(
        "            an empty kernel: %.2f us after another, %.2f us for who waits for it\n",
        measured.launch_seconds * 1e6, measured.round_trip_seconds * 1e6);
  }
  return {{"flops_per_second", measured.flops_per_second},
          {"bytes_per_second", measured.bytes_per_second},
          {"launch_seconds", measured.launch_seconds},
          {"round_trip_seconds", measured.round_trip_seconds}};
}

Json show_cache(bool quiet) {
  const cuda::Cache cache = cuda::Cache::of_environment();
  if (!cache.off().empty()) {
    if (!quiet) std::printf("cache       none: %s\n", cache.off().c_str());
    return {{"off", cache.off()}};
  }
  const cuda::Cache::Usage usage = cache.usage();
  if (!quiet) {
    std::printf("cache       %s: %lld kernel%s, %s of %s\n", cache.folder().c_str(),
                static_cast<long long>(usage.entries), usage.entries == 1 ? "" : "s",
                human(usage.bytes).c_str(), human(cache.limit_bytes()).c_str());
  }
  return {{"folder", cache.folder().string()},
          {"entries", usage.entries},
          {"bytes", usage.bytes},
          {"limit_bytes", cache.limit_bytes()}};
}

}  // namespace

void require_gpu_to_calibrate() {
  const cuda::Availability gpus = cuda::availability();
  if (gpus.devices == 0) fail(ErrorCode::kDevice, "no GPU to calibrate: " + gpus.reason);
}

Json show_cuda(bool calibrate, bool quiet) {
  const cuda::Availability gpus = cuda::availability();
  const std::string missing = cuda::compiler_missing(), compiler = cuda::compiler_version();
  Json json = {{"gpus", Json::array()}, {"compiler", compiler}};
  if (gpus.devices == 0) {
    json["no_gpu"] = gpus.reason;
    if (!quiet) std::printf("gpu         none: %s\n", gpus.reason.c_str());
  }
  for (int i = 0; i < gpus.devices; ++i) {
    const cuda::Device& device = cuda::Device::get(i);
    Json gpu = show_gpu(device.desc(), quiet);
    if (calibrate) gpu["measured"] = show_measured(device, quiet);
    json["gpus"].push_back(std::move(gpu));
  }
  if (!missing.empty()) json["no_compiler"] = missing;
  if (!quiet) std::printf("compiler    %s\n", (missing.empty() ? compiler : missing).c_str());
  json["kernel_cache"] = show_cache(quiet);
  return json;
}

}  // namespace convoy::cli
