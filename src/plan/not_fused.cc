#include "plan/not_fused.h"

#include <algorithm>
#include <cstdio>

#include "plan/search.h"

namespace convoy {
namespace {

const Node& node_at(const Graph& graph, std::int32_t at) {
  return graph.nodes[static_cast<std::size_t>(at)];
}

// "dwpw"; "conv" stands for anything else.
std::string sequence(const Graph& graph, const Group& group) {
  std::string text;
  for (const std::int32_t at : group) {
    const Node& node = node_at(graph, at);
    const auto& attrs = node.as<ConvAttrs>();
    const Shape& w = *graph.value(node.inputs[1]).shape;
    const bool pointwise = w[2] == 1 && w[3] == 1 && attrs.groups == 1;
    const bool depthwise = attrs.groups > 1 && w[1] == 1;
    text += pointwise ? "pw" : depthwise ? "dw" : "conv";
  }
  return text;
}

std::string amount(double value, Objective objective) {
  char text[48];
  if (objective == Objective::kTime) {
    std::snprintf(text, sizeof text, "%.2f us", value * 1e6);
  } else {
    std::snprintf(text, sizeof text, "%.0f bytes", value);
  }
  return text;
}

// Why no kernel runs the group: the reasons of those that compute its sequence in its type.
std::string declines(const Graph& graph, const Group& group, DType precision,
                     const std::vector<Candidate>& candidates) {
  const std::string kinds = sequence(graph, group);
  const std::string dtype(to_string(precision));
  std::string text;
  for (const Candidate& c : candidates) {
    const std::string_view name = c.implementation->name;
    if (c.declined.empty() || !name.ends_with("." + dtype)) continue;
    if (!name.starts_with("fused." + kinds + ".") && !name.starts_with("fused." + kinds + "_r.")) {
      continue;
    }
    if (c.declined.find("runs on") != std::string::npos) continue;  // another device's
    text += (text.empty() ? "" : "; ") + std::string(name) + ": " + c.declined;
  }
  return text.empty() ? "no kernel computes " + kinds + " in " + dtype : text;
}

class Explainer {
 public:
  Explainer(const Graph& graph, const std::vector<Group>& groups, const PlanOptions& options,
            const CostModel& model)
      : graph_(graph), groups_(groups), options_(options), model_(model), uses_(graph) {}

  void pair_apart(std::int32_t first, std::int32_t second) {
    add({first, second}, cannot_fuse(graph_, uses_, first, second));
  }

  void group(const Group& group) {
    if (chosen(group) != nullptr) return;
    const Objective objective = counted();
    const auto& all = candidates_of(graph_, group, options_.precision, model_);
    const Candidate* together = best(all);
    if (together == nullptr || together->implementation == implementations(Op::kFusedConv).back()) {
      return add(group, declines(graph_, group, options_.precision, all));
    }
    double sum = 0;
    for (const std::int32_t node : group) {
      const Candidate* alone = best(candidates_of(graph_, {node}, options_.precision, model_));
      if (alone == nullptr) return;
      if (alone->forced) return add(group, std::string(alone->implementation->name) + " is forced");
      sum += cost_of(alone->estimate, objective, options_.device);
    }
    const double own = cost_of(together->estimate, objective, options_.device);
    const std::string figures = std::string(together->implementation->name) + " costs " +
                                amount(own, objective) + ", its steps apart " +
                                amount(sum, objective);
    add(group, own >= sum ? figures : figures + ", but another grouping of them costs less");
  }

 private:
  // What a plan with the least peak chooses by then.
  Objective counted() const {
    return options_.objective == Objective::kMemory ? Objective::kTime : options_.objective;
  }
  const Candidate* best(const std::vector<Candidate>& all) const {
    return best_of(all, counted(), options_.device, SIZE_MAX);
  }
  // The group of the plan that holds all of these.
  const Group* chosen(const Group& nodes) const {
    for (const Group& group : groups_) {
      if (std::search(group.begin(), group.end(), nodes.begin(), nodes.end()) != group.end()) {
        return &group;
      }
    }
    return nullptr;
  }
  void add(const Group& nodes, std::string reason) {
    NotFused& entry = found.emplace_back();
    for (const std::int32_t at : nodes) entry.nodes.push_back(node_at(graph_, at).name);
    entry.reason = options_.fuse ? std::move(reason) : "fusion is switched off";
  }

  const Graph& graph_;
  const std::vector<Group>& groups_;
  const PlanOptions& options_;
  const CostModel& model_;
  Uses uses_;

 public:
  std::vector<NotFused> found;
};

}  // namespace

const std::vector<Candidate>& candidates_of(const Graph& graph, const Group& group, DType precision,
                                            const CostModel& model) {
  if (group.size() == 1) {
    return model.candidates(StepDesc(graph, node_at(graph, group.front()), precision).desc());
  }
  return model.candidates(StepDesc(graph, fused_node(graph, group), precision).desc());
}

std::vector<NotFused> explain_not_fused(const Graph& graph, const std::vector<Group>& paths,
                                        const std::vector<Group>& groups,
                                        const PlanOptions& options, const CostModel& model) {
  Explainer explain(graph, groups, options, model);
  const Uses uses(graph);
  for (const Group& path : paths) {
    const std::int32_t before =
        uses.producer[static_cast<std::size_t>(node_at(graph, path.front()).inputs[0])];
    if (before >= 0 && node_at(graph, before).op == Op::kConv) {
      explain.pair_apart(before, path.front());
    }
    for (std::size_t end = 2; end <= path.size(); ++end) {
      for (std::size_t n = 2; n <= std::min(end, kLongestGroup); ++n) {
        explain.group({path.begin() + static_cast<std::ptrdiff_t>(end - n),
                       path.begin() + static_cast<std::ptrdiff_t>(end)});
      }
    }
  }
  return std::move(explain.found);
}

}  // namespace convoy
