// conv.im2col.cuda.f32, the classical baseline: every window of the batch is copied out, then
// cuBLAS multiplies.
#include <algorithm>

#include "cuda/cublas.h"
#include "kernels/conv/cuda/entries.h"
#include "kernels/conv/cuda/program.h"

namespace convoy {
namespace {

using namespace conv_cuda;

// x already is the matrix of windows.
bool is_matrix(const ConvDesc& d) {
  return d.r == 1 && d.s == 1 && d.stride_h == 1 && d.stride_w == 1 && d.padded_h() == d.h &&
         d.padded_w() == d.w;
}

std::size_t workspace(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  if (is_matrix(problem.desc)) return 0;
  return static_cast<std::size_t>(im2col_bytes(problem.desc, problem.dtype));
}

bool has_epilogue(const ConvProblem& problem) {
  return problem.has_bias || problem.has_residual ||
         problem.epilogue.activation.kind != UnaryKind::kIdentity;
}

// [k][c/g][r][s] as the matrix of windows has them, c last for NHWC.
std::vector<float> pack(const ConvProblem& problem) {
  const ConvDesc& d = problem.desc;
  const std::int64_t cg = d.c / d.groups;
  const bool channels_last = problem.x_layout == Layout::kNhwc;
  return pack_weights(problem, [&](auto k, auto c, auto r, auto s) {
    return channels_last ? ((k * d.r + r) * d.s + s) * cg + c : ((k * cg + c) * d.r + r) * d.s + s;
  });
}

// The products of all images and groups: `calls` calls of one batched product each, whose operands
// start `*_step` elements after those of the call before.
//   windows of an image and a group   NCHW: [c/g * r * s][pixels]   NHWC: [pixels][g][r * s * c/g]
//   y of an image and a group         NCHW: [k/g][pixels]           NHWC: [pixels][g][k/g]
struct GemmPlan {
  cuda::MatrixProduct product;
  bool weights_first = false;
  int calls = 1;
  std::int64_t windows_step = 0, weights_step = 0, y_step = 0;
};

GemmPlan plan_gemm(const ConvProblem& problem) {
  const ConvDesc& d = problem.desc;
  const bool x_nhwc = problem.x_layout == Layout::kNhwc, y_nhwc = problem.y_layout == Layout::kNhwc;
  const std::int64_t cg = d.c / d.groups, kg = d.k / d.groups, window = cg * d.r * d.s;
  // Pixels of the whole batch follow each other where both are channels last.
  const std::int64_t images = x_nhwc && y_nhwc ? 1 : d.n;
  const std::int64_t pixels = d.n / images * d.p() * d.q();

  struct Steps {
    std::int64_t count, windows, weights, y;
  };
  Steps outer{images, pixels * window * d.groups, 0, pixels * d.k};
  Steps inner{d.groups, x_nhwc ? window : window * pixels, kg * window, y_nhwc ? kg : kg * pixels};
  if (outer.count > inner.count) std::swap(outer, inner);  // the most products in one call

  const int windows_rows = static_cast<int>(x_nhwc ? window * d.groups : pixels);
  GemmPlan plan{.weights_first = y_nhwc,
                .calls = static_cast<int>(outer.count),
                .windows_step = outer.windows,
                .weights_step = outer.weights,
                .y_step = outer.y};
  cuda::MatrixProduct& product = plan.product;
  product.k = static_cast<int>(window);
  product.batch = static_cast<int>(inner.count);
  product.c_stride = inner.y;
  if (y_nhwc) {  // y' [k/g x pixels] = weights [k/g x window] * windows [window x pixels]
    product.transpose_a = true;
    product.transpose_b = !x_nhwc;
    product.m = static_cast<int>(kg), product.n = static_cast<int>(pixels);
    product.a_rows = static_cast<int>(window), product.a_stride = inner.weights;
    product.b_rows = windows_rows, product.b_stride = inner.windows;
    product.c_rows = static_cast<int>(d.k);
  } else {  // y' [pixels x k/g] = windows [pixels x window] * weights [window x k/g]
    product.transpose_a = x_nhwc;
    product.m = static_cast<int>(pixels), product.n = static_cast<int>(kg);
    product.a_rows = windows_rows, product.a_stride = inner.windows;
    product.b_rows = static_cast<int>(window), product.b_stride = inner.weights;
    product.c_rows = static_cast<int>(pixels);
  }
  return plan;
}

// The block of im2col.cuh.
std::int64_t im2col_blocks(const ConvProblem& problem) {
  const ConvDesc& d = problem.desc;
  if (problem.x_layout == Layout::kNchw) {
    return flat_blocks(Shape{d.n, d.c, d.p(), d.q()}.elements());
  }
  const std::int64_t row = d.c * d.r * d.s, rows = row < 2048 ? 2048 / row : 1;
  return (d.n * d.p() * d.q() + rows - 1) / rows;
}

class Im2colCublas final : public DeviceConv {
 public:
  Im2colCublas(const OpDesc& op, const ConvProblem& problem, const DeviceDesc& device)
      : DeviceConv(problem, device, pack(problem)),
        blas_(cuda::Blas::get(device_)),
        plan_(plan_gemm(problem)),
        copies_(!is_matrix(problem.desc)),
        finishes_(has_epilogue(problem)),
        kernels_(load(im2col_programs(op, device), device)),
        im2col_blocks_(im2col_blocks(problem)),
        epilogue_blocks_(flat_blocks(conv_y_shape(problem.desc).elements())) {}

  void run(const RunArgs& args) const override {
    const DeviceOperands operands = device_operands(args);
    if (copies_) launch(kernels_.front(), im2col_blocks_, operands, weights_);
    const float* windows = copies_ ? operands.workspace : operands.x;
    for (std::int64_t i = 0; i < plan_.calls; ++i) {
      const float* a = windows + i * plan_.windows_step;
      const float* b = weights_.weights() + i * plan_.weights_step;
      if (plan_.weights_first) std::swap(a, b);
      blas_.multiply(plan_.product, a, b, operands.y + i * plan_.y_step, operands.stream);
    }
    if (finishes_) launch(kernels_.back(), epilogue_blocks_, operands, weights_);
  }

 private:
  const cuda::Blas& blas_;
  const GemmPlan plan_;
  const bool copies_, finishes_;
  std::vector<cuda::Kernel> kernels_;  // those of im2col and of the epilogue, where there are
  const std::int64_t im2col_blocks_, epilogue_blocks_;
};

Support supports(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  if (Support support = supports_cuda(problem); !support) return support;
  return {cuda::blas_missing()};
}

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  // Measured on an H200 with the im2win layers: the copy runs at the rate of memory, and the
  // products at 0.58 of the peak where they fill cuBLAS's tiles. Few channels fill less of them,
  // and so do the images of NCHW, each a product of its own.
  const ConvProblem problem = conv_problem(op);
  const ConvDesc& d = problem.desc;
  const auto filled = [](std::int64_t extent) {
    constexpr std::int64_t kTile = 64;
    return static_cast<double>(extent) / static_cast<double>((extent + kTile - 1) / kTile * kTile);
  };
  const bool by_image = problem.x_layout == Layout::kNchw && d.n > 1;
  const double efficiency = 0.58 * std::min(1.0, static_cast<double>(d.k / d.groups) / 64) *
                            (by_image ? filled(d.p() * d.q()) : 1);
  const double copied = static_cast<double>(workspace(op, device));
  const double y_bytes = static_cast<double>(op.outputs[0].bytes());
  Estimate estimate = estimate_on_gpu(problem, device,
                                      {.efficiency = efficiency,
                                       .extra_bytes = has_epilogue(problem) ? 2 * y_bytes : 0,
                                       .launches = 3});
  estimate.workspace_bytes = workspace(op, device);
  estimate.bytes_l2 += 2 * copied;
  estimate.bytes_dram += 2 * copied;
  estimate.seconds += 2 * copied / device.bytes_per_second;
  return estimate;
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc& device) {
  return std::make_unique<Im2colCublas>(op, conv_problem(op), device);
}

}  // namespace

const Implementation kConvIm2colCuda = {.name = "conv.im2col.cuda.f32",
                                        .supports = supports,
                                        .workspace = workspace,
                                        .estimate = estimate,
                                        .prepare = prepare,
                                        .device = DeviceDesc::Kind::kCuda};

std::vector<cuda::Program> im2col_programs(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  std::vector<cuda::Program> programs;
  if (!is_matrix(problem.desc)) {
    programs.push_back(
        program(problem, {"conv_im2col", "im2col.cuh", "im2col<kProblem>(x, workspace)"}));
  }
  if (has_epilogue(problem)) {
    programs.push_back(
        program(problem, {"conv_epilogue", "im2col.cuh", "epilogue<kProblem>(bias, residual, y)"}));
  }
  return programs;
}

}  // namespace convoy
