// Constant operands of a fused module on the device, weights in the order in which they are used.
#pragma once

#include "cuda/memory.h"
#include "kernels/fused/cuda/describe.h"

namespace convoy::fused_cuda {

// Weights of a pointwise, k x c, in panels of 16 outputs, padded with zeros to whole panels and
// steps. f32: panel, c, 16 outputs. Otherwise panel, step of 32 bytes of channels, and then the 16
// bytes of each lane of a warp as the tensor cores' right operand (twice m16n8k16, m16n8k32 for
// s8, m16n8k8 for f32 in parts) wants them.
std::vector<std::byte> pack_pointwise(const FusedStage& stage, Element element);

// Weights of a depthwise, a word each: tap, then the channels of the result, padded to a multiple
// of four. As f32 or, for a tensor_filter(), as they are, those of odd channels in the upper half.
std::vector<std::byte> pack_depthwise(const FusedStage& stage, Element element, bool tensor_filter);

class DeviceOperands {
 public:
  DeviceOperands(const cuda::Device& device, const FusedProblem& problem, const Tile& tile);
  // x, residual and y are null.
  const Arguments& arguments() const { return arguments_; }
  std::size_t bytes() const;

 private:
  const void* upload(const cuda::Device& device, const void* host, std::size_t bytes);

  std::vector<cuda::DeviceBuffer> buffers_;
  Arguments arguments_{};
};

}  // namespace convoy::fused_cuda
