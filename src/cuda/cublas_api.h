// What Convoy calls of cuBLAS, as cublas_v2.h of CUDA 12 and 13 declares it. Its headers come with
// half a gigabyte of libraries, which building Convoy does not need; where they are there, a test
// compares.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace convoy::cuda::cublas_api {

using Handle = struct Context*;
enum class Status : int { kSuccess = 0, kAllocFailed = 3 };
enum class Operation : int { kNone = 0, kTranspose = 1 };
enum class MathMode : int { kDefault = 0 };

// By the names that the library exports.
Status cublasCreate_v2(Handle* handle);
Status cublasDestroy_v2(Handle handle);
const char* cublasGetStatusString(Status status);
Status cublasSetStream_v2(Handle handle, CUstream stream);
Status cublasSetMathMode(Handle handle, MathMode mode);
Status cublasSgemm_v2(Handle handle, Operation a_as, Operation b_as, int m, int n, int k,
                      const float* alpha, const float* a, int a_rows, const float* b, int b_rows,
                      const float* beta, float* c, int c_rows);
Status cublasSgemmStridedBatched(Handle handle, Operation a_as, Operation b_as, int m, int n, int k,
                                 const float* alpha, const float* a, int a_rows, long long a_stride,
                                 const float* b, int b_rows, long long b_stride, const float* beta,
                                 float* c, int c_rows, long long c_stride, int batch);

// clang-format off
#define CONVOY_CUBLAS_ENTRIES(X)                                                              \
  X(cublasCreate_v2) X(cublasDestroy_v2) X(cublasGetStatusString) X(cublasSetStream_v2)       \
  X(cublasSetMathMode) X(cublasSgemm_v2) X(cublasSgemmStridedBatched)
// clang-format on

}  // namespace convoy::cuda::cublas_api
