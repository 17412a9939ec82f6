// One convolution with operands in the memory of a device, to time that device's kernels on.
#pragma once

#include <memory>

#include "base/conv_desc.h"
#include "cli/runner.h"
#include "device/name.h"
#include "kernels/registry.h"

namespace convoy::cli {

class ConvTimer {
 public:
  ConvTimer(const ConvDesc& desc, DType dtype, Layout layout);
  virtual ~ConvTimer() = default;
  ConvTimer(const ConvTimer&) = delete;
  ConvTimer& operator=(const ConvTimer&) = delete;

  OpDesc op() const { return {Op::kConv, &attrs_, inputs_, absent_, {&y_, 1}}; }
  virtual const DeviceDesc& device() const = 0;

  // Prepares the entry, which must be able to run here, and runs it by the rule.
  virtual Statistics measure(const Implementation& entry, const StopRule& rule) = 0;

 protected:
  const TensorView& x() const { return inputs_[0]; }  // without data, as y
  const TensorView& y() const { return y_; }
  const TensorView& weights() const { return inputs_[1]; }

 private:
  ConstTensor weights_;
  Attrs attrs_;
  TensorView inputs_[2];
  bool absent_[2] = {false, false};
  TensorView y_;
};

// On the CPU, by the clock.
std::unique_ptr<ConvTimer> cpu_conv_timer(const ConvDesc& desc, DType dtype, Layout layout,
                                          int threads);

// On a GPU, by its events: the time from one run's end to the next's while the queue is full, which
// is what a run costs among others. Throws kDevice with the reason when there is no such GPU.
std::unique_ptr<ConvTimer> cuda_conv_timer(const ConvDesc& desc, DType dtype, Layout layout,
                                           int ordinal);

}  // namespace convoy::cli
