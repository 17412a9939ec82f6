// The fused modules of the CPU. Which tile runs is in cpu_tiles.h, how in cpu_run.h.
#include <algorithm>
#include <optional>

#include "base/error.h"
#include "kernels/fused/cpu_run.h"
#include "kernels/fused/cpu_traffic.h"
#include "kernels/fused/entries.h"

namespace convoy {
namespace {

Module stages_of(CpuModule module) {
  switch (module) {
    case CpuModule::kDwPw:
      return Module::kDwPw;
    case CpuModule::kPwPw:
      return Module::kPwPw;
    case CpuModule::kPwDwPw:
      return Module::kPwDwPw;
    default:
      return Module::kPwDw;
  }
}

template <CpuModule kModule>
Support supports(const OpDesc& op, const DeviceDesc&) {
  const FusedProblem problem = fused_problem(op);
  if (module_of(problem) != stages_of(kModule)) {
    return Support::no("needs the stages " + std::string(to_string(stages_of(kModule))) +
                       ", pointwise ones without strides");
  }
  if (problem.dtype != DType::kF32) return Support::no("computes f32");
  const bool nhwc = problem.x_layout == Layout::kNhwc && problem.y_layout == Layout::kNhwc &&
                    (!problem.has_residual() || problem.residual_layout == Layout::kNhwc);
  if (!nhwc) return Support::no("computes nhwc");
  for (const FusedStage& stage : problem.stages) {
    if (!stage.weights) return Support::no("packs constant weights");
    if (stage.is_depthwise() && stage.desc.k != stage.desc.c) {
      return Support::no("needs one filter per channel");
    }
  }
  return Support::yes();
}

template <CpuModule kModule>
std::size_t workspace(const OpDesc& op, const DeviceDesc& device) {
  const FusedProblem problem = fused_problem(op);
  return cpu_module_workspace(problem, choose_cpu_tile(problem, kModule, device), device.threads);
}

Estimate estimate_of(const OpDesc& op, const FusedProblem& problem, const CpuTile& tile,
                     const DeviceDesc& device) {
  Estimate estimate = estimate_streaming(op, device);
  estimate.flops = cpu_flops(problem, tile);
  estimate.workspace_bytes = cpu_module_workspace(problem, tile, device.threads);
  // To the operands, once each, comes what tiles and slices read and write again where a core's
  // caches do not keep it. Ring and tile are not in it as long as L2 holds them: the maps of
  // convolutions one after the other pass L1 as often, and their estimates count operands once.
  const CpuTraffic traffic = cpu_traffic(problem, tile, device);
  estimate.bytes_l2 = std::max(estimate.bytes_l2, traffic.l3.total());
  if (estimate.bytes_dram > 0) {
    estimate.bytes_dram = std::max(estimate.bytes_dram, traffic.dram.total());
  }
  estimate.seconds = std::max(estimate.seconds, cpu_seconds(problem, tile, device));
  return estimate;
}

template <CpuModule kModule>
Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  const FusedProblem problem = fused_problem(op);
  return estimate_of(op, problem, choose_cpu_tile(problem, kModule, device), device);
}

template <CpuModule kModule>
std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc& device) {
  const FusedProblem problem = fused_problem(op);
  return make_cpu_module(problem, choose_cpu_tile(problem, kModule, device));
}

template <CpuModule kModule>
std::vector<TileChoice> tiles(const OpDesc& op, const DeviceDesc& device, std::size_t count) {
  const FusedProblem problem = fused_problem(op);
  std::vector<TileChoice> choices;
  for (const CpuTile& tile : ranked_cpu_tiles(problem, kModule, device)) {
    if (choices.size() == count) break;
    choices.push_back({to_string(tile), estimate_of(op, problem, tile, device)});
  }
  return choices;
}

template <CpuModule kModule>
std::unique_ptr<Kernel> prepare_tile(const OpDesc& op, const DeviceDesc&, std::string_view text) {
  const FusedProblem problem = fused_problem(op);
  const std::optional<CpuTile> tile = parse_cpu_tile(text);
  if (!tile) {
    fail(ErrorCode::kInvalidArgument, "'" + std::string(text) +
                                          "' is no tile of a fused module on the cpu, such as '" +
                                          to_string(CpuTile{}) + "'");
  }
  if (fitted(problem, kModule, *tile) != *tile) {
    fail(ErrorCode::kInvalidArgument, "tile " + std::string(text) + " does not fit the module, " +
                                          to_string(fitted(problem, kModule, *tile)) + " would");
  }
  return make_cpu_module(problem, *tile);
}

template <CpuModule kModule>
Implementation entry(std::string_view name) {
  return {.name = name,
          .supports = supports<kModule>,
          .workspace = workspace<kModule>,
          .estimate = estimate<kModule>,
          .prepare = prepare<kModule>,
          .tiles = tiles<kModule>,
          .prepare_tile = prepare_tile<kModule>};
}

}  // namespace

void append_cpu_modules(std::vector<Implementation>& list) {
  list.push_back(entry<CpuModule::kPwDwPw>("fused.pwdwpw.cpu.f32"));
  list.push_back(entry<CpuModule::kDwPw>("fused.dwpw.cpu.f32"));
  list.push_back(entry<CpuModule::kPwDw>("fused.pwdw.cpu.f32"));
  list.push_back(entry<CpuModule::kPwDwR>("fused.pwdw_r.cpu.f32"));
  list.push_back(entry<CpuModule::kPwPw>("fused.pwpw.cpu.f32"));
}

}  // namespace convoy
