// conv.im2win_explicit.cuda.f32: the batch is copied to memory in window order, as in the paper,
// and convolved from there.
#include "kernels/conv/cuda/entries.h"
#include "kernels/conv/cuda/program.h"

namespace convoy {
namespace {

using namespace conv_cuda;

std::size_t workspace(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  return static_cast<std::size_t>(im2win_bytes(problem.desc, problem.dtype));
}

// [g][term][k/g], terms in window order.
std::vector<float> pack(const ConvProblem& problem) {
  const ConvDesc& d = problem.desc;
  const std::int64_t cg = d.c / d.groups, kg = d.k / d.groups, window = cg * d.r * d.s;
  const bool channels_last = problem.x_layout == Layout::kNhwc;
  return pack_weights(problem, [&](auto k, auto c, auto r, auto s) {
    const std::int64_t tap = s * d.r + r;
    const std::int64_t term = channels_last ? tap * cg + c : c * d.r * d.s + tap;
    return (k / kg * window + term) * kg + k % kg;
  });
}

// The tile of window_gemm.cuh.
std::int64_t gemm_blocks(const ConvDesc& d) {
  const std::int64_t kg = d.k / d.groups;
  const std::int64_t filters = kg > 32 ? 64 : kg > 16 ? 32 : 16, pixels = 4096 / filters;
  return (d.n * d.p() * d.q() + pixels - 1) / pixels * d.groups * ((kg + filters - 1) / filters);
}

class ExplicitWindows final : public DeviceConv {
 public:
  ExplicitWindows(const OpDesc& op, const ConvProblem& problem, const DeviceDesc& device)
      : DeviceConv(problem, device, pack(problem)),
        kernels_(load(explicit_programs(op, device), device)),
        gemm_blocks_(gemm_blocks(problem.desc)) {
    const ConvDesc& d = problem.desc;
    const std::int64_t columns = (d.q() - 1) * d.stride_w + d.dilation_w * (d.s - 1) + 1;
    order_blocks_ = flat_blocks(Shape{d.n, d.c, d.p(), columns, d.r}.elements());
  }

  void run(const RunArgs& args) const override {
    const DeviceOperands operands = device_operands(args);
    if (kernels_.size() > 1) launch(kernels_[1], order_blocks_, operands, weights_);
    launch(kernels_[0], gemm_blocks_, operands, weights_);
  }

 private:
  std::vector<cuda::Kernel> kernels_;  // the product; the transformation where there is one
  std::int64_t gemm_blocks_, order_blocks_ = 0;
};

Support supports(const OpDesc& op, const DeviceDesc&) { return supports_cuda(conv_problem(op)); }

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  // Measured on an H200: 16 TFLOP/s of the product where the copy is small, and 117 ns a term at
  // batch 1. Reading a term from shared memory takes a warp about as many cycles as its 16
  // multiply-adds do, and operands are fetched between the two, in turn.
  const double copied = static_cast<double>(workspace(op, device));
  Estimate estimate = estimate_on_gpu(conv_problem(op), device,
                                      {.efficiency = 0.25, .launches = 2, .term_seconds = 117e-9});
  estimate.workspace_bytes = workspace(op, device);
  estimate.bytes_l2 += 2 * copied;
  estimate.bytes_dram += 2 * copied;
  estimate.seconds += 2 * copied / device.bytes_per_second;
  return estimate;
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc& device) {
  return std::make_unique<ExplicitWindows>(op, conv_problem(op), device);
}

}  // namespace

const Implementation kConvWindowBufferCuda = {.name = "conv.im2win_explicit.cuda.f32",
                                              .supports = supports,
                                              .workspace = workspace,
                                              .estimate = estimate,
                                              .prepare = prepare,
                                              .device = DeviceDesc::Kind::kCuda};

std::vector<cuda::Program> explicit_programs(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  if (im2win_is_identity(problem.desc)) {
    return {program(problem, {"conv_window_gemm", "window_gemm.cuh",
                              "window_gemm<kProblem>(x, w, bias, residual, y)"})};
  }
  return {program(problem, {"conv_window_gemm", "window_gemm.cuh",
                            "window_gemm<kProblem>(workspace, w, bias, residual, y)"}),
          program(problem, {"conv_window_order", "window_order.cuh",
                            "window_order<kProblem>(x, workspace)"})};
}

}  // namespace convoy
