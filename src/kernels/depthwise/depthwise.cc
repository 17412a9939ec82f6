// Depthwise convolutions in NHWC: each output row of each block of channels is one walk over
// register tiles, so nothing is copied and nothing is padded.
#include <algorithm>

#include "kernels/conv/conv.h"
#include "kernels/depthwise/rows.h"
#include "kernels/fused/cuda/entries.h"
#include "kernels/registry.h"

namespace convoy {
namespace {

constexpr std::int64_t kTasks = 32;           // wished for; enough to balance a dozen threads
constexpr std::int64_t kRowsInL1 = 32 << 10;  // bytes of input rows kept for the next p
constexpr std::int64_t kLineFloats = 64 / sizeof(float);

class Depthwise final : public Kernel {
 public:
  explicit Depthwise(const ConvProblem& problem)
      : problem_(problem), kernels_(depthwise_kernels()) {
    const ConvDesc& d = problem_.desc;
    blocks_ = (d.c + kernels_.lanes - 1) / kernels_.lanes;
    weights_ =
        Buffer(static_cast<std::size_t>(blocks_ * kernels_.lanes * d.r * d.s) * sizeof(float));
    kernels_.pack(d, static_cast<const float*>(problem.weights), packed_weights());
    // As many channels at a time as let the r rows under the filter stay in L1, but whole lines.
    const std::int64_t line_blocks = std::max<std::int64_t>(1, kLineFloats / kernels_.lanes);
    const std::int64_t line_bytes = d.r * d.w * 64;
    const std::int64_t chunk = std::max<std::int64_t>(1, kRowsInL1 / line_bytes) * line_blocks;
    chunks_ = std::max<std::int64_t>(1, (blocks_ + chunk - 1) / chunk);
    const std::int64_t wanted = (kTasks + d.n * chunks_ - 1) / (d.n * chunks_);
    row_groups_ = std::clamp<std::int64_t>(wanted, 1, d.p());
  }

  void run(const RunArgs& args) const override {
    const ConvDesc& d = problem_.desc;
    args.pool.parallel_for(d.n * chunks_ * row_groups_, [&](std::int64_t task, int) {
      const std::int64_t rows = task % row_groups_, chunk = task / row_groups_ % chunks_;
      const std::int64_t n = task / row_groups_ / chunks_;
      const std::int64_t p_begin = d.p() * rows / row_groups_, q = d.q();
      const std::int64_t y_offset = (n * d.p() + p_begin) * q * d.k;
      kernels_.rows({
          .desc = &d,
          .x = args.inputs[kConvX].as<float>() + n * d.c * d.h * d.w,
          .x_columns = d.w,
          .x_pixel = d.c,
          .x_row = d.w * d.c,
          .weights = packed_weights(),
          .bias = problem_.has_bias ? args.inputs[kConvBias].as<float>() : nullptr,
          .y = args.outputs[0].as<float>() + y_offset,
          .y_pixel = d.k,
          .y_row = q * d.k,
          .residual =
              problem_.has_residual ? args.inputs[kConvResidual].as<float>() + y_offset : nullptr,
          .residual_pixel = d.k,
          .residual_row = q * d.k,
          .residual_after = problem_.epilogue.residual == Epilogue::Residual::kAfterActivation,
          .activation = problem_.epilogue.activation,
          .p_begin = p_begin,
          .p_end = d.p() * (rows + 1) / row_groups_,
          .q_begin = 0,
          .q_end = q,
          .block_begin = blocks_ * chunk / chunks_,
          .block_end = blocks_ * (chunk + 1) / chunks_,
      });
    });
  }
  std::size_t packed_bytes() const override { return weights_.size(); }
  bool reads_constant(std::size_t input) const override { return input != kConvW; }

 private:
  float* packed_weights() const { return reinterpret_cast<float*>(weights_.data()); }

  ConvProblem problem_;
  const DepthwiseKernels& kernels_;
  std::int64_t blocks_, chunks_, row_groups_;
  Buffer weights_;
};

Support supports(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  const ConvDesc& d = problem.desc;
  if (!d.is_depthwise()) return Support::no("needs as many groups as channels");
  if (d.k != d.c) return Support::no("needs one filter per channel");
  if (problem.dtype != DType::kF32 || !problem.uniform_dtype) return Support::no("computes f32");
  if (!problem.one_layout() || problem.x_layout != Layout::kNhwc) {
    return Support::no("computes nhwc");
  }
  if (!problem.weights) return Support::no("packs constant weights");
  return Support::yes();
}

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(op, device);
  estimate.flops = static_cast<double>(conv_problem(op).desc.flops());
  // Share of the FMA peak, measured on MobileNetV2's layers (docs/performance).
  constexpr double kEfficiency = 0.5;
  const double rate = kEfficiency * device.flops_per_second_core * device.threads;
  estimate.seconds = std::max(estimate.seconds, estimate.flops / rate);
  return estimate;
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc&) {
  return std::make_unique<Depthwise>(conv_problem(op));
}

constexpr Implementation kCpu = {
    .name = "depthwise.direct.cpu.f32",
    .supports = supports,
    .workspace = no_workspace,
    .estimate = estimate,
    .prepare = prepare,
};

}  // namespace

ImplementationList depthwise_implementations() {
  static const std::vector<Implementation> list = [] {
    std::vector<Implementation> entries{kCpu};
    append_cuda_depthwise(entries);
    return entries;
  }();
  return list;
}

}  // namespace convoy
