// How the CUDA convolutions become programs, are launched and are estimated.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cuda/compile.h"
#include "cuda/module.h"
#include "kernels/conv/cuda/operands.h"

namespace convoy::conv_cuda {

// One __global__ function around one __device__ template of an embedded header.
struct KernelText {
  std::string_view name;    // of the __global__ function
  std::string_view header;  // beside problem.cuh
  std::string_view call;    // "direct<kProblem>(x, w, bias, residual, y)"
};

inline constexpr std::uint32_t kThreads = 256;  // of every block launched below

// Its parameters are x, w, bias, residual, y and workspace, whatever `call` uses of them.
cuda::Program program(const ConvProblem& problem, const KernelText& text);

void launch(const cuda::Kernel& kernel, std::int64_t blocks, const DeviceOperands& operands,
            const DeviceWeights& weights);

// Blocks for one thread per element.
std::int64_t flat_blocks(std::int64_t elements);

// The weights put where `position(k, c, r, s)` says, c within its group.
template <class Position>
std::vector<float> pack_weights(const ConvProblem& problem, Position&& position) {
  const ConvDesc& d = problem.desc;
  const float* from = static_cast<const float*>(problem.weights);
  std::vector<float> packed(static_cast<std::size_t>(conv_w_shape(d).elements()));
  for (std::int64_t k = 0; k < d.k; ++k) {
    for (std::int64_t c = 0; c < d.c / d.groups; ++c) {
      for (std::int64_t r = 0; r < d.r; ++r) {
        for (std::int64_t s = 0; s < d.s; ++s) {
          packed[static_cast<std::size_t>(position(k, c, r, s))] = *from++;
        }
      }
    }
  }
  return packed;
}

// What a kernel's time is made of.
struct DeviceCost {
  double efficiency = 1;   // share of the multiply-add peak that it reaches
  double extra_bytes = 0;  // moved beside x, w, y and residual, each once
  int launches = 1;
  double term_seconds = 0;  // of one term of a sum, where there are too few outputs to hide it
};
Estimate estimate_on_gpu(const ConvProblem& problem, const DeviceDesc& device,
                         const DeviceCost& cost);

// What every one of these kernels is beside its launches.
class DeviceConv : public Kernel {
 public:
  DeviceConv(const ConvProblem& problem, const DeviceDesc& device, std::span<const float> packed);
  std::size_t packed_bytes() const override { return weights_.bytes(); }
  bool reads_constant(std::size_t input) const override {
    return input != kConvW && input != kConvBias;
  }

 protected:
  // In the order of `programs`.
  std::vector<cuda::Kernel> load(const std::vector<cuda::Program>& programs,
                                 const DeviceDesc& device) const;

  const cuda::Device& device_;
  const DeviceWeights weights_;
};

}  // namespace convoy::conv_cuda
