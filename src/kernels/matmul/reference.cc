// The definition of matrix products: floats accumulated in double, integers modulo 2^64.
#include <algorithm>
#include <string>
#include <type_traits>

#include "base/unary_reference.h"
#include "kernels/matmul/matmul.h"

namespace convoy {
namespace {

template <class T>
class Reference final : public Kernel {
 public:
  explicit Reference(MatmulProblem problem) : problem_(std::move(problem)) {}

  void run(const RunArgs& args) const override {
    const MatmulProblem& p = problem_;
    args.pool.parallel_for(p.batches() * p.m, [&](std::int64_t task, int) {
      const std::int64_t i = task % p.m;
      const auto batch = static_cast<std::size_t>(task / p.m);
      const T* a = args.inputs[kMatmulA].as<T>() + p.a_index[batch] * p.m * p.depth + i * p.a.row;
      const T* b = args.inputs[kMatmulB].as<T>() + p.b_index[batch] * p.depth * p.n;
      T* y = args.outputs[0].as<T>() + task * p.n;
      for (std::int64_t j = 0; j < p.n; ++j) y[j] = element(args, a, b + j * p.b.column, i, j);
    });
  }

 private:
  using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

  T element(const RunArgs& args, const T* a, const T* b, std::int64_t i, std::int64_t j) const {
    const MatmulProblem& p = problem_;
    Sum sum = 0;
    for (std::int64_t kk = 0; kk < p.depth; ++kk) {
      sum += static_cast<Sum>(a[kk * p.a.column]) * static_cast<Sum>(b[kk * p.b.row]);
    }
    if constexpr (std::is_floating_point_v<T>) {
      sum *= static_cast<double>(p.alpha);
      if (p.has_c) {
        const T c = args.inputs[kMatmulC].as<T>()[i * p.c.row + j * p.c.column];
        sum += static_cast<double>(p.beta) * static_cast<double>(c);
      }
      sum = unary_reference(p.activation, sum);
    }
    return static_cast<T>(sum);
  }

  MatmulProblem problem_;
};

Support supports(const OpDesc& op, const DeviceDesc&) {
  const MatmulProblem p = matmul_problem(op);
  if (!p.uniform_dtype) return Support::no("needs operands of one data type");
  switch (p.dtype) {
    case DType::kF32:
    case DType::kF64:
      return Support::yes();
    case DType::kS32:
    case DType::kU32:
    case DType::kS64:
    case DType::kU64:
      if (op.op == Op::kMatMul) return Support::yes();
      [[fallthrough]];
    default:
      return Support::no("does not multiply " + std::string(to_string(p.dtype)));
  }
}

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  const MatmulProblem p = matmul_problem(op);
  Estimate estimate = estimate_streaming(op, device);
  estimate.flops =
      2.0 * static_cast<double>(p.batches() * p.m * p.n) * static_cast<double>(p.depth);
  // One strided multiply-add at a time: 1 GFLOP/s of a 4 GHz core.
  constexpr double kFlopsPerSecond = 1e9;
  estimate.seconds = std::max(estimate.seconds, estimate.flops / kFlopsPerSecond / device.threads);
  return estimate;
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc&) {
  MatmulProblem p = matmul_problem(op);
  switch (p.dtype) {
    case DType::kF64:
      return std::make_unique<Reference<double>>(std::move(p));
    case DType::kS32:
      return std::make_unique<Reference<std::int32_t>>(std::move(p));
    case DType::kU32:
      return std::make_unique<Reference<std::uint32_t>>(std::move(p));
    case DType::kS64:
      return std::make_unique<Reference<std::int64_t>>(std::move(p));
    case DType::kU64:
      return std::make_unique<Reference<std::uint64_t>>(std::move(p));
    default:
      return std::make_unique<Reference<float>>(std::move(p));
  }
}

constexpr Implementation entry(std::string_view name) {
  return {.name = name,
          .supports = supports,
          .workspace = no_workspace,
          .estimate = estimate,
          .prepare = prepare};
}

}  // namespace

const Implementation kMatmulReference = entry("matmul.reference");
const Implementation kGemmReference = entry("gemm.reference");

}  // namespace convoy
