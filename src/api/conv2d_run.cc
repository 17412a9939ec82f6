// The convolution primitive: check a run's operands, run or enqueue it.
#include <algorithm>
#include <cstdint>

#include "api/boundary.h"
#include "api/conv2d.h"
#include "cuda/driver.h"
#include "device/name.h"

namespace convoy::api {
namespace {

// Of x, residual and y on a GPU, whose kernels move four floats at a time.
constexpr std::size_t kGpuAlignment = 16;

// As the caller gave them.
struct Operands {
  const void* x;
  const void* residual;
  void* y;
  void* workspace;
  std::size_t workspace_bytes;
};

bool overlap(const void* a, std::size_t a_bytes, const void* b, std::size_t b_bytes) {
  const auto at = reinterpret_cast<std::uintptr_t>(a), bt = reinterpret_cast<std::uintptr_t>(b);
  return at < bt + b_bytes && bt < at + a_bytes;
}

void check_alignment(const void* pointer, std::size_t alignment, const char* what) {
  if (reinterpret_cast<std::uintptr_t>(pointer) % alignment != 0) {
    fail(ErrorCode::kInvalidArgument,
         std::string(what) + " is not aligned to " + std::to_string(alignment) + " bytes");
  }
}

void check_operands(const convoy_conv2d& c, const Operands& given) {
  const std::size_t x_bytes = c.problem.inputs()[0].bytes(), y_bytes = c.problem.output().bytes();
  required(static_cast<const char*>(given.x), "x");
  required(static_cast<char*>(given.y), "y");
  if (c.problem.has_residual() != (given.residual != nullptr)) {
    fail(ErrorCode::kInvalidArgument,
         c.problem.has_residual() ? "residual is null" : "residual: the description has none");
  }
  if (given.workspace_bytes < c.workspace_bytes) {
    fail(ErrorCode::kInvalidArgument, "workspace has " + std::to_string(given.workspace_bytes) +
                                          " bytes, expected " + std::to_string(c.workspace_bytes));
  }
  if (overlap(given.y, y_bytes, given.x, x_bytes)) {
    fail(ErrorCode::kInvalidArgument, "y overlaps x");
  }
  if (given.residual != nullptr && overlap(given.y, y_bytes, given.residual, y_bytes)) {
    fail(ErrorCode::kInvalidArgument, "y overlaps residual");
  }
  if (c.workspace_bytes == 0) return;
  required(static_cast<char*>(given.workspace), "workspace");
  check_alignment(given.workspace, kAlignment, "workspace");
  if (overlap(given.y, y_bytes, given.workspace, c.workspace_bytes) ||
      overlap(given.x, x_bytes, given.workspace, c.workspace_bytes) ||
      (given.residual != nullptr &&
       overlap(given.residual, y_bytes, given.workspace, c.workspace_bytes))) {
    fail(ErrorCode::kInvalidArgument, "workspace overlaps x, residual or y");
  }
}

// A kernel that reads memory of anything but its GPU ends all work of the process on that GPU, so
// the driver is asked about every pointer. It looks in its own tables; no work is waited for.
void check_memory(const cuda::Device& gpu, const void* pointer, const char* what) {
  const int expected = gpu.desc().cuda.ordinal;
  const auto refuse = [&](const std::string& found) {
    fail(ErrorCode::kInvalidArgument, std::string(what) + " is " + found + ", expected memory of " +
                                          to_string(DeviceName{gpu.desc().kind, expected}));
  };
  const auto ask = [&](void* answer, CUpointer_attribute attribute) {
    const CUresult result = cuda::driver().cuPointerGetAttribute(
        answer, attribute, reinterpret_cast<CUdeviceptr>(pointer));
    if (result == CUDA_ERROR_INVALID_VALUE) refuse("memory that the driver does not know");
    cuda::check(result, "cuPointerGetAttribute");
  };
  unsigned type = 0;
  ask(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE);
  if (type == CU_MEMORYTYPE_HOST) refuse("host memory");
  int ordinal = 0;
  ask(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL);
  if (ordinal != expected) refuse("memory of cuda:" + std::to_string(ordinal));
}

void check_gpu_operands(const convoy_conv2d& c, const Operands& given) {
  const cuda::Device& gpu = *c.problem.gpu();
  const cuda::ContextScope scope(gpu);
  const auto check = [&](const void* pointer, const char* what) {
    check_alignment(pointer, kGpuAlignment, what);
    check_memory(gpu, pointer, what);
  };
  check(given.x, "x");
  if (given.residual != nullptr) check(given.residual, "residual");
  check(given.y, "y");
  if (c.workspace_bytes > 0) check(given.workspace, "workspace");
}

void run(const convoy_conv2d& c, const Operands& given, void* stream) {
  TensorView inputs[Conv2dProblem::kMostInputs];
  const std::size_t count = c.problem.inputs().size();
  std::copy_n(c.problem.inputs().begin(), count, inputs);
  for (std::size_t i = 0; i < count; ++i) {
    inputs[i].data = c.constants[i] ? c.constants[i]->view().data : nullptr;
  }
  inputs[0].data = const_cast<void*>(given.x);
  if (c.problem.has_residual()) {
    inputs[c.problem.residual()].data = const_cast<void*>(given.residual);
  }
  TensorView output = c.problem.output();
  output.data = given.y;
  c.kernel->run({{inputs, count},
                 {&output, 1},
                 {static_cast<std::byte*>(given.workspace), c.workspace_bytes},
                 c.pool,
                 stream});
}

void enqueue(const convoy_conv2d& c, const Operands& given, void* stream) {
  check_operands(c, given);
  check_gpu_operands(c, given);
  run(c, given, stream);
}

}  // namespace
}  // namespace convoy::api

using namespace convoy;
using namespace convoy::api;

convoy_status convoy_conv2d_execute(const convoy_conv2d* conv, const void* x, const void* residual,
                                    void* y, void* workspace, size_t workspace_bytes) {
  return guarded([&] {
    const convoy_conv2d& c = checked(conv, "conv");
    const Operands given{x, residual, y, workspace, workspace_bytes};
    if (const cuda::Device* gpu = c.problem.gpu()) {
      enqueue(c, given, nullptr);
      const cuda::ContextScope scope(*gpu);
      CONVOY_CU(cuStreamSynchronize(nullptr));
      return;
    }
    check_operands(c, given);
    const std::lock_guard lock(c.turn);
    run(c, given, nullptr);
  });
}

convoy_status convoy_conv2d_enqueue(const convoy_conv2d* conv, const void* x, const void* residual,
                                    void* y, void* workspace, size_t workspace_bytes,
                                    void* stream) {
  return guarded([&] {
    const convoy_conv2d& c = checked(conv, "conv");
    if (c.problem.gpu() == nullptr) {
      fail(ErrorCode::kInvalidArgument,
           "conv computes on the cpu, which has no streams; call convoy_conv2d_execute");
    }
    enqueue(c, {x, residual, y, workspace, workspace_bytes}, stream);
  });
}
