// A caller's description of one convolution, checked and in the registry's terms.
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

// Operands: x, weights, bias, residual.
class Conv2dProblem {
 public:
  // Throws kDevice when there is no such device.
  explicit Conv2dProblem(const convoy_conv2d_desc& desc);
  Conv2dProblem(const Conv2dProblem&) = delete;
  Conv2dProblem& operator=(const Conv2dProblem&) = delete;

  const DeviceDesc& device() const { return device_; }
  const cuda::Device* gpu() const { return gpu_; }  // null on the CPU

  // In host memory; `bias` may be null. Not copied.
  void set_weights(const void* weights, const void* bias);

  OpDesc op_desc() const { return {Op::kConv, &attrs_, inputs_, absent_, {&output_, 1}}; }
  std::span<const TensorView> inputs() const { return inputs_; }
  const TensorView& output() const { return output_; }
  bool has_residual() const { return !absent_[3]; }

 private:
  DeviceDesc device_;
  const cuda::Device* gpu_ = nullptr;
  Attrs attrs_;
  TensorView inputs_[4];
  bool absent_[4] = {false, false, true, true};
  TensorView output_;
};

// The kernel of that name, or the one with the least estimate where it is null. Throws with the
// reasons when it, or every one, declines.
const Implementation& choose_kernel(const Conv2dProblem& problem, const char* name);

}  // namespace convoy::api
