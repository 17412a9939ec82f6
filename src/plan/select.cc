#include "plan/select.h"

#include <algorithm>

#include "base/error.h"

namespace convoy {
namespace {

// "conv" and "direct.cpu.f32" -> "conv.direct.cpu.f32"; full names stay.
const Implementation* find_forced(const std::string& key, const std::string& name) {
  if (const Implementation* entry = find_implementation(key + "." + name)) return entry;
  return find_implementation(name);
}

[[noreturn]] void no_kernel(const Node& node, const std::vector<Candidate>& candidates) {
  std::string reasons;
  for (const Candidate& c : candidates) {
    reasons += "\n  " + std::string(c.implementation->name) + ": " + c.declined;
  }
  fail(ErrorCode::kUnsupported, Graph::describe(node) + ": no kernel can compute it" + reasons);
}

std::int64_t spatial_elements(const Shape& shape) {
  std::int64_t product = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) product *= shape[axis];
  return product;
}

}  // namespace

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
      const StepDesc step(graph, node);
      const std::string reason = can_run(*forced, step.desc(), options.device).reason;
      why = Graph::describe(node) + ": " + (reason.empty() ? "another kernel is forced" : reason);
      break;
    }
    fail(ErrorCode::kUnsupported,
         std::string(forced->name) + " is forced, but can run no step; " + why);
  }
}

Step select_kernel(const Graph& graph, std::int32_t index, const PlanOptions& options) {
  const Node& node = graph.nodes[static_cast<std::size_t>(index)];
  const StepDesc step_desc(graph, node);
  const OpDesc& desc = step_desc.desc();
  const auto list = implementations(node.op);
  std::vector<Candidate> candidates;
  const Candidate* best = nullptr;
  const Candidate* forced = nullptr;
  candidates.reserve(list.size());
  for (const Implementation* entry : list) {
    Candidate& c = candidates.emplace_back();
    c.implementation = entry;
    c.declined = can_run(*entry, desc, options.device).reason;
    if (!c.declined.empty()) continue;
    c.estimate = entry->estimate(desc, options.device);
    c.estimate.workspace_bytes = entry->workspace(desc, options.device);
    // On equal estimates the earlier entry wins, which makes the reference the last resort.
    if (best == nullptr || c.estimate.seconds < best->estimate.seconds) best = &c;
    for (const auto& [key, name] : options.force) {
      if (find_forced(key, name) == entry) forced = &c;
    }
  }
  if (best == nullptr) no_kernel(node, candidates);
  if (options.reference_only && candidates.back().declined.empty()) best = &candidates.back();
  if (forced != nullptr) best = forced;
  Step step;
  step.node = index;
  step.implementation = best->implementation;
  step.estimate = best->estimate;
  step.workspace_bytes = best->estimate.workspace_bytes;
  if (options.keep_candidates) step.candidates = std::move(candidates);
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
