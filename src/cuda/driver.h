// libcuda, opened at run time: one binary for machines with and without a GPU.
#pragma once

#include <cuda.h>

#include <string>

namespace convoy::cuda {

// Entry points by name, as declared in cuda.h.
// clang-format off
#define CONVOY_CUDA_ENTRIES(X)                                                                     \
  X(cuInit) X(cuDriverGetVersion) X(cuGetErrorName) X(cuGetErrorString)                            \
  X(cuDeviceGetCount) X(cuDeviceGet) X(cuDeviceGetName) X(cuDeviceGetAttribute)                    \
  X(cuDeviceTotalMem) X(cuDevicePrimaryCtxRetain)                                                  \
  X(cuCtxPushCurrent) X(cuCtxPopCurrent) X(cuCtxSynchronize)                                       \
  X(cuMemAlloc) X(cuMemFree) X(cuMemGetInfo) X(cuMemcpyHtoDAsync) X(cuMemcpyDtoHAsync)             \
  X(cuMemcpyDtoDAsync) X(cuMemsetD8Async) X(cuPointerGetAttribute)                                 \
  X(cuStreamCreate) X(cuStreamDestroy) X(cuStreamSynchronize)                                      \
  X(cuEventCreate) X(cuEventDestroy) X(cuEventRecord) X(cuEventSynchronize) X(cuEventElapsedTime)  \
  X(cuModuleLoadData) X(cuModuleUnload) X(cuModuleGetFunction)                                     \
  X(cuFuncSetAttribute) X(cuLaunchKernel) X(cuLaunchKernelEx)                                      \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessor) X(cuOccupancyMaxActiveClusters)                   \
  X(cuStreamBeginCapture) X(cuStreamEndCapture) X(cuGraphInstantiateWithFlags) X(cuGraphLaunch)    \
  X(cuGraphExecDestroy) X(cuGraphDestroy)
// clang-format on

struct Driver {
#define CONVOY_CUDA_ENTRY(name) decltype(&::name) name = nullptr;
  CONVOY_CUDA_ENTRIES(CONVOY_CUDA_ENTRY)
#undef CONVOY_CUDA_ENTRY
};

// Loaded and initialised on first use. Throws kDevice with the reason when it cannot be.
const Driver& driver();

// Throws kDevice (kOutOfMemory where that is the error), naming the call, the driver's error and
// what it means.
void check(CUresult result, const char* call);

}  // namespace convoy::cuda

// CONVOY_CU(cuMemFree(pointer)): calls through driver() and checks.
#define CONVOY_CU(call) ::convoy::cuda::check(::convoy::cuda::driver().call, #call)
