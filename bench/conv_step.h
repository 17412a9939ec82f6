// One convolution of the registry made ready to be run on its own.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "kernels/conv/conv.h"
#include "kernels/registry.h"

namespace convoy::bench {

// The description of a convolution with bias, without its operands' contents.
class ConvOp {
 public:
  ConvOp(const ConvDesc& desc, Layout layout, DType dtype);
  OpDesc desc() const { return {Op::kConv, &attrs_, inputs_, absent_, outputs_}; }
  // Weights and bias known when planning.
  void set_constants(const Tensor& weights, const Tensor& bias);

 private:
  Attrs attrs_;
  std::array<TensorView, 4> inputs_;
  std::array<bool, 4> absent_{false, false, false, true};
  std::array<TensorView, 1> outputs_;
};

class ConvStep {
 public:
  // Operands hold reproducible values in [-1, 1].
  ConvStep(const ConvDesc& desc, Layout layout, DType dtype);

  OpDesc op() const { return op_.desc(); }
  // Prepares `entry` and keeps it; the reason when it declines.
  Support prepare(const Implementation& entry, const DeviceDesc& device);
  void run(ThreadPool& pool);
  // Fills y with NaN, so that an output that is not written shows.
  void poison();
  std::size_t workspace_bytes() const { return workspace_bytes_; }
  std::size_t operand_bytes() const;
  // Largest error over its bound of `samples` outputs against sums in double.
  double sampled_error(int samples) const;

 private:
  ConvDesc desc_;
  Tensor x_, w_, bias_, y_;
  ConvOp op_;
  std::array<TensorView, 4> inputs_;
  std::array<TensorView, 1> outputs_;
  std::unique_ptr<Kernel> kernel_;
  std::size_t workspace_bytes_ = 0;
  Buffer workspace_;
};

Layout parse_layout(const std::string& name);

}  // namespace convoy::bench
