// A caller's description of one convolution, or of some that follow each other as one kernel,
// checked and in the registry's terms.
#pragma once

#include <convoy/convoy.h>

#include <span>

#include "base/conv_desc.h"
#include "cuda/device.h"
#include "kernels/registry.h"

namespace convoy::api {

// The caller's structure with every field this version knows; those it is too old for are at their
// defaults.
convoy_conv2d_desc known_fields(const convoy_conv2d_desc* desc);

// Throws for extents that make no convolution.
ConvDesc conv_desc(const convoy_conv2d_desc& desc);

// One of the caller's convolutions: which operands of the operator its weights and bias are.
struct Conv2dStage {
  std::size_t weights, bias;
};

// Operands: x; weights and bias of each convolution; the residual.
class Conv2dProblem {
 public:
  static constexpr std::size_t kMostStages = 3;
  static constexpr std::size_t kMostInputs = 2 + 3 * kMostStages;

  // Throws kInvalidArgument for convolutions that do not follow each other, kDevice when there is
  // no such device.
  explicit Conv2dProblem(std::span<const convoy_conv2d_desc> stages);
  Conv2dProblem(const Conv2dProblem&) = delete;
  Conv2dProblem& operator=(const Conv2dProblem&) = delete;

  const DeviceDesc& device() const { return device_; }
  const cuda::Device* gpu() const { return gpu_; }  // null on the CPU

  std::size_t stage_count() const { return stage_count_; }
  Conv2dStage stage(std::size_t i) const;
  std::size_t residual() const { return input_count_ - 1; }  // which operand; where there is one
  bool has_residual() const { return has_residual_; }

  // In host memory; `bias` may be null. Not copied.
  void set_weights(std::size_t stage, const void* weights, const void* bias);

  Op op() const { return stage_count_ == 1 ? Op::kConv : Op::kFusedConv; }
  OpDesc op_desc() const {
    return {op(), &attrs_, inputs(), {absent_, input_count_}, {&output_, 1}};
  }
  std::span<const TensorView> inputs() const { return {inputs_, input_count_}; }
  const TensorView& output() const { return output_; }

 private:
  DeviceDesc device_;
  const cuda::Device* gpu_ = nullptr;
  Attrs attrs_;
  std::size_t stage_count_, input_count_ = 0;
  TensorView inputs_[kMostInputs];
  bool absent_[kMostInputs] = {};
  bool has_residual_ = false;
  TensorView output_;
};

// The kernel of that name, or the one with the least estimate where it is null. Throws with the
// reasons when it, or every one, declines.
const Implementation& choose_kernel(const Conv2dProblem& problem, const char* name);

}  // namespace convoy::api
