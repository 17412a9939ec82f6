// A libcuda without a GPU: device memory is host memory, work is done when it is enqueued, kernels
// do nothing. It has 4096 devices, as many as tests want to see opened for the first time, and 64
// MiB for all of them. What gives something back does so also when it fails, as the real one does.
#include <cuda.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tests/fake_cuda/faults.h"

// NOLINTBEGIN: names and types are those of cuda.h
#define ENTER(name) \
  if (const int error = faults.enter(#name); error != 0) return static_cast<CUresult>(error)

namespace {

constexpr int kDevices = 4096;
constexpr std::size_t kMemory = 64 << 20;
std::atomic<std::size_t> taken{0};
thread_local std::vector<CUcontext> current;

// Lies before each block.
struct Header {
  std::size_t bytes;
  int ordinal;
};
constexpr std::size_t kHeaderBytes = 256;  // so that blocks are aligned as device memory is
Header& header_of(void* block) {
  return *reinterpret_cast<Header*>(static_cast<char*>(block) - kHeaderBytes);
}

// Contexts say which device they are of.
CUcontext context_of(int ordinal) {
  return reinterpret_cast<CUcontext>(std::uintptr_t{8} * (static_cast<unsigned>(ordinal) + 1));
}
int ordinal_of(CUcontext context) {
  return static_cast<int>(reinterpret_cast<std::uintptr_t>(context) / 8) - 1;
}

template <class Handle>
void make(const char* kind, Handle* handle) {
  *handle = static_cast<Handle>(std::malloc(16));
  objects.add(kind, *handle);
}

// What `make` made.
template <class Handle>
CUresult give_back(const char* entry, const char* kind, Handle handle) {
  const int error = faults.enter(entry);
  if (!objects.remove(kind, handle)) return CUDA_ERROR_INVALID_HANDLE;
  std::free(handle);
  return static_cast<CUresult>(error);
}

int attribute(CUdevice_attribute which) {
  switch (which) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
      return 8;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
      return 6;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
      return 82;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
      return 99 << 10;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
      return 100 << 10;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR:
      return 64 << 10;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR:
      return 1536;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
      return 1'695'000;
    case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
      return 9'751'000;
    case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
      return 384;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
      return 6 << 20;
    default:
      return 0;
  }
}

// Whether the calling thread may do what needs a context.
bool has_context() { return !current.empty(); }

}  // namespace

extern "C" {

int fake_contexts_current() { return static_cast<int>(current.size()); }

CUresult cuInit(unsigned) {
  // The one call that comes before a test can ask for anything.
  const char* error = std::getenv("CONVOY_FAKE_INIT");
  return error == nullptr ? CUDA_SUCCESS : static_cast<CUresult>(std::atoi(error));
}
CUresult cuDriverGetVersion(int* version) {
  const char* asked = std::getenv("CONVOY_FAKE_VERSION");
  *version = asked == nullptr ? CUDA_VERSION : std::atoi(asked);
  return CUDA_SUCCESS;
}
CUresult cuGetErrorName(CUresult result, const char** name) {
  ENTER(cuGetErrorName);
  *name = result == CUDA_ERROR_OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE";
  return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult, const char** text) {
  ENTER(cuGetErrorString);
  *text = "asked for by a test";
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int* count) {
  ENTER(cuDeviceGetCount);
  *count = kDevices;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  ENTER(cuDeviceGet);
  *device = ordinal;
  return ordinal >= 0 && ordinal < kDevices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}
CUresult cuDeviceGetName(char* name, int length, CUdevice) {
  ENTER(cuDeviceGetName);
  std::strncpy(name, "Fake GPU", static_cast<std::size_t>(length));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice) {
  ENTER(cuDeviceGetAttribute);
  *value = attribute(which);
  return CUDA_SUCCESS;
}
CUresult cuDeviceTotalMem(std::size_t* bytes, CUdevice) {
  ENTER(cuDeviceTotalMem);
  *bytes = kMemory;
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  ENTER(cuDevicePrimaryCtxRetain);
  *context = context_of(device);
  return CUDA_SUCCESS;
}
CUresult cuCtxPushCurrent(CUcontext context) {
  ENTER(cuCtxPushCurrent);
  if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  current.push_back(context);
  return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent(CUcontext* context) {
  const int error = faults.enter("cuCtxPopCurrent");
  if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  *context = current.back();
  current.pop_back();
  return static_cast<CUresult>(error);
}
CUresult cuCtxSynchronize() {
  ENTER(cuCtxSynchronize);
  return has_context() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuMemAlloc(CUdeviceptr* address, std::size_t bytes) {
  ENTER(cuMemAlloc);
  if (!has_context()) return CUDA_ERROR_INVALID_CONTEXT;
  if (taken + bytes > kMemory) return CUDA_ERROR_OUT_OF_MEMORY;
  void* whole = std::aligned_alloc(256, (kHeaderBytes + bytes + 255) / 256 * 256);
  void* block = static_cast<char*>(whole) + kHeaderBytes;
  header_of(block) = {bytes, ordinal_of(current.back())};
  taken += bytes;
  *address = reinterpret_cast<CUdeviceptr>(block);
  objects.add("memory", block);
  return CUDA_SUCCESS;
}
CUresult cuMemFree(CUdeviceptr address) {
  const int error = faults.enter("cuMemFree");
  void* block = reinterpret_cast<void*>(address);
  if (!objects.remove("memory", block)) return CUDA_ERROR_INVALID_VALUE;
  taken -= header_of(block).bytes;
  std::free(&header_of(block));
  return static_cast<CUresult>(error);
}
CUresult cuMemGetInfo(std::size_t* free, std::size_t* total) {
  ENTER(cuMemGetInfo);
  *free = kMemory - taken, *total = kMemory;
  return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, std::size_t bytes, CUstream) {
  ENTER(cuMemcpyHtoDAsync);
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, std::size_t bytes, CUstream) {
  ENTER(cuMemcpyDtoHAsync);
  std::memcpy(to, reinterpret_cast<void*>(from), bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream) {
  ENTER(cuMemcpyDtoDAsync);
  std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, std::size_t bytes, CUstream) {
  ENTER(cuMemsetD8Async);
  std::memset(reinterpret_cast<void*>(to), value, bytes);
  return CUDA_SUCCESS;
}
CUresult cuPointerGetAttribute(void* value, CUpointer_attribute which, CUdeviceptr address) {
  ENTER(cuPointerGetAttribute);
  void* block = reinterpret_cast<void*>(address);
  if (!objects.has("memory", block)) return CUDA_ERROR_INVALID_VALUE;
  if (which == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) {
    *static_cast<int*>(value) = header_of(block).ordinal;
  } else {
    *static_cast<unsigned*>(value) = CU_MEMORYTYPE_DEVICE;
  }
  return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream* stream, unsigned) {
  ENTER(cuStreamCreate);
  make("stream", stream);
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream stream) { return give_back("cuStreamDestroy", "stream", stream); }
CUresult cuStreamSynchronize(CUstream stream) {
  ENTER(cuStreamSynchronize);
  return stream == nullptr || objects.has("stream", stream) ? CUDA_SUCCESS
                                                            : CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuEventCreate(CUevent* event, unsigned) {
  ENTER(cuEventCreate);
  make("event", event);
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy(CUevent event) { return give_back("cuEventDestroy", "event", event); }
CUresult cuEventRecord(CUevent event, CUstream) {
  ENTER(cuEventRecord);
  return objects.has("event", event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuEventSynchronize(CUevent event) {
  ENTER(cuEventSynchronize);
  return objects.has("event", event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  ENTER(cuEventElapsedTime);
  *milliseconds = 0.5f;
  return objects.has("event", start) && objects.has("event", end) ? CUDA_SUCCESS
                                                                  : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  ENTER(cuModuleLoadData);
  if (std::memcmp(image,
                  "\x7f"
                  "ELF",
                  4) != 0)
    return CUDA_ERROR_INVALID_IMAGE;
  make("module", module);
  return CUDA_SUCCESS;
}
CUresult cuModuleUnload(CUmodule module) { return give_back("cuModuleUnload", "module", module); }
CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char*) {
  ENTER(cuModuleGetFunction);
  *function = reinterpret_cast<CUfunction>(module);
  return objects.has("module", module) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuFuncSetAttribute(CUfunction, CUfunction_attribute, int) {
  ENTER(cuFuncSetAttribute);
  return CUDA_SUCCESS;
}
// As many as any grid has.
CUresult cuOccupancyMaxActiveClusters(int* clusters, CUfunction function, const CUlaunchConfig*) {
  ENTER(cuOccupancyMaxActiveClusters);
  *clusters = 1 << 30;
  return objects.has("module", function) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction function, int,
                                                     std::size_t) {
  ENTER(cuOccupancyMaxActiveBlocksPerMultiprocessor);
  *blocks = 1;
  return objects.has("module", function) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuLaunchKernel(CUfunction function, unsigned, unsigned, unsigned, unsigned, unsigned,
                        unsigned, unsigned, CUstream, void**, void**) {
  ENTER(cuLaunchKernel);
  if (!has_context()) return CUDA_ERROR_INVALID_CONTEXT;
  return objects.has("module", function) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuLaunchKernelEx(const CUlaunchConfig*, CUfunction function, void**, void**) {
  ENTER(cuLaunchKernelEx);
  if (!has_context()) return CUDA_ERROR_INVALID_CONTEXT;
  return objects.has("module", function) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

// Recording is an object of the stream's, so that one left open shows.
CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode) {
  ENTER(cuStreamBeginCapture);
  if (!objects.has("stream", stream)) return CUDA_ERROR_INVALID_HANDLE;
  if (objects.has("capture", stream)) return CUDA_ERROR_ILLEGAL_STATE;
  objects.add("capture", stream);
  return CUDA_SUCCESS;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  const int error = faults.enter("cuStreamEndCapture");
  *graph = nullptr;
  if (!objects.remove("capture", stream)) return CUDA_ERROR_ILLEGAL_STATE;
  if (error == 0) make("graph", graph);
  return static_cast<CUresult>(error);
}
CUresult cuGraphDestroy(CUgraph graph) { return give_back("cuGraphDestroy", "graph", graph); }
CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
  ENTER(cuGraphInstantiateWithFlags);
  if (!objects.has("graph", graph)) return CUDA_ERROR_INVALID_HANDLE;
  make("executable", executable);
  return CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec executable, CUstream) {
  ENTER(cuGraphLaunch);
  return objects.has("executable", executable) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuProfilerStart() {
  ENTER(cuProfilerStart);
  return CUDA_SUCCESS;
}
CUresult cuProfilerStop() {
  ENTER(cuProfilerStop);
  return CUDA_SUCCESS;
}
CUresult cuGraphExecDestroy(CUgraphExec executable) {
  return give_back("cuGraphExecDestroy", "executable", executable);
}
}
// NOLINTEND
