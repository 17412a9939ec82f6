#include "plan/select.h"

#include <algorithm>

#include "base/error.h"

namespace convoy {
namespace {

std::int64_t spatial_elements(const Shape& shape) {
  std::int64_t product = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) product *= shape[axis];
  return product;
}

}  // namespace

const Implementation* find_forced(const std::string& key, const std::string& name) {
  if (const Implementation* entry = find_implementation(key + "." + name)) return entry;
  return find_implementation(name);
}

void no_kernel(const Graph& graph, std::int32_t node, const std::vector<Candidate>& candidates) {
  std::string reasons;
  for (const Candidate& c : candidates) {
    reasons += "\n  " + std::string(c.implementation->name) + ": " + c.declined;
  }
  fail(ErrorCode::kUnsupported, Graph::describe(graph.nodes[static_cast<std::size_t>(node)]) +
                                    ": no kernel can compute it" + reasons);
}

void check_forced(const PlanOptions& options) {
  for (const auto& [key, name] : options.force) {
    if (find_forced(key, name) != nullptr) continue;
    std::string known;
    for (const Implementation* entry : all_implementations()) {
      if (entry->name.starts_with(key + ".")) {
        known += (known.empty() ? "" : ", ") + std::string(entry->name);
      }
    }
    fail(ErrorCode::kNotFound, "there is no kernel '" + name + "' for '" + key + "'; there are " +
                                   (known.empty() ? "none of that operator" : known));
  }
}

void check_forced_ran(const Graph& graph, const Plan& plan, const PlanOptions& options) {
  for (const auto& [key, name] : options.force) {
    const Implementation* forced = find_forced(key, name);
    const auto runs = [&](const Step& step) { return step.implementation == forced; };
    if (std::any_of(plan.steps.begin(), plan.steps.end(), runs)) continue;
    std::string why = "the model has no step of its operator";
    for (const Node& node : graph.nodes) {
      const auto list = implementations(node.op);
      if (std::find(list.begin(), list.end(), forced) == list.end()) continue;
      const StepDesc step(graph, node, options.precision);
      const std::string reason = can_run(*forced, step.desc(), options.device).reason;
      why = Graph::describe(node) + ": " + (reason.empty() ? "another kernel is forced" : reason);
      break;
    }
    fail(ErrorCode::kUnsupported,
         std::string(forced->name) + " is forced, but can run no step; " + why);
  }
}

Step select_kernel(const Graph& graph, std::int32_t index, const PlanOptions& options,
                   const CostModel& model, std::size_t live) {
  const Node& node = graph.nodes[static_cast<std::size_t>(index)];
  const StepDesc step_desc(graph, node, options.precision);
  const std::vector<Candidate>& candidates = model.candidates(step_desc.desc());
  // Among kernels of one step the plan with the least peak is the fastest within the budget.
  const Objective objective =
      options.objective == Objective::kMemory ? Objective::kTime : options.objective;
  const std::size_t room = options.memory_budget - std::min(live, options.memory_budget);
  const Candidate* best = best_of(candidates, objective, options.device, room);
  if (best == nullptr) {
    best = best_of(candidates, Objective::kMemory, options.device, SIZE_MAX);
    if (best == nullptr) no_kernel(graph, index, candidates);
    const std::size_t need = live + best->estimate.workspace_bytes;
    fail(ErrorCode::kOutOfMemory, Graph::describe(node) + " needs " + std::to_string(need) +
                                      " bytes of activations and scratch at once, " +
                                      std::to_string(need - options.memory_budget) +
                                      " more than the memory budget of " +
                                      std::to_string(options.memory_budget));
  }
  Step step;
  step.node = index;
  step.implementation = best->implementation;
  step.tile = best->tile;
  step.estimate = best->estimate;
  step.measured = best->measured;
  step.workspace_bytes = best->estimate.workspace_bytes;
  if (options.keep_candidates) step.candidates = candidates;
  return step;
}

bool only_renames(const Graph& graph, const Node& node) {
  if (node.outputs.size() != 1 || node.input(0) == kNoValue) return false;
  const Value& x = graph.value(node.inputs[0]);
  const Value& y = graph.value(node.outputs[0]);
  const bool plain = x.layout == Layout::kNchw && y.layout == Layout::kNchw;
  switch (node.op) {
    case Op::kIdentity:
      return x.layout == y.layout;
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
      return plain;
    case Op::kReorder: {
      const auto dense = [](Layout l) { return l == Layout::kNchw || l == Layout::kNhwc; };
      return dense(x.layout) && dense(y.layout) &&
             (x.shape->rank() < 3 || (*x.shape)[1] == 1 || spatial_elements(*x.shape) == 1);
    }
    default:
      return false;
  }
}

}  // namespace convoy
