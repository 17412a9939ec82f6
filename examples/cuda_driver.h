/* The calls of libcuda that the GPU examples make, looked up when they start, so that they build
 * and start on any machine. A program for GPUs alone links libcuda or the CUDA runtime instead:
 * Convoy takes the device pointers and streams of either. */
#ifndef CONVOY_EXAMPLES_CUDA_DRIVER_H_
#define CONVOY_EXAMPLES_CUDA_DRIVER_H_

#include <cuda.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* The exit status of a GPU example on a machine without one: skipped, to those who run tests. */
enum { kNoGpu = 77 };

/* clang-format off */
#define CUDA_DRIVER_CALLS(X)                                                                \
  X(init, cuInit) X(device_get, cuDeviceGet) X(context_retain, cuDevicePrimaryCtxRetain)    \
  X(context_set, cuCtxSetCurrent) X(alloc, cuMemAlloc) X(free, cuMemFree)                   \
  X(upload, cuMemcpyHtoDAsync) X(download, cuMemcpyDtoHAsync)                               \
  X(stream_create, cuStreamCreate) X(stream_wait, cuStreamSynchronize)                      \
  X(stream_destroy, cuStreamDestroy)
/* clang-format on */

typedef struct cuda_driver {
#define CUDA_DRIVER_FIELD(field, call) __typeof__(&call) field;
  CUDA_DRIVER_CALLS(CUDA_DRIVER_FIELD)
#undef CUDA_DRIVER_FIELD
} cuda_driver;

/* Ends the program when a call fails. */
static inline void cuda_check(CUresult result, const char* what) {
  if (result == CUDA_SUCCESS) return;
  fprintf(stderr, "%s fails with CUDA error %d\n", what, (int)result);
  exit(1);
}

/* The driver, with the context of the first GPU that the whole process shares made current. */
static inline cuda_driver cuda_start(void) {
  cuda_driver cuda;
  CUdevice device;
  CUcontext context;
  void* library = dlopen("libcuda.so.1", RTLD_NOW);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(kNoGpu);
  }
/* cuda.h's macros say what the library calls them: cuMemAlloc is cuMemAlloc_v2. */
#define CUDA_DRIVER_TEXT(call) #call
#define CUDA_DRIVER_LOOK_UP(field, call) \
  *(void**)&cuda.field = dlsym(library, CUDA_DRIVER_TEXT(call));
  CUDA_DRIVER_CALLS(CUDA_DRIVER_LOOK_UP)
#undef CUDA_DRIVER_LOOK_UP
#undef CUDA_DRIVER_TEXT
  cuda_check(cuda.init(0), "cuInit");
  cuda_check(cuda.device_get(&device, 0), "cuDeviceGet");
  cuda_check(cuda.context_retain(&context, device), "cuDevicePrimaryCtxRetain");
  cuda_check(cuda.context_set(context), "cuCtxSetCurrent");
  return cuda;
}

#endif
