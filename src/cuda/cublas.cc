#include "cuda/cublas.h"

#include <map>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "cuda/cublas_api.h"
#include "cuda/library.h"

namespace convoy::cuda {
namespace {

using namespace cublas_api;

struct Entries {
#define CONVOY_CUBLAS_ENTRY(name) decltype(&cublas_api::name) name = nullptr;
  CONVOY_CUBLAS_ENTRIES(CONVOY_CUBLAS_ENTRY)
#undef CONVOY_CUBLAS_ENTRY
  std::string missing;

  Entries() {
    Library library("CONVOY_LIBCUBLAS",
                    {"libcublas.so.13", "libcublas.so.12", "/usr/local/cuda/lib64/libcublas.so.13",
                     "/usr/local/cuda/lib64/libcublas.so.12"});
#define CONVOY_CUBLAS_ENTRY(name) library.find(name, #name);
    CONVOY_CUBLAS_ENTRIES(CONVOY_CUBLAS_ENTRY)
#undef CONVOY_CUBLAS_ENTRY
    if (!library.missing().empty()) missing = "no cuBLAS: " + library.missing();
  }
};

const Entries& cublas() {
  static const Entries entries;
  return entries;
}

void check_blas(Status status, const char* call) {
  if (status == Status::kSuccess) return;
  fail(status == Status::kAllocFailed ? ErrorCode::kOutOfMemory : ErrorCode::kDevice,
       std::string(call) + ": " + cublas().cublasGetStatusString(status));
}

}  // namespace

std::string blas_missing() { return cublas().missing; }

struct Blas::State {
  explicit State(const Device& on) : device(on) {}
  ~State() {
    if (handle != nullptr) cublas().cublasDestroy_v2(handle);
  }
  const Device& device;
  Handle handle = nullptr;
  std::mutex mutex;  // the stream belongs to the handle
};

Blas::Blas(const Device& device) : state_(std::make_unique<State>(device)) {
  if (const std::string reason = blas_missing(); !reason.empty()) fail(ErrorCode::kDevice, reason);
  const ContextScope scope(device);
  check_blas(cublas().cublasCreate_v2(&state_->handle), "cublasCreate");
  // Not the pedantic mode, which also forbids fast kernels that are exact in f32; the default one
  // uses tensor cores for no f32 product.
  check_blas(cublas().cublasSetMathMode(state_->handle, MathMode::kDefault), "cublasSetMathMode");
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
  const auto operation = [](bool transpose) {
    return transpose ? Operation::kTranspose : Operation::kNone;
  };
  const std::lock_guard lock(state_->mutex);
  const ContextScope scope(state_->device);
  const Handle handle = state_->handle;
  check_blas(cublas().cublasSetStream_v2(handle, stream), "cublasSetStream");
  if (p.batch == 1) {
    check_blas(
        cublas().cublasSgemm_v2(handle, operation(p.transpose_a), operation(p.transpose_b), p.m,
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
