// One pair or block of `convoy-bench fcm` with its operands on the CPU, in f32 and NHWC: as single
// convolutions and as fused modules.
#pragma once

#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "bench/fcm_case.h"
#include "bench/fcm_op.h"
#include "kernels/fused/cpu_tiles.h"

namespace convoy::bench {

// One kernel bound to operands and workspace of its own.
class BoundKernel {
 public:
  BoundKernel(std::unique_ptr<Kernel> kernel, std::vector<TensorView> inputs, TensorView output,
              std::size_t workspace_bytes)
      : kernel_(std::move(kernel)),
        inputs_(std::move(inputs)),
        output_{output},
        workspace_bytes_(workspace_bytes),
        workspace_(workspace_bytes) {}
  void run(ThreadPool& pool) const { kernel_->run(args(pool)); }
  RunArgs args(ThreadPool& pool) const {
    return {inputs_, {&output_, 1}, {workspace_.data(), workspace_bytes_}, pool};
  }
  // Of one run.
  double milliseconds(ThreadPool& pool) const;
  std::size_t workspace_bytes() const { return workspace_bytes_; }

 private:
  std::unique_ptr<Kernel> kernel_;
  std::vector<TensorView> inputs_;
  TensorView output_;
  std::size_t workspace_bytes_;
  Buffer workspace_;
};

// A module of the CPU that can run a case.
struct CpuEntry {
  CpuModule module;
  const char* name;  // "fused.dwpw.cpu.f32"
};

// The maps and constants of one case. Kernels that it makes refer to them.
class FcmCpuStep {
 public:
  FcmCpuStep(const FcmCase& fcm, const DeviceDesc& device);

  const FcmCase& fcm() const { return fcm_; }
  OpDesc desc() const { return op_.desc(); }
  FusedProblem problem() const { return fused_problem(op_.desc()); }
  const Tensor& y() const { return maps_.back(); }
  std::vector<CpuEntry> entries() const;

  struct Single {
    const Implementation* entry;
    Estimate estimate;
    BoundKernel kernel;
  };
  // Convolution i on its own, by depthwise.direct or pointwise.gemm.
  Single single(std::size_t i) const;
  BoundKernel fused(const CpuTile& tile) const;

 private:
  TensorView residual() const { return fcm_.residual_is_x ? maps_.front().view() : other_.view(); }

  FcmCase fcm_;
  DeviceDesc device_;
  FcmConstants constants_;
  FcmOp op_;
  std::vector<Tensor> maps_;  // x, then what each stage makes
  Tensor other_;              // a residual that is not x
};

}  // namespace convoy::bench
