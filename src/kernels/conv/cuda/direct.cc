// conv.direct.cuda.f32: the baseline that every technique is measured against.
#include "kernels/conv/cuda/entries.h"
#include "kernels/conv/cuda/program.h"

namespace convoy {
namespace {

using namespace conv_cuda;

std::vector<float> pack(const ConvProblem& problem) {
  const ConvDesc& d = problem.desc;
  const std::int64_t cg = d.c / d.groups, window = cg * d.r * d.s;
  const bool k_last = problem.y_layout == Layout::kNhwc;
  return pack_weights(problem, [&](auto k, auto c, auto r, auto s) {
    const std::int64_t tap = (c * d.r + r) * d.s + s;
    return k_last ? tap * d.k + k : k * window + tap;
  });
}

class Direct final : public DeviceConv {
 public:
  Direct(const OpDesc& op, const ConvProblem& problem, const DeviceDesc& device)
      : DeviceConv(problem, device, pack(problem)),
        kernel_(std::move(load(direct_programs(op, device), device)[0])),
        blocks_(flat_blocks(conv_y_shape(problem.desc).elements())) {}

  void run(const RunArgs& args) const override {
    launch(kernel_, blocks_, device_operands(args), weights_);
  }

 private:
  cuda::Kernel kernel_;
  std::int64_t blocks_;
};

Support supports(const OpDesc& op, const DeviceDesc&) { return supports_cuda(conv_problem(op)); }

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  // Measured on an H200: 5.3 to 7.6 TFLOP/s on the im2win layers at batch 128, and 66 ns a term on
  // the deep ones at batch 1. Every multiply-add loads two operands: a multiprocessor loads for one
  // warp a cycle and multiplies for four, so an eighth of the peak would be the most.
  return estimate_on_gpu(conv_problem(op), device, {.efficiency = 0.105, .term_seconds = 66e-9});
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc& device) {
  return std::make_unique<Direct>(op, conv_problem(op), device);
}

}  // namespace

const Implementation kConvDirectCuda = {.name = "conv.direct.cuda.f32",
                                        .supports = supports,
                                        .workspace = no_workspace,
                                        .estimate = estimate,
                                        .prepare = prepare,
                                        .device = DeviceDesc::Kind::kCuda};

std::vector<cuda::Program> direct_programs(const OpDesc& op, const DeviceDesc&) {
  return {program(conv_problem(op),
                  {"conv_direct", "direct.cuh", "direct<kProblem>(x, w, bias, residual, y)"})};
}

}  // namespace convoy
