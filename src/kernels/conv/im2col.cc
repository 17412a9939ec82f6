// im2col + GEMM, the classical baseline: every window is copied out, then OpenBLAS multiplies.
//
// The buffer holds one image (a block of eight in CHWN8, the batch in CHWN), as the frameworks that
// use im2col do: whole-batch buffers would only be slower.
#include <algorithm>
#include <string>

#include "kernels/conv/entries.h"
#include "kernels/conv/window_conv.h"

#ifdef CONVOY_HAVE_OPENBLAS

#include <cblas.h>

#include "kernels/conv/micro.h"

extern "C" void openblas_set_num_threads(int threads);

namespace convoy {
namespace {

void gemm(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
          std::int64_t lda, const float* b, std::int64_t ldb, float* c, std::int64_t ldc) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,
              static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1, a,
              static_cast<int>(lda), b, static_cast<int>(ldb), 0, c, static_cast<int>(ldc));
}
void gemm(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const double* a,
          std::int64_t lda, const double* b, std::int64_t ldb, double* c, std::int64_t ldc) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,
              static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1, a,
              static_cast<int>(lda), b, static_cast<int>(ldb), 0, c, static_cast<int>(ldc));
}

// Images copied out together, and how many lie side by side in memory.
std::int64_t inner_images(const ConvProblem& problem) {
  return problem.x_layout == Layout::kChwn    ? problem.desc.n
         : problem.x_layout == Layout::kChwn8 ? 8
                                              : 1;
}

std::int64_t buffer_elements(const ConvProblem& problem) {
  const ConvDesc& d = problem.desc;
  return Shape{inner_images(problem), d.c, d.p(), d.q(), d.r, d.s}.elements();
}

// Pixels a task multiplies: fixed by the problem, so that sums do not depend on the threads.
constexpr std::int64_t kTaskPixels = 256;

template <class T>
class Im2col final : public Kernel {
 public:
  explicit Im2col(const ConvProblem& problem)
      : problem_(problem),
        ops_(micro_ops<T>()),
        nhwc_(problem.x_layout == Layout::kNhwc),
        inner_(inner_images(problem)),
        cg_(problem.desc.c / problem.desc.groups),
        kg_(problem.desc.k / problem.desc.groups),
        pixels_(problem.desc.p() * problem.desc.q() * inner_) {
    // Threads are ours: OpenBLAS must not start its own inside them.
    openblas_set_num_threads(1);
    const ConvDesc& d = problem.desc;
    const T* weights = static_cast<const T*>(problem.weights);
    const std::int64_t window = cg_ * d.r * d.s;
    weights_.resize(static_cast<std::size_t>(d.k * window));
    for (std::int64_t k = 0; k < d.k; ++k) {
      for (std::int64_t i = 0; i < window; ++i) {
        const std::int64_t s = i % d.s, r = i / d.s % d.r, c = i / d.s / d.r;
        const std::int64_t at = nhwc_ ? (r * d.s + s) * cg_ + c : i;
        weights_[static_cast<std::size_t>(k * window + at)] = weights[k * window + i];
      }
    }
    bias_.resize(static_cast<std::size_t>(d.k + kMaxLanes));
    if (problem.has_bias) {
      std::copy_n(static_cast<const T*>(problem.bias), d.k, bias_.begin());
    }
  }

  void run(const RunArgs& args) const override {
    const ConvDesc& d = problem_.desc;
    T* buffer = reinterpret_cast<T*>(args.workspace.data());
    const std::int64_t blocks = ceil_div(d.n, inner_);
    const std::int64_t x_block = d.c * d.h * d.w * inner_, y_block = d.k * pixels_;
    for (std::int64_t b = 0; b < blocks; ++b) {
      const T* x = args.inputs[kConvX].as<T>() + b * x_block;
      T* y = args.outputs[0].as<T>() + b * y_block;
      const T* residual =
          problem_.has_residual ? args.inputs[kConvResidual].as<T>() + b * y_block : nullptr;
      args.pool.parallel_for(nhwc_ ? d.p() : d.c * d.r * d.s, [&](std::int64_t task, int) {
        nhwc_ ? copy_row(x, task, buffer) : copy_tap(x, task, buffer);
      });
      const std::int64_t pieces = ceil_div(pixels_, kTaskPixels);
      args.pool.parallel_for(d.groups * pieces, [&](std::int64_t task, int) {
        const std::int64_t begin = task % pieces * kTaskPixels;
        multiply(buffer, task / pieces, begin, std::min(kTaskPixels, pixels_ - begin), y, residual);
      });
    }
  }

  std::size_t packed_bytes() const override { return (weights_.size() + bias_.size()) * sizeof(T); }
  bool reads_constant(std::size_t input) const override {
    return input != kConvW && input != kConvBias;
  }

 private:
  // buffer: [g][pixel][r][s][c/g]; one row of outputs.
  void copy_row(const T* x, std::int64_t p, T* buffer) const {
    const ConvDesc& d = problem_.desc;
    const std::int64_t window = cg_ * d.r * d.s;
    for (std::int64_t g = 0; g < d.groups; ++g) {
      T* to = buffer + (g * pixels_ + p * d.q()) * window;
      for (std::int64_t q = 0; q < d.q(); ++q) {
        for (std::int64_t r = 0; r < d.r; ++r) {
          const std::int64_t h = p * d.stride_h - d.pad_top + r * d.dilation_h;
          for (std::int64_t s = 0; s < d.s; ++s, to += cg_) {
            const std::int64_t w = q * d.stride_w - d.pad_left + s * d.dilation_w;
            if (h < 0 || h >= d.h || w < 0 || w >= d.w) {
              std::fill_n(to, cg_, T{0});
            } else {
              std::copy_n(x + (h * d.w + w) * d.c + g * cg_, cg_, to);
            }
          }
        }
      }
    }
  }

  // buffer: [c][r][s][pixel][image]; one (c, r, s).
  void copy_tap(const T* x, std::int64_t tap, T* buffer) const {
    const ConvDesc& d = problem_.desc;
    const std::int64_t s = tap % d.s, r = tap / d.s % d.r, c = tap / d.s / d.r;
    const std::int64_t q_extent = d.q();
    const TapRange inside = columns_inside(s, q_extent);
    T* to = buffer + tap * pixels_;
    for (std::int64_t p = 0; p < d.p(); ++p, to += q_extent * inner_) {
      const std::int64_t h = p * d.stride_h - d.pad_top + r * d.dilation_h;
      if (h < 0 || h >= d.h) {
        std::fill_n(to, q_extent * inner_, T{0});
        continue;
      }
      std::fill_n(to, inside.begin * inner_, T{0});
      const std::int64_t w = inside.begin * d.stride_w - d.pad_left + s * d.dilation_w;
      const T* from = x + ((c * d.h + h) * d.w + w) * inner_;
      const std::int64_t count = inside.end - inside.begin;
      if (d.stride_w == 1) {
        std::copy_n(from, count * inner_, to + inside.begin * inner_);
      } else if (inner_ == 1) {
        for (std::int64_t q = 0; q < count; ++q) to[inside.begin + q] = from[q * d.stride_w];
      } else {
        for (std::int64_t q = 0; q < count; ++q) {
          std::copy_n(from + q * d.stride_w * inner_, inner_, to + (inside.begin + q) * inner_);
        }
      }
      std::fill_n(to + inside.end * inner_, (q_extent - inside.end) * inner_, T{0});
    }
  }

  // Outputs of a row whose tap s lies in the input.
  TapRange columns_inside(std::int64_t s, std::int64_t q_extent) const {
    const ConvDesc& d = problem_.desc;
    return taps_inside(s * d.dilation_w - d.pad_left, d.stride_w, q_extent, d.w);
  }

  void multiply(const T* buffer, std::int64_t group, std::int64_t begin, std::int64_t count, T* y,
                const T* residual) const {
    const ConvDesc& d = problem_.desc;
    const std::int64_t window = cg_ * d.r * d.s, k0 = group * kg_;
    const T* weights = &weights_[static_cast<std::size_t>(k0 * window)];
    FinishRows<T> f;
    f.epilogue = &problem_.epilogue;
    f.rows = 1;
    if (nhwc_) {
      T* to = y + begin * d.k + k0;
      gemm(true, count, kg_, window, buffer + (group * pixels_ + begin) * window, window, weights,
           window, to, d.k);
      f.bias = &bias_[static_cast<std::size_t>(k0)];
      f.count = kg_;
      for (std::int64_t i = 0; i < count; ++i) finish_row(f, to + i * d.k, y, residual);
    } else {
      T* to = y + k0 * pixels_ + begin;
      gemm(false, kg_, count, window, weights, window, buffer + group * window * pixels_ + begin,
           pixels_, to, pixels_);
      f.count = count;
      for (std::int64_t k = 0; k < kg_; ++k) {
        f.bias_of_row[0] = bias_[static_cast<std::size_t>(k0 + k)];
        finish_row(f, to + k * pixels_, y, residual);
      }
    }
  }

  void finish_row(FinishRows<T>& f, T* row, const T* y, const T* residual) const {
    f.tile = row;
    f.y[0] = row;
    f.bias_of_row[0] = f.bias != nullptr ? T{0} : f.bias_of_row[0];
    f.residual[0] = residual == nullptr ? nullptr : residual + (row - y);
    ops_.finish(f);
  }

  ConvProblem problem_;
  const MicroOps<T>& ops_;
  bool nhwc_;
  std::int64_t inner_, cg_, kg_, pixels_;
  std::vector<T> weights_;  // k x window, the window in the buffer's order
  std::vector<T> bias_;
};

template <DType kType>
Support supports(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  if (Support support = supports_packed(problem, kType); !support) return support;
  const ConvDesc& d = problem.desc;
  if (d.p() * d.q() * inner_images(problem) > INT32_MAX || d.c * d.r * d.s > INT32_MAX) {
    return Support::no("a GEMM extent exceeds OpenBLAS's 32-bit integers");
  }
  return Support::yes();
}

std::size_t workspace(const OpDesc& op, const DeviceDesc&) {
  const ConvProblem problem = conv_problem(op);
  return static_cast<std::size_t>(buffer_elements(problem)) * size_of(problem.dtype);
}

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  const ConvProblem problem = conv_problem(op);
  const double element = static_cast<double>(size_of(problem.dtype));
  const double copied = static_cast<double>(im2col_bytes(problem.desc, problem.dtype));
  Estimate estimate = estimate_streaming(op, device);
  estimate.flops = static_cast<double>(problem.desc.flops());
  estimate.workspace_bytes = workspace(op, device);
  estimate.bytes_l2 += 2 * copied;
  estimate.bytes_dram += 2 * copied;
  // OpenBLAS 0.3.21 reaches 0.35 of the multiply-add peak on these tall, thin matrices, and falls
  // with the smaller extent below 64 (measured on 4 to 256 channels per group, AVX-512).
  const double channels =
      static_cast<double>(problem.desc.k) / static_cast<double>(problem.desc.groups);
  const double rate = 0.35 * std::min(1.0, channels / 64) * device.flops_per_second_core *
                      device.threads * 4 / element;
  estimate.seconds =
      std::max(estimate.seconds, estimate.flops / rate) + 2 * copied / device.bytes_per_second;
  return estimate;
}

template <class T>
std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc&) {
  return std::make_unique<Im2col<T>>(conv_problem(op));
}

}  // namespace

void append_im2col(std::vector<Implementation>& list) {
  list.push_back({.name = "conv.im2col_gemm.cpu.f32",
                  .supports = supports<DType::kF32>,
                  .workspace = workspace,
                  .estimate = estimate,
                  .prepare = prepare<float>});
  list.push_back({.name = "conv.im2col_gemm.cpu.f64",
                  .supports = supports<DType::kF64>,
                  .workspace = workspace,
                  .estimate = estimate,
                  .prepare = prepare<double>});
}

}  // namespace convoy

#else

namespace convoy {

void append_im2col(std::vector<Implementation>&) {}

}  // namespace convoy

#endif
