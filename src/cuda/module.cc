#include "cuda/module.h"

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

void Kernel::launch(const LaunchShape& shape, CUstream stream, void** arguments) const {
  const ContextScope scope(*device_);
  if (shape.overlaps_former || shape.cluster > 1) {
    CUlaunchAttribute attributes[2] = {};
    unsigned count = 0;
    if (shape.overlaps_former) {
      attributes[count].id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
      attributes[count++].value.programmaticStreamSerializationAllowed = 1;
    }
    if (shape.cluster > 1) {
      attributes[count].id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
      attributes[count++].value.clusterDim = {.x = shape.cluster, .y = 1, .z = 1};
    }
    const CUlaunchConfig config{.gridDimX = shape.grid[0],
                                .gridDimY = shape.grid[1],
                                .gridDimZ = shape.grid[2],
                                .blockDimX = shape.block[0],
                                .blockDimY = shape.block[1],
                                .blockDimZ = shape.block[2],
                                .sharedMemBytes = static_cast<unsigned>(shape.shared_bytes),
                                .hStream = stream,
                                .attrs = attributes,
                                .numAttrs = count};
    CONVOY_CU(cuLaunchKernelEx(&config, function_, arguments, nullptr));
    return;
  }
  CONVOY_CU(cuLaunchKernel(function_, shape.grid[0], shape.grid[1], shape.grid[2], shape.block[0],
                           shape.block[1], shape.block[2],
                           static_cast<unsigned>(shape.shared_bytes), stream, arguments, nullptr));
}

}  // namespace convoy::cuda
