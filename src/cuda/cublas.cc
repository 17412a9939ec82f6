#include "cuda/cublas.h"

#include <cublas_v2.h>

#include <map>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "cuda/library.h"

namespace convoy::cuda {
namespace {

// cublas_v2.h renames some of these with the suffix _v2: the expansion is what the library exports.
// clang-format off
#define CONVOY_CUBLAS_ENTRIES(X)                                              \
  X(cublasCreate) X(cublasDestroy) X(cublasGetStatusString) X(cublasSetStream) \
  X(cublasSetMathMode) X(cublasSgemm) X(cublasSgemmStridedBatched)
// clang-format on
#define CONVOY_STRING(text) #text
#define CONVOY_EXPANDED_NAME(name) CONVOY_STRING(name)

struct Entries {
#define CONVOY_CUBLAS_ENTRY(name) decltype(&::name) name = nullptr;
  CONVOY_CUBLAS_ENTRIES(CONVOY_CUBLAS_ENTRY)
#undef CONVOY_CUBLAS_ENTRY
  std::string missing;

  Entries() {
    Library library("CONVOY_LIBCUBLAS",
                    {"libcublas.so.13", "libcublas.so.12", "/usr/local/cuda/lib64/libcublas.so.13",
                     "/usr/local/cuda/lib64/libcublas.so.12"});
#define CONVOY_CUBLAS_ENTRY(name) library.find(name, CONVOY_EXPANDED_NAME(name));
    CONVOY_CUBLAS_ENTRIES(CONVOY_CUBLAS_ENTRY)
#undef CONVOY_CUBLAS_ENTRY
    if (!library.missing().empty()) missing = "no cuBLAS: " + library.missing();
  }
};

const Entries& cublas() {
  static const Entries entries;
  return entries;
}

void check_blas(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  fail(status == CUBLAS_STATUS_ALLOC_FAILED ? ErrorCode::kOutOfMemory : ErrorCode::kDevice,
       std::string(call) + ": " + cublas().cublasGetStatusString(status));
}

}  // namespace

std::string blas_missing() { return cublas().missing; }

struct Blas::State {
  explicit State(const Device& on) : device(on) {}
  ~State() {
    if (handle != nullptr) cublas().cublasDestroy(handle);
  }
  const Device& device;
  cublasHandle_t handle = nullptr;
  std::mutex mutex;  // the stream belongs to the handle
};

Blas::Blas(const Device& device) : state_(std::make_unique<State>(device)) {
  if (const std::string reason = blas_missing(); !reason.empty()) fail(ErrorCode::kDevice, reason);
  const ContextScope scope(device);
  check_blas(cublas().cublasCreate(&state_->handle), "cublasCreate");
  // Not the pedantic mode, which also forbids fast kernels that are exact in f32; the default one
  // uses tensor cores for no f32 product.
  check_blas(cublas().cublasSetMathMode(state_->handle, CUBLAS_DEFAULT_MATH), "cublasSetMathMode");
}

Blas::~Blas() = default;

const Blas& Blas::get(const Device& device) {
  static std::mutex mutex;
  // Never destroyed: at exit the driver may be gone before we are.
  static auto& handles = *new std::map<int, std::unique_ptr<Blas>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Blas>& blas = handles[device.desc().cuda.ordinal];
  if (blas == nullptr) blas = std::make_unique<Blas>(device);
  return *blas;
}

void Blas::multiply(const MatrixProduct& p, const float* a, const float* b, float* c,
                    CUstream stream) const {
  const float one = 1, zero = 0;
  const auto operation = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const std::lock_guard lock(state_->mutex);
  const ContextScope scope(state_->device);
  const cublasHandle_t handle = state_->handle;
  check_blas(cublas().cublasSetStream(handle, stream), "cublasSetStream");
  if (p.batch == 1) {
    check_blas(cublas().cublasSgemm(handle, operation(p.transpose_a), operation(p.transpose_b), p.m,
                                    p.n, p.k, &one, a, p.a_rows, b, p.b_rows, &zero, c, p.c_rows),
               "cublasSgemm");
  } else {
    check_blas(cublas().cublasSgemmStridedBatched(handle, operation(p.transpose_a),
                                                  operation(p.transpose_b), p.m, p.n, p.k, &one, a,
                                                  p.a_rows, p.a_stride, b, p.b_rows, p.b_stride,
                                                  &zero, c, p.c_rows, p.c_stride, p.batch),
               "cublasSgemmStridedBatched");
  }
}

}  // namespace convoy::cuda
