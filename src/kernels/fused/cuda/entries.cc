// The fused modules on CUDA devices: an entry for each module and type of elements, and one for f32
// in parts where there are pointwise stages.
#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/fused/cuda/describe.h"
#include "kernels/fused/cuda/entries.h"
#include "kernels/fused/cuda/module.h"
#include "kernels/fused/entries.h"

namespace convoy {
namespace {

using fused_cuda::Tile;

// What an entry computes: a module, pwdw with or without blocks that share a map.
enum class Kind { kDw, kPw, kDwPw, kPwDw, kPwDwR, kPwPw, kPwDwPw };

constexpr Module module_for(Kind kind) {
  switch (kind) {
    case Kind::kDw:
      return Module::kDw;
    case Kind::kPw:
      return Module::kPw;
    case Kind::kDwPw:
      return Module::kDwPw;
    case Kind::kPwDw:
    case Kind::kPwDwR:
      return Module::kPwDw;
    case Kind::kPwPw:
      return Module::kPwPw;
    case Kind::kPwDwPw:
      break;
  }
  return Module::kPwDwPw;
}

// Without recomputation a block has the whole map of its channels.
bool fits(Kind kind, const FusedProblem& problem, const Tile& tile) {
  const bool whole = tile.rows >= problem.last().p() && tile.columns >= problem.last().q();
  return kind == Kind::kPwDw ? whole : kind == Kind::kPwDwR ? !whole : true;
}

// Best first. By default a few, since how many registers a kernel takes is known when it is
// compiled.
std::vector<Tile> best_tiles(Kind kind, const FusedProblem& problem, const DeviceDesc& device,
                             std::size_t count = 4) {
  std::vector<Tile> best;
  for (const Tile& tile : fused_cuda::candidate_tiles(problem, device)) {
    if (best.size() == count) break;
    if (fits(kind, problem, tile)) best.push_back(tile);
  }
  return best;
}

// As an entry of this precision computes it: a strict one whatever is permitted.
template <Precision kPrecision>
FusedProblem problem_of(const OpDesc& op) {
  FusedProblem problem = fused_problem(op);
  if (kPrecision == Precision::kStrict) problem.precision = Precision::kStrict;
  return problem;
}

template <Kind kKind, DType kDType, Precision kPrecision>
Support supports(const OpDesc& op, const DeviceDesc& device) {
  if (op.op == Op::kConv && !conv_problem(op).uniform_dtype) {
    return Support::no("needs operands of one data type");
  }
  const FusedProblem problem = problem_of<kPrecision>(op);
  if (problem.dtype != kDType) {
    return Support::no("computes " + std::string(to_string(kDType)) + ", x is " +
                       std::string(to_string(problem.dtype)));
  }
  if (problem.precision != kPrecision) {
    return Support::no("adds up products of f32 in parts, which the convolutions do not permit");
  }
  const std::optional<Module> module = module_of(problem);
  if (module != module_for(kKind)) {
    return Support::no("computes " + std::string(to_string(module_for(kKind))) + ", this is " +
                       (module ? std::string(to_string(*module)) : "another sequence"));
  }
  if (Support support = fused_cuda::supports(problem, device); !support) return support;
  if (best_tiles(kKind, problem, device).empty()) {
    return Support::no(kKind == Kind::kPwDw ? "a block cannot hold a whole map"
                       : kKind == Kind::kPwDwR
                           ? "has one block a map, which recomputes nothing"
                           : "no tile fits the device's shared memory and registers");
  }
  return Support::yes();
}

Estimate estimate_of(const OpDesc& op, const FusedProblem& problem, const Tile& tile,
                     const DeviceDesc& device) {
  Estimate estimate = report(problem, tile, device).estimate;
  // Estimates are made to rank tiles, and large f32 products come out too fast. Beside other
  // convolutions they are held to what was measured of them: half of the multiply-add peak.
  if (op.op == Op::kConv && problem.dtype == DType::kF32 &&
      problem.precision == Precision::kStrict) {
    const double rate = 0.5 * device.cores * device.flops_per_second_core;
    estimate.seconds =
        std::max(estimate.seconds, static_cast<double>(problem.first().flops()) / rate);
  }
  return estimate;
}

template <Kind kKind, Precision kPrecision>
Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  const FusedProblem problem = problem_of<kPrecision>(op);
  return estimate_of(op, problem, best_tiles(kKind, problem, device, 1).at(0), device);
}

template <Kind kKind, Precision kPrecision>
std::vector<TileChoice> tiles(const OpDesc& op, const DeviceDesc& device, std::size_t count) {
  const FusedProblem problem = problem_of<kPrecision>(op);
  std::vector<TileChoice> choices;
  for (const Tile& tile : best_tiles(kKind, problem, device, count)) {
    choices.push_back({to_string(tile), estimate_of(op, problem, tile, device)});
  }
  return choices;
}

template <Kind kKind, Precision kPrecision>
std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc& device) {
  const FusedProblem problem = problem_of<kPrecision>(op);
  return fused_cuda::make_module(problem, device, best_tiles(kKind, problem, device));
}

template <Kind kKind, Precision kPrecision>
std::unique_ptr<Kernel> prepare_tile(const OpDesc& op, const DeviceDesc& device,
                                     std::string_view text) {
  const FusedProblem problem = problem_of<kPrecision>(op);
  const std::optional<Tile> tile = fused_cuda::parse_tile(text);
  if (!tile || !fits(kKind, problem, *tile)) {
    fail(ErrorCode::kInvalidArgument,
         "'" + std::string(text) + "' is no tile of this module, such as '" +
             to_string(best_tiles(kKind, problem, device).at(0)) + "'");
  }
  return fused_cuda::make_module(problem, device, std::span(&*tile, 1));
}

template <Kind kKind, DType kDType, Precision kPrecision = Precision::kStrict>
constexpr Implementation entry(std::string_view name) {
  return {.name = name,
          .supports = supports<kKind, kDType, kPrecision>,
          .workspace = no_workspace,
          .estimate = estimate<kKind, kPrecision>,
          .prepare = prepare<kKind, kPrecision>,
          .device = DeviceDesc::Kind::kCuda,
          .tiles = tiles<kKind, kPrecision>,
          .prepare_tile = prepare_tile<kKind, kPrecision>};
}

// Of one kind with a pointwise stage, f32 in parts.
#define CONVOY_SPLIT_ENTRY(kind, name) \
  entry<kind, DType::kF32, Precision::kSplit>(name ".cuda.f32_split")

// Of one kind, in f32, f16, bf16 and s8.
#define CONVOY_ENTRIES(kind, name)                                                        \
  entry<kind, DType::kF32>(name ".cuda.f32"), entry<kind, DType::kF16>(name ".cuda.f16"), \
      entry<kind, DType::kBF16>(name ".cuda.bf16"), entry<kind, DType::kS8>(name ".cuda.s8")

constexpr Implementation kModules[] = {CONVOY_SPLIT_ENTRY(Kind::kPwDwPw, "fused.pwdwpw"),
                                       CONVOY_SPLIT_ENTRY(Kind::kDwPw, "fused.dwpw"),
                                       CONVOY_SPLIT_ENTRY(Kind::kPwDw, "fused.pwdw"),
                                       CONVOY_SPLIT_ENTRY(Kind::kPwDwR, "fused.pwdw_r"),
                                       CONVOY_SPLIT_ENTRY(Kind::kPwPw, "fused.pwpw"),
                                       CONVOY_SPLIT_ENTRY(Kind::kPw, "fused.pw"),
                                       CONVOY_ENTRIES(Kind::kPwDwPw, "fused.pwdwpw"),
                                       CONVOY_ENTRIES(Kind::kDwPw, "fused.dwpw"),
                                       CONVOY_ENTRIES(Kind::kPwDw, "fused.pwdw"),
                                       CONVOY_ENTRIES(Kind::kPwDwR, "fused.pwdw_r"),
                                       CONVOY_ENTRIES(Kind::kPwPw, "fused.pwpw"),
                                       CONVOY_ENTRIES(Kind::kDw, "fused.dw"),
                                       CONVOY_ENTRIES(Kind::kPw, "fused.pw")};
#undef CONVOY_ENTRIES

constexpr Implementation kDepthwise[] = {
    entry<Kind::kDw, DType::kF32>("depthwise.direct.cuda.f32"),
    entry<Kind::kDw, DType::kF16>("depthwise.direct.cuda.f16"),
    entry<Kind::kDw, DType::kBF16>("depthwise.direct.cuda.bf16")};

constexpr Implementation kPointwise[] = {
    CONVOY_SPLIT_ENTRY(Kind::kPw, "pointwise.gemm"),
    entry<Kind::kPw, DType::kF32>("pointwise.gemm.cuda.f32"),
    entry<Kind::kPw, DType::kF16>("pointwise.gemm.cuda.f16"),
    entry<Kind::kPw, DType::kBF16>("pointwise.gemm.cuda.bf16")};

#undef CONVOY_SPLIT_ENTRY

}  // namespace

void append_cuda_modules(std::vector<Implementation>& list) {
  list.insert(list.end(), std::begin(kModules), std::end(kModules));
}

void append_cuda_depthwise(std::vector<Implementation>& list) {
  list.insert(list.end(), std::begin(kDepthwise), std::end(kDepthwise));
}

void append_cuda_pointwise(std::vector<Implementation>& list) {
  list.insert(list.end(), std::begin(kPointwise), std::end(kPointwise));
}

}  // namespace convoy
