// What the CUDA convolutions share on the host: what they take, the text of their problem, and
// their operands on the device.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "cuda/memory.h"
#include "kernels/conv/conv.h"

namespace convoy::conv_cuda {

// f32 alone, x and y in NCHW or NHWC each, the residual in y's layout, constant weights and bias,
// extents and the coordinates computed from them within an int.
Support supports_cuda(const ConvProblem& problem);

// "constexpr convoy::conv_cuda::Problem kProblem{.n=1,...};\n", the template argument of
// kernels/conv/cuda/problem.cuh; floats are exact.
std::string problem_constant(const ConvProblem& problem);

// A float as text that a compiler reads back to the bit.
std::string float_literal(float value);

// Whether the product of each list of extents is at most `most`: for what kernels count in ints.
bool counts_within(std::span<const Shape> counted, std::int64_t most);

// Weights, as a kernel has packed them, and the bias on the device.
class DeviceWeights {
 public:
  // The bias is the problem's, and must be constant where there is one.
  DeviceWeights(const cuda::Device& device, std::span<const float> packed,
                const ConvProblem& problem);
  const float* weights() const { return static_cast<const float*>(weights_.data()); }
  const float* bias() const { return static_cast<const float*>(bias_.data()); }  // null: none
  std::size_t bytes() const { return weights_.bytes() + bias_.bytes(); }

 private:
  cuda::DeviceBuffer weights_, bias_;
};

// The other operands of one run, as device pointers.
struct DeviceOperands {
  const float* x;
  const float* residual;  // null: none
  float* y;
  float* workspace;  // null: none
  CUstream stream;
};
DeviceOperands device_operands(const RunArgs& args);

}  // namespace convoy::conv_cuda
