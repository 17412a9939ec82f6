// Matrix products by the register-blocked micro-kernel. b is packed in panels: a constant once, a
// run-time operand in the workspace, where there are rows enough to pay for it. A transposed a is
// copied to row-major order.
#include <algorithm>

#include "kernels/matmul/matmul.h"
#include "kernels/simd/gemm.h"

namespace convoy {
namespace {

constexpr std::int64_t kBlockRows = 48;  // a whole number of register tiles of every width
constexpr std::int64_t kTasks = 32;      // wished for; enough to balance a dozen threads
// Packing reads and writes b once, as much traffic as two register tiles of rows cause.
constexpr std::int64_t kRowsWorthPacking = 24;

enum class RightOperand { kPackedOnce, kPackedPerRun, kUnpacked };

RightOperand right_operand(const MatmulProblem& p) {
  if (p.b_constant) return RightOperand::kPackedOnce;
  const bool plain = p.b.column == 1 && p.m < kRowsWorthPacking;
  return plain ? RightOperand::kUnpacked : RightOperand::kPackedPerRun;
}

// Floats of workspace, each part a whole number of cache lines.
struct Scratch {
  std::int64_t b = 0, a = 0;
  explicit Scratch(const MatmulProblem& p) {
    const auto lines = [](std::int64_t floats) { return (floats + 15) / 16 * 16; };
    if (right_operand(p) == RightOperand::kPackedPerRun) {
      b = lines(p.b_count * gemm_kernels().packed_elements(p.depth, p.n));
    }
    if (p.a.column != 1) a = lines(p.a_count * p.m * p.depth);
  }
};

class Blocked final : public Kernel {
 public:
  explicit Blocked(MatmulProblem problem)
      : problem_(std::move(problem)),
        scratch_(problem_),
        right_(right_operand(problem_)),
        gemm_(gemm_kernels()),
        panels_(gemm_.panels(problem_.n)),
        packed_each_(gemm_.packed_elements(problem_.depth, problem_.n)) {
    const MatmulProblem& p = problem_;
    blocks_ = std::max<std::int64_t>(1, (p.m + kBlockRows - 1) / kBlockRows);
    const std::int64_t wanted = kTasks / std::max<std::int64_t>(1, p.batches() * blocks_);
    groups_ = std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, panels_));
    if (right_ == RightOperand::kPackedOnce) {
      packed_ = Buffer(static_cast<std::size_t>(p.b_count * packed_each_) * sizeof(float));
      for (std::int64_t i = 0; i < p.b_count; ++i) {
        pack(static_cast<const float*>(p.b_constant), i, 0, panels_, packed_floats());
      }
    }
  }

  void run(const RunArgs& args) const override {
    const MatmulProblem& p = problem_;
    auto* scratch = reinterpret_cast<float*>(args.workspace.data());
    const float* a = args.inputs[kMatmulA].as<float>();
    const float* b = args.inputs[kMatmulB].as<float>();
    if (right_ == RightOperand::kPackedOnce) b = packed_floats();
    if (right_ == RightOperand::kPackedPerRun) {
      args.pool.parallel_for(p.b_count * panels_, [&](std::int64_t task, int) {
        pack(b, task / panels_, task % panels_, task % panels_ + 1, scratch);
      });
      b = scratch;
    }
    if (p.a.column != 1) {
      args.pool.parallel_for(p.a_count * p.m, [&](std::int64_t row, int) {
        const float* from = a + row / p.m * p.m * p.depth + row % p.m * p.a.row;
        float* to = scratch + scratch_.b + row * p.depth;
        for (std::int64_t kk = 0; kk < p.depth; ++kk) to[kk] = from[kk * p.a.column];
      });
      a = scratch + scratch_.b;
    }
    args.pool.parallel_for(p.batches() * blocks_ * groups_,
                           [&](std::int64_t task, int) { multiply(args, a, b, task); });
  }
  std::size_t packed_bytes() const override { return packed_.size(); }
  bool reads_constant(std::size_t input) const override {
    return input != kMatmulB || right_ != RightOperand::kPackedOnce;
  }

 private:
  float* packed_floats() const { return reinterpret_cast<float*>(packed_.data()); }

  void pack(const float* b, std::int64_t index, std::int64_t begin, std::int64_t end,
            float* to) const {
    const MatmulProblem& p = problem_;
    gemm_.pack(b + index * p.depth * p.n, p.b.row, p.b.column, p.depth, p.n, begin, end,
               to + index * packed_each_);
  }

  void multiply(const RunArgs& args, const float* a, const float* b, std::int64_t task) const {
    const MatmulProblem& p = problem_;
    const std::int64_t group = task % groups_, block = task / groups_ % blocks_;
    const std::int64_t batch = task / groups_ / blocks_;
    const std::int64_t begin = p.m * block / blocks_, end = p.m * (block + 1) / blocks_;
    const auto at = static_cast<std::size_t>(batch);
    const bool unpacked = right_ == RightOperand::kUnpacked;
    GemmBlock gemm{.a = a + (p.a_index[at] * p.m + begin) * p.depth,
                   .lda = p.depth,
                   .rows = end - begin,
                   .depth = p.depth,
                   .b = b + p.b_index[at] * (unpacked ? p.depth * p.n : packed_each_),
                   .ldb = p.b.row,
                   .columns = p.n,
                   .panel_begin = panels_ * group / groups_,
                   .panel_end = panels_ * (group + 1) / groups_,
                   .y = args.outputs[0].as<float>() + (batch * p.m + begin) * p.n,
                   .ldy = p.n,
                   .epilogue = epilogue(args, begin)};
    (unpacked ? gemm_.unpacked : gemm_.packed)(gemm);
  }

  GemmEpilogue epilogue(const RunArgs& args, std::int64_t row) const {
    const MatmulProblem& p = problem_;
    GemmEpilogue e{.scale = p.alpha, .activation = p.activation};
    if (!p.has_c) return e;
    const float* c = args.inputs[kMatmulC].as<float>();
    if (p.c.row == 0 && p.c.column == 1 && p.beta == 1) {
      e.column_bias = c;
    } else {
      e.addend = c + row * p.c.row;
      e.addend_row = p.c.row;
      e.addend_column = p.c.column;
      e.addend_scale = p.beta;
    }
    return e;
  }

  MatmulProblem problem_;
  Scratch scratch_;
  RightOperand right_;
  const GemmKernels& gemm_;
  std::int64_t panels_, packed_each_, blocks_, groups_;
  Buffer packed_;
};

Support supports(const OpDesc& op, const DeviceDesc&) {
  const MatmulProblem p = matmul_problem(op);
  if (p.dtype != DType::kF32 || !p.uniform_dtype) return Support::no("computes f32");
  for (const auto views : {op.inputs, op.outputs}) {
    for (const TensorView& view : views) {
      if (view.shape.rank() > 2 && view.layout != Layout::kNchw) {
        return Support::no("needs row-major operands");
      }
    }
  }
  return Support::yes();
}

std::size_t workspace(const OpDesc& op, const DeviceDesc&) {
  const Scratch scratch(matmul_problem(op));
  return static_cast<std::size_t>(scratch.a + scratch.b) * sizeof(float);
}

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  const MatmulProblem p = matmul_problem(op);
  Estimate estimate = estimate_streaming(op, device);
  estimate.flops =
      2.0 * static_cast<double>(p.batches() * p.m * p.n) * static_cast<double>(p.depth);
  estimate.workspace_bytes = workspace(op, device);
  // Share of the FMA peak that the micro-kernel reaches on packed operands (docs/performance).
  constexpr double kEfficiency = 0.8;
  const double rate = kEfficiency * device.flops_per_second_core * device.threads;
  const double scratch_seconds =
      2 * static_cast<double>(estimate.workspace_bytes) / device.bytes_per_second;
  estimate.seconds = std::max(estimate.seconds, estimate.flops / rate) + scratch_seconds;
  return estimate;
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc&) {
  return std::make_unique<Blocked>(matmul_problem(op));
}

constexpr Implementation entry(std::string_view name) {
  return {.name = name,
          .supports = supports,
          .workspace = workspace,
          .estimate = estimate,
          .prepare = prepare};
}

}  // namespace

const Implementation kMatmulBlocked = entry("matmul.blocked.cpu.f32");
const Implementation kGemmBlocked = entry("gemm.blocked.cpu.f32");

}  // namespace convoy
