// Which regions of a network run strip by strip so that it fits a memory budget, and into how many
// strips they are cut (docs/design/patches.md).
#pragma once

#include <functional>
#include <optional>

#include "plan/cost_model.h"
#include "plan/liveness.h"
#include "plan/patch.h"

namespace convoy {

// The longest region that is looked at, in nodes: beyond, halos cost more than they save.
inline constexpr std::int32_t kLongestRegion = 40;

// The regions of least estimated cost under options.objective (kMemory: time) with which no step
// needs more than `budget` bytes alive at once: by dynamic programming over the places between
// nodes, at each of which either one node runs whole or a region of nodes ends. Knows nothing of
// fused modules and of the gaps in an arena, so that callers ask for several budgets and plan the
// results. Keeps what it found out for the next one.
class PatchSearch {
 public:
  // The three must outlive the search.
  PatchSearch(const Graph& graph, const PlanOptions& options, const CostModel& model);

  // Nothing when there are none; empty when every step fits as it is.
  std::optional<PatchChoice> choose(std::size_t budget);

 private:
  struct Need {
    double cost = 0;
    std::size_t bytes = 0;  // alive at once, scratch included; SIZE_MAX: cannot be
  };
  using StripKey = std::array<std::int64_t, 5>;  // node, rows of result and operand, pads

  Need whole(std::int32_t node);
  Need best_of_step(const Graph& graph, const Node& node, std::size_t alive) const;
  Need strip_step(std::int32_t node, const Rows& rows, std::size_t alive);
  Need strip(const PatchRegion& region, const Rows& rows, std::size_t around);
  const Need& region(const PatchRegion& region);

  const Graph& graph_;
  const PlanOptions& options_;
  const CostModel& model_;
  const Uses uses_;
  const Views views_;
  const Liveness live_;
  Graph scratch_;  // the graph's values, with the shapes of one strip's step for a while
  std::vector<bool> cuts_;
  std::vector<Need> whole_;
  std::map<std::tuple<std::int32_t, std::int32_t, std::int64_t>, Need> regions_;
  std::map<StripKey, Need> steps_;
};

// Plans a graph that is rewritten; throws kOutOfMemory when it does not fit the budget.
using Planner = std::function<PlannedGraph(const Graph& graph)>;

// The best plan within options.memory_budget of the graph with some of its regions in strips, as
// `planner` plans it; nothing when none was found. Sets Plan::strips.
std::optional<PlannedGraph> plan_in_strips(const Graph& graph, const PlanOptions& options,
                                           const CostModel& model, const Planner& planner);

}  // namespace convoy
