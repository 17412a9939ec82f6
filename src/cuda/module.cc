#include "cuda/module.h"

#include <algorithm>
#include <utility>

#include "cuda/driver.h"

namespace convoy::cuda {

Kernel::Kernel(const Device& device, const Binary& binary, std::size_t dynamic_shared_bytes)
    : device_(&device), resources_(binary.resources) {
  const ContextScope scope(device);
  CONVOY_CU(cuModuleLoadData(&module_, binary.cubin.data()));
  try {
    CONVOY_CU(cuModuleGetFunction(&function_, module_, binary.kernel.c_str()));
    if (dynamic_shared_bytes > 0) {
      CONVOY_CU(cuFuncSetAttribute(function_, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                   static_cast<int>(dynamic_shared_bytes)));
    }
  } catch (...) {
    driver().cuModuleUnload(module_);
    throw;
  }
}

Kernel::~Kernel() {
  if (module_ == nullptr) return;
  // Without the context too: one that is gone has unloaded it, and then this is refused.
  const bool pushed = driver().cuCtxPushCurrent(device_->context()) == CUDA_SUCCESS;
  driver().cuModuleUnload(module_);
  CUcontext former = nullptr;
  if (pushed) driver().cuCtxPopCurrent(&former);
}

void Kernel::swap(Kernel& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(module_, other.module_);
  std::swap(function_, other.function_);
  std::swap(resources_, other.resources_);
}

namespace {

// What a launch needs beside its grid; lives as long as the configuration that points at it.
struct LaunchConfig {
  LaunchConfig(const LaunchShape& shape, CUstream stream)
      : config{.gridDimX = shape.grid[0],
               .gridDimY = shape.grid[1],
               .gridDimZ = shape.grid[2],
               .blockDimX = shape.block[0],
               .blockDimY = shape.block[1],
               .blockDimZ = shape.block[2],
               .sharedMemBytes = static_cast<unsigned>(shape.shared_bytes),
               .hStream = stream,
               .attrs = attributes,
               .numAttrs = 0} {
    if (shape.overlaps_former) {
      attributes[config.numAttrs].id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
      attributes[config.numAttrs++].value.programmaticStreamSerializationAllowed = 1;
    }
    if (shape.cluster > 1) {
      attributes[config.numAttrs].id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
      attributes[config.numAttrs++].value.clusterDim = {.x = shape.cluster, .y = 1, .z = 1};
    }
  }
  LaunchConfig(const LaunchConfig&) = delete;

  CUlaunchAttribute attributes[2] = {};
  CUlaunchConfig config;
};

}  // namespace

std::size_t shared_bytes_for_at_most(std::uint64_t blocks, const DeviceDesc& device) {
  constexpr std::uint64_t kReserved = 1 << 10, kUnit = 128;  // of each block, by the driver
  const auto all = static_cast<std::uint64_t>(device.cuda.shared_bytes_multiprocessor);
  const std::uint64_t share = all / (blocks + 1) / kUnit * kUnit;
  return share < kReserved ? 0 : share - kReserved + kUnit;
}

int Kernel::blocks_at_once(int threads, std::size_t shared_bytes) const {
  const ContextScope scope(*device_);
  int blocks = 0;
  CONVOY_CU(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function_, threads, shared_bytes));
  return blocks;
}

void Kernel::spread(LaunchShape& shape) {
  const auto cores = static_cast<std::uint64_t>(device_->desc().cores);
  const std::uint64_t blocks = std::uint64_t{shape.grid[0]} * shape.grid[1] * shape.grid[2];
  const ContextScope scope(*device_);
  for (std::uint64_t each = (blocks + cores - 1) / cores;; ++each) {
    LaunchShape padded = shape;
    padded.shared_bytes = shared_bytes_for_at_most(each, device_->desc());
    if (padded.shared_bytes <= shape.shared_bytes) return;  // they do not fit anyway
    CONVOY_CU(cuFuncSetAttribute(function_, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                 static_cast<int>(padded.shared_bytes)));
    // Clusters lie within a part of the device, and not all multiprocessors can be in one.
    int clusters = static_cast<int>(blocks);
    if (shape.cluster > 1) {
      const LaunchConfig launch(padded, nullptr);
      CONVOY_CU(cuOccupancyMaxActiveClusters(&clusters, function_, &launch.config));
    }
    if (static_cast<std::uint64_t>(clusters) * shape.cluster >= blocks) {
      shape = padded;
      return;
    }
  }
}

void Kernel::launch(const LaunchShape& shape, CUstream stream, void** arguments) const {
  const ContextScope scope(*device_);
  if (shape.overlaps_former || shape.cluster > 1) {
    const LaunchConfig launch(shape, stream);
    CONVOY_CU(cuLaunchKernelEx(&launch.config, function_, arguments, nullptr));
    return;
  }
  CONVOY_CU(cuLaunchKernel(function_, shape.grid[0], shape.grid[1], shape.grid[2], shape.block[0],
                           shape.block[1], shape.block[2],
                           static_cast<unsigned>(shape.shared_bytes), stream, arguments, nullptr));
}

}  // namespace convoy::cuda
