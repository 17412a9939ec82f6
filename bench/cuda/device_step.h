// One convolution with its operands on a GPU, to be run by kernels of ours and of peers and
// checked.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "base/tensor.h"
#include "bench/conv_step.h"
#include "bench/suite.h"
#include "cuda/memory.h"
#include "cuda/module.h"

namespace convoy::bench {

class DeviceStep {
 public:
  // x, w and bias hold reproducible values in [-1, 1]. Throws kOutOfMemory naming what is short.
  DeviceStep(const ConvDesc& desc, Layout layout, const cuda::Device& device);

  const ConvDesc& desc() const { return desc_; }
  Layout layout() const { return layout_; }
  const cuda::Device& device() const { return device_; }
  OpDesc op() const { return op_.desc(); }  // with the weights' contents, without the activations'
  const Tensor& weights() const { return w_; }

  const float* x() const { return static_cast<const float*>(x_.data()); }
  float* y() const { return static_cast<float*>(y_.data()); }
  std::size_t operand_bytes() const { return x_.bytes() + w_.view().bytes() + y_.bytes(); }

  // Runs a prepared kernel on all images, or on `images` of them from `first` on.
  void run(const Kernel& kernel, void* workspace, std::size_t workspace_bytes) const;
  // Fills y with NaN, so that an output that is not written shows.
  void poison();
  // Largest error over its bound of some thousand outputs against sums in double, computed on the
  // GPU; infinite for NaN. `bias`: whether the bias was added. The bound is that of one long sum in
  // f32, gamma_(terms + 1) * sum |x||w|.
  double error(bool bias) const;

 private:
  ConvDesc desc_;
  Layout layout_;
  const cuda::Device& device_;
  Tensor w_, bias_;
  ConvOp op_;
  cuda::DeviceBuffer x_, y_, device_w_, device_bias_;
  cuda::Kernel fill_, check_;
};

// Medians of what `run` takes on the default stream, by events around each of at least 7 runs and
// `seconds` of them, after two that are not counted.
void measure_device(const cuda::Device& device, double seconds, const std::function<void()>& run,
                    Row& row);

}  // namespace convoy::bench
