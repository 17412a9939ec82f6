// FusePlanner: which convolutions of a graph become one step. After "Fusing Depthwise and Pointwise
// Convolutions for Efficient Inference on GPUs", section 4, and beyond it: not pairs taken
// greedily, but the best of all ways to cut the graph into steps (docs/design/planner.md).
#pragma once

#include <map>
#include <vector>

#include "plan/cost_model.h"
#include "plan/fuse.h"

namespace convoy {

// The most convolutions that one step may compute; no kernel has more stages.
inline constexpr std::size_t kLongestGroup = 3;

struct Grouping {
  std::vector<Group> groups;  // of two and more
  // By a group's result: the least that its convolutions cost one by one.
  std::map<ValueId, Estimate> apart;
  std::vector<NotFused> not_fused;  // with options.keep_candidates
  std::size_t peak =
      0;  // bytes alive in the step of a convolution that needs most, scratch included
};

// The grouping of least cost under options.objective whose every step needs at most
// options.memory_budget bytes alive at once: for the time and the bytes exact, since the cost of a
// plan is the sum of its steps' and the paths of convolutions are disjoint; by dynamic programming
// along each path. For kMemory the least possible peak, and the least time among groupings with it.
// Throws kOutOfMemory naming the step that needs most, and the missing bytes, when none fits.
Grouping search_groups(const Graph& graph, const PlanOptions& options, const CostModel& model);

}  // namespace convoy
