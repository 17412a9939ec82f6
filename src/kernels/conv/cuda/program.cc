#include "kernels/conv/cuda/program.h"

#include <algorithm>

namespace convoy::conv_cuda {

cuda::Program program(const ConvProblem& problem, const KernelText& text) {
  std::string source = "#include \"kernels/conv/cuda/" + std::string(text.header) + "\"\n";
  source += problem_constant(problem);
  source += "using namespace convoy::conv_cuda;\n";
  // Two blocks leave 128 registers; asked for nothing, ptxas spills one here and there to reach the
  // next step of occupancy.
  source += "extern \"C\" __global__ void __launch_bounds__(" + std::to_string(kThreads) +
            ", 2)\n" + std::string(text.name) +
            "(const float* __restrict__ x, const float* __restrict__ w,\n"
            "    const float* __restrict__ bias, const float* __restrict__ residual,\n"
            "    float* __restrict__ y, float* __restrict__ workspace) {\n  ";
  source += std::string(text.call) + ";\n}\n";
  return {.kernel = std::string(text.name), .source = std::move(source), .options = {}};
}

void launch(const cuda::Kernel& kernel, std::int64_t blocks, const DeviceOperands& operands,
            const DeviceWeights& weights) {
  // A grid has room for 2^31 - 1 blocks of hundreds of outputs, more than any memory.
  const cuda::LaunchShape shape{.grid = {static_cast<std::uint32_t>(blocks), 1, 1},
                                .block = {kThreads, 1, 1}};
  kernel(shape, operands.stream, operands.x, weights.weights(), weights.bias(), operands.residual,
         operands.y, operands.workspace);
}

std::int64_t flat_blocks(std::int64_t elements) {
  return (elements + kThreads - 1) / std::int64_t{kThreads};
}

Estimate estimate_on_gpu(const ConvProblem& problem, const DeviceDesc& device,
                         const DeviceCost& cost) {
  // Between dependent kernels of a few blocks, their start and end included; measured on an H200
  // with im2col at batch 1. Empty kernels follow each other in 2.4 us.
  constexpr double kLaunchSeconds = 6.5e-6;
  const ConvDesc& d = problem.desc;
  const double element = static_cast<double>(size_of(problem.dtype));
  const double y_elements = static_cast<double>(conv_y_shape(d).elements());
  Estimate estimate;
  estimate.flops = static_cast<double>(d.flops());
  estimate.bytes_dram = element * (static_cast<double>(conv_x_shape(d).elements()) +
                                   static_cast<double>(conv_w_shape(d).elements()) +
                                   y_elements * (problem.has_residual ? 2 : 1)) +
                        cost.extra_bytes;
  estimate.bytes_l2 = estimate.bytes_dram;
  const double rate = device.cores * device.flops_per_second_core * cost.efficiency;
  const double terms = static_cast<double>(d.c / d.groups * d.r * d.s);
  estimate.seconds =
      cost.launches * kLaunchSeconds + std::max({estimate.flops / rate, terms * cost.term_seconds,
                                                 estimate.bytes_dram / device.bytes_per_second});
  return estimate;
}

DeviceConv::DeviceConv(const ConvProblem& problem, const DeviceDesc& device,
                       std::span<const float> packed)
    : device_(cuda::Device::get(device.cuda.ordinal)), weights_(device_, packed, problem) {}

std::vector<cuda::Kernel> DeviceConv::load(const std::vector<cuda::Program>& programs,
                                           const DeviceDesc& device) const {
  std::vector<cuda::Kernel> kernels;
  for (const cuda::Binary& binary : cuda::compile(programs, device.cuda.arch)) {
    kernels.emplace_back(device_, binary);
  }
  return kernels;
}

}  // namespace convoy::conv_cuda
