// 1 x 1 convolutions as matrix products. NHWC: pixels x channels, times the weights packed in
// panels. NCHW: weights times channels x pixels, the map itself being the right operand. Strides
// above 1 keep every stride-th pixel: in NHWC that is a longer distance between rows, in NCHW a
// gathered copy of the map.
#include <algorithm>
#include <string>

#include "kernels/conv/conv.h"
#include "kernels/fused/cuda/entries.h"
#include "kernels/registry.h"
#include "kernels/simd/gemm.h"

namespace convoy {
namespace {

constexpr std::int64_t kBlockRows = 48;  // a whole number of register tiles of every width
constexpr std::int64_t kTasks = 32;      // wished for; enough to balance a dozen threads

bool dense(const ConvDesc& d) { return d.stride_h == 1 && d.stride_w == 1; }

GemmEpilogue base_epilogue(const ConvProblem& problem) {
  return {.addend_after = problem.epilogue.residual == Epilogue::Residual::kAfterActivation,
          .activation = problem.epilogue.activation};
}

const float* operand(const RunArgs& args, bool present, std::size_t index) {
  return present ? args.inputs[index].as<float>() : nullptr;
}

class PointwiseNhwc final : public Kernel {
 public:
  explicit PointwiseNhwc(const ConvProblem& problem)
      : problem_(problem), gemm_(gemm_kernels()), panels_(gemm_.panels(problem.desc.k)) {
    const ConvDesc& d = problem_.desc;
    weights_ = Buffer(static_cast<std::size_t>(gemm_.packed_elements(d.c, d.k)) * sizeof(float));
    gemm_.pack(static_cast<const float*>(problem.weights), 1, d.c, d.c, d.k, 0, panels_,
               packed_weights());
    // Without strides all pixels of the batch are one run of rows; with them, an output row is.
    run_rows_ = dense(d) ? d.n * d.p() * d.q() : d.q();
    runs_ = dense(d) ? 1 : d.n * d.p();
    blocks_ = (run_rows_ + kBlockRows - 1) / kBlockRows;
    groups_ = std::clamp<std::int64_t>(kTasks / std::max<std::int64_t>(1, runs_ * blocks_), 1,
                                       std::max<std::int64_t>(1, panels_));
  }

  void run(const RunArgs& args) const override {
    args.pool.parallel_for(runs_ * blocks_ * groups_, [&](std::int64_t task, int) {
      const std::int64_t group = task % groups_, block = task / groups_ % blocks_;
      multiply(args, task / groups_ / blocks_, block, group);
    });
  }
  std::size_t packed_bytes() const override { return weights_.size(); }
  bool reads_constant(std::size_t input) const override { return input != kConvW; }

 private:
  float* packed_weights() const { return reinterpret_cast<float*>(weights_.data()); }

  void multiply(const RunArgs& args, std::int64_t run, std::int64_t block,
                std::int64_t group) const {
    const ConvDesc& d = problem_.desc;
    const std::int64_t begin = run_rows_ * block / blocks_;
    const std::int64_t end = run_rows_ * (block + 1) / blocks_;
    const std::int64_t n = run / d.p(), p = run % d.p();
    const std::int64_t x_row = dense(d) ? 0 : (n * d.h + p * d.stride_h) * d.w;
    const std::int64_t y_row = run * run_rows_ + begin;
    GemmBlock gemm{.a = args.inputs[kConvX].as<float>() + (x_row + begin * d.stride_w) * d.c,
                   .lda = d.stride_w * d.c,
                   .rows = end - begin,
                   .depth = d.c,
                   .b = packed_weights(),
                   .columns = d.k,
                   .panel_begin = panels_ * group / groups_,
                   .panel_end = panels_ * (group + 1) / groups_,
                   .y = args.outputs[0].as<float>() + y_row * d.k,
                   .ldy = d.k,
                   .epilogue = base_epilogue(problem_)};
    gemm.epilogue.column_bias = operand(args, problem_.has_bias, kConvBias);
    if (problem_.has_residual) {
      gemm.epilogue.addend = args.inputs[kConvResidual].as<float>() + y_row * d.k;
      gemm.epilogue.addend_row = d.k;
    }
    gemm_.packed(gemm);
  }

  ConvProblem problem_;
  const GemmKernels& gemm_;
  std::int64_t panels_;
  Buffer weights_;
  std::int64_t runs_, run_rows_, blocks_, groups_;
};

class PointwiseNchw final : public Kernel {
 public:
  explicit PointwiseNchw(const ConvProblem& problem)
      : problem_(problem),
        gemm_(gemm_kernels()),
        pixels_(problem.desc.p() * problem.desc.q()),
        panels_(gemm_.panels(pixels_)) {
    const ConvDesc& d = problem_.desc;
    groups_ = std::clamp<std::int64_t>(panels_, 1, kTasks);
    blocks_ = std::clamp<std::int64_t>(kTasks / groups_, 1, (d.k + kBlockRows - 1) / kBlockRows);
  }

  void run(const RunArgs& args) const override {
    const ConvDesc& d = problem_.desc;
    for (std::int64_t n = 0; n < d.n; ++n) {
      const float* map = args.inputs[kConvX].as<float>() + n * d.c * d.h * d.w;
      if (!dense(d)) map = gather(args, map);
      args.pool.parallel_for(blocks_ * groups_, [&](std::int64_t task, int) {
        multiply(args, map, n, task % blocks_, task / blocks_);
      });
    }
  }

 private:
  const float* gather(const RunArgs& args, const float* map) const {
    const ConvDesc& d = problem_.desc;
    auto* to = reinterpret_cast<float*>(args.workspace.data());
    args.pool.parallel_for(d.c, [&](std::int64_t c, int) {
      for (std::int64_t p = 0; p < d.p(); ++p) {
        const float* row = map + (c * d.h + p * d.stride_h) * d.w;
        float* kept = to + c * pixels_ + p * d.q();
        for (std::int64_t q = 0; q < d.q(); ++q) kept[q] = row[q * d.stride_w];
      }
    });
    return to;
  }

  void multiply(const RunArgs& args, const float* map, std::int64_t n, std::int64_t block,
                std::int64_t group) const {
    const ConvDesc& d = problem_.desc;
    const std::int64_t begin = d.k * block / blocks_, end = d.k * (block + 1) / blocks_;
    const std::int64_t y_row = n * d.k + begin;
    GemmBlock gemm{.a = args.inputs[kConvW].as<float>() + begin * d.c,
                   .lda = d.c,
                   .rows = end - begin,
                   .depth = d.c,
                   .b = map,
                   .ldb = pixels_,
                   .columns = pixels_,
                   .panel_begin = panels_ * group / groups_,
                   .panel_end = panels_ * (group + 1) / groups_,
                   .y = args.outputs[0].as<float>() + y_row * pixels_,
                   .ldy = pixels_,
                   .epilogue = base_epilogue(problem_)};
    if (problem_.has_bias) gemm.epilogue.row_bias = args.inputs[kConvBias].as<float>() + begin;
    if (problem_.has_residual) {
      gemm.epilogue.addend = args.inputs[kConvResidual].as<float>() + y_row * pixels_;
      gemm.epilogue.addend_row = pixels_;
    }
    gemm_.unpacked(gemm);
  }

  ConvProblem problem_;
  const GemmKernels& gemm_;
  std::int64_t pixels_, panels_, groups_, blocks_;
};

Support supports(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  const ConvDesc& d = problem.desc;
  if (!d.is_pointwise()) return Support::no("needs a 1x1 filter and one group");
  if (d.pad_top || d.pad_left || d.pad_bottom || d.pad_right) return Support::no("pads nothing");
  if (problem.dtype != DType::kF32 || !problem.uniform_dtype) return Support::no("computes f32");
  if (!problem.one_layout()) return Support::no("needs operands of one layout");
  if (problem.x_layout == Layout::kNchw) return Support::yes();
  if (problem.x_layout != Layout::kNhwc) return Support::no("computes nchw and nhwc");
  if (!problem.weights) return Support::no("packs constant weights");
  return Support::yes();
}

std::size_t workspace(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  const ConvDesc& d = problem.desc;
  if (problem.x_layout != Layout::kNchw || dense(d)) return 0;
  return static_cast<std::size_t>(d.c * d.p() * d.q()) * sizeof(float);
}

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  const ConvProblem problem = conv_problem(op);
  Estimate estimate = estimate_streaming(op, device);
  estimate.flops = static_cast<double>(problem.desc.flops());
  estimate.workspace_bytes = workspace(op, device);
  // Share of the FMA peak, measured on MobileNetV2's layers (docs/performance).
  const double efficiency = problem.x_layout == Layout::kNhwc ? 0.8 : 0.6;
  const double rate = efficiency * device.flops_per_second_core * device.threads;
  estimate.seconds = std::max(estimate.seconds, estimate.flops / rate);
  return estimate;
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  if (problem.x_layout == Layout::kNhwc) return std::make_unique<PointwiseNhwc>(problem);
  return std::make_unique<PointwiseNchw>(problem);
}

constexpr Implementation kCpu = {
    .name = "pointwise.gemm.cpu.f32",
    .supports = supports,
    .workspace = workspace,
    .estimate = estimate,
    .prepare = prepare,
};

}  // namespace

ImplementationList pointwise_implementations() {
  static const std::vector<Implementation> list = [] {
    std::vector<Implementation> entries{kCpu};
    append_cuda_pointwise(entries);
    return entries;
  }();
  return list;
}

}  // namespace convoy
