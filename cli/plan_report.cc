#include "cli/plan_report.h"

#include <algorithm>

#include "plan/cost_model.h"

namespace convoy::cli {
namespace {

// Among kernels of one step the plan of least memory takes the fastest.
Objective counted(Objective objective) {
  return objective == Objective::kMemory ? Objective::kTime : objective;
}

double bytes_of(const Estimate& estimate, const DeviceDesc& device) {
  return cost_of(estimate, Objective::kBytes, device);
}

class StepReporter {
 public:
  StepReporter(const Program& program, Objective objective)
      : graph_(program.graph),
        plan_(program.plan),
        objective_(counted(objective)),
        makers_(makers_of(program.graph, program.plan)) {}

  StepReport report(const Step& step) const {
    const Node& node = graph_.nodes[static_cast<std::size_t>(step.node)];
    const Estimate apart = step.apart.value_or(step.estimate);
    StepReport r{.step = &step, .node = &node, .members = members_of(graph_, node)};
    r.reads = reads(node);
    r.shares = shares_of(step.estimate, plan_.device, graph_.value(node.outputs[0]).dtype);
    r.bound = bound_of(r.shares);
    r.bytes = bytes_of(step.estimate, plan_.device);
    r.bytes_apart = bytes_of(apart, plan_.device);
    r.seconds_apart = apart.seconds;
    for (const Candidate& c : step.candidates) {
      if (c.declined.empty() || c.implementation->device == plan_.device.kind) {
        r.candidates.push_back(&c);
      }
    }
    compare(r);
    return r;
  }

 private:
  std::vector<Operand> reads(const Node& node) const {
    std::vector<Operand> found;
    for (const ValueId v : node.inputs) {
      if (v == kNoValue || graph_.value(v).constant) continue;
      for (const std::int32_t from : makers_[static_cast<std::size_t>(v)]) {
        found.push_back({graph_.value(v).name, from});
      }
    }
    return found;
  }

  std::optional<double> loses(const Estimate& estimate, const Step& step) const {
    const double own = cost_of(step.estimate, objective_, plan_.device);
    if (!(own > 0)) return std::nullopt;
    return cost_of(estimate, objective_, plan_.device) / own - 1;
  }

  void compare(StepReport& r) const {
    const Step& step = *r.step;
    std::vector<Candidate> tiles, others;
    for (const Candidate* c : r.candidates) {
      if (!c->declined.empty()) continue;
      const bool same = c->implementation == step.implementation;
      r.tiles += same && !c->tile.empty();
      if (!same) others.push_back(*c);
      if (same && c->tile != step.tile) tiles.push_back(*c);
    }
    const auto best = [&](const std::vector<Candidate>& all) -> std::optional<Alternative> {
      const Candidate* c = best_of(all, objective_, plan_.device, SIZE_MAX);
      if (c == nullptr) return std::nullopt;
      return Alternative{std::string(c->implementation->name), c->tile, c->estimate, c->measured,
                         loses(c->estimate, step)};
    };
    r.next_tile = best(tiles);
    r.runner_up = best(others);
    if (!step.apart) return;
    const auto cost = [&](const Estimate& e) { return cost_of(e, objective_, plan_.device); };
    if (!r.runner_up || cost(*step.apart) <= cost(r.runner_up->estimate)) {
      r.runner_up =
          Alternative{std::string(kApart), "", *step.apart, false, loses(*step.apart, step)};
    }
  }

  const Graph& graph_;
  const Plan& plan_;
  Objective objective_;
  std::vector<std::vector<std::int32_t>> makers_;
};

Totals total(const Plan& plan) {
  Totals sum{.steps = plan.steps.size(), .arena_bytes = plan.arena_bytes};
  for (const Step& step : plan.steps) {
    sum.seconds += step.estimate.seconds;
    sum.flops += step.estimate.flops;
    sum.bytes_l2 += step.estimate.bytes_l2;
    sum.bytes_dram += step.estimate.bytes_dram;
    sum.bytes += bytes_of(step.estimate, plan.device);
  }
  return sum;
}

std::vector<NotFusedReport> not_fused(const PlanReport& report) {
  std::vector<NotFusedReport> all;
  for (const NotFused& entry : report.program->plan.not_fused) {
    NotFusedReport& found = all.emplace_back();
    found.nodes = entry.nodes;
    found.reason = entry.reason;
    for (std::size_t s = 0; s < report.steps.size(); ++s) {
      for (const Member& member : report.steps[s].members) {
        if (std::find(entry.nodes.begin(), entry.nodes.end(), member.node) == entry.nodes.end()) {
          continue;
        }
        found.steps.push_back(static_cast<std::int32_t>(s));
        break;
      }
    }
  }
  return all;
}

}  // namespace

std::string_view to_string(Objective objective) {
  switch (objective) {
    case Objective::kBytes:
      return "bytes";
    case Objective::kMemory:
      return "memory";
    case Objective::kTime:
      break;
  }
  return "time";
}

PlanReport report_plan(std::string model, Objective objective, const Program& program,
                       const Plan* apart) {
  PlanReport report{.model = std::move(model), .objective = objective, .program = &program};
  const StepReporter reporter(program, objective);
  for (const Step& step : program.plan.steps) report.steps.push_back(reporter.report(step));
  report.buffers = arena_of(program.graph, program.plan);
  report.not_fused = not_fused(report);
  report.totals = total(program.plan);
  if (apart != nullptr) report.layer_by_layer = total(*apart);
  return report;
}

}  // namespace convoy::cli
