#include "plan/search.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/error.h"
#include "plan/liveness.h"
#include "plan/not_fused.h"
#include "plan/select.h"

namespace convoy {
namespace {

constexpr double kImpossible = std::numeric_limits<double>::infinity();

struct Cost {
  double cost = 0, seconds = 0;
  bool operator<(const Cost& o) const {
    return std::tie(cost, seconds) < std::tie(o.cost, o.seconds);
  }
};

class Search {
 public:
  Search(const Graph& graph, const PlanOptions& options, const CostModel& model)
      : graph_(graph),
        options_(options),
        model_(model),
        live_(graph, find_views(graph, options), options.precision),
        paths_(conv_paths(graph)) {}

  Grouping run() {
    std::size_t budget = options_.memory_budget;
    Objective objective = options_.objective;
    if (objective == Objective::kMemory) {
      budget = std::min(budget, least_peak());
      objective = Objective::kTime;
    }
    Grouping result;
    for (const Group& path : paths_) add_best(path, objective, budget, result);
    if (options_.keep_candidates) {
      result.not_fused = explain_not_fused(graph_, paths_, result.groups, options_, model_);
    }
    return result;
  }

 private:
  const std::vector<Candidate>& candidates(const Group& group) const {
    return candidates_of(graph_, group, options_.precision, model_);
  }

  // A forced kernel of one convolution would have no effect inside a module, unless a module is
  // forced as well.
  bool may_fuse(const Group& group) const {
    if (!options_.fuse || options_.reference_only) return group.size() == 1;
    if (group.size() == 1) return true;
    const auto is_forced = [](const Candidate& c) { return c.forced; };
    const auto forced = [&](const Group& nodes) {
      const auto& all = candidates(nodes);
      return std::any_of(all.begin(), all.end(), is_forced);
    };
    return forced(group) || std::none_of(group.begin(), group.end(),
                                         [&](std::int32_t node) { return forced({node}); });
  }

  // The best way to run the group as one step within the budget; null when there is none.
  const Candidate* best(const Group& group, Objective objective, std::size_t budget) const {
    if (!may_fuse(group)) return nullptr;
    const std::size_t live = live_.around(group);
    if (live > budget) return nullptr;
    const std::vector<Candidate>& all = candidates(group);
    const Candidate* found = best_of(all, objective, options_.device, budget - live);
    // The reference computes any sequence, so that what was fused elsewhere still runs; it is never
    // a reason to fuse.
    const bool reference =
        found != nullptr && found->implementation == implementations(Op::kFusedConv).back();
    return group.size() > 1 && reference && !found->forced ? nullptr : found;
  }

  static Group part(const Group& path, std::size_t begin, std::size_t end) {
    return {path.begin() + static_cast<std::ptrdiff_t>(begin),
            path.begin() + static_cast<std::ptrdiff_t>(end)};
  }

  // The least peak that any grouping has: the largest, over paths, of the smallest of the largest
  // needs of one step.
  std::size_t least_peak() const {
    std::size_t peak = 0;
    for (const Group& path : paths_) {
      std::vector<std::size_t> least(path.size() + 1, SIZE_MAX);
      least[0] = 0;
      for (std::size_t end = 1; end <= path.size(); ++end) {
        for (std::size_t n = 1; n <= std::min(end, kLongestGroup); ++n) {
          const Group group = part(path, end - n, end);
          const Candidate* c = best(group, Objective::kMemory, SIZE_MAX);
          if (c == nullptr) continue;
          const std::size_t need = live_.around(group) + c->estimate.workspace_bytes;
          least[end] = std::min(least[end], std::max(least[end - n], need));
        }
      }
      peak = std::max(peak, least[path.size()]);
    }
    return peak;
  }

  void add_best(const Group& path, Objective objective, std::size_t budget, Grouping& result) {
    std::vector<Cost> cost(path.size() + 1, {kImpossible, kImpossible});
    std::vector<std::size_t> length(path.size() + 1, 0);
    cost[0] = {};
    for (std::size_t end = 1; end <= path.size(); ++end) {
      for (std::size_t n = 1; n <= std::min(end, kLongestGroup); ++n) {
        const Candidate* c = best(part(path, end - n, end), objective, budget);
        if (c == nullptr || cost[end - n].cost == kImpossible) continue;
        const double own = cost_of(c->estimate, objective, options_.device);
        // A module that is forced is taken wherever it can run.
        const Cost sum{cost[end - n].cost + (n > 1 && c->forced ? 0 : own),
                       cost[end - n].seconds + c->estimate.seconds};
        if (sum < cost[end]) {
          cost[end] = sum;
          length[end] = n;
        }
      }
    }
    if (cost[path.size()].cost == kImpossible) no_room(path, budget);
    for (std::size_t end = path.size(); end > 0; end -= length[end]) {
      const Group group = part(path, end - length[end], end);
      const Candidate* c = best(group, objective, budget);
      result.peak = std::max(result.peak, live_.around(group) + c->estimate.workspace_bytes);
      if (group.size() == 1) continue;
      result.groups.push_back(group);
      const Node& last = graph_.nodes[static_cast<std::size_t>(group.back())];
      result.apart[last.outputs[0]] = apart(group, objective);
    }
  }

  Estimate apart(const Group& group, Objective objective) const {
    Estimate sum;
    for (const std::int32_t node : group) {
      const Candidate* c = best_of(candidates({node}), objective, options_.device, SIZE_MAX);
      if (c == nullptr) continue;
      sum.flops += c->estimate.flops;
      sum.bytes_l2 += c->estimate.bytes_l2;
      sum.bytes_dram += c->estimate.bytes_dram;
      sum.seconds += c->estimate.seconds;
      sum.workspace_bytes = std::max(sum.workspace_bytes, c->estimate.workspace_bytes);
    }
    return sum;
  }

  // Of the groups that cannot be avoided the one that needs most.
  [[noreturn]] void no_room(const Group& path, std::size_t budget) const {
    std::size_t most = 0;
    std::int32_t at = path.front();
    for (const std::int32_t node : path) {
      std::size_t least = SIZE_MAX;  // of all the groups that hold the node
      const auto place =
          static_cast<std::size_t>(std::find(path.begin(), path.end(), node) - path.begin());
      for (std::size_t n = 1; n <= kLongestGroup; ++n) {
        for (std::size_t begin = place + 1 >= n ? place + 1 - n : 0;
             begin <= place && begin + n <= path.size(); ++begin) {
          const Group group = part(path, begin, begin + n);
          const Candidate* c = best(group, Objective::kMemory, SIZE_MAX);
          if (c == nullptr) continue;
          least = std::min(least, live_.around(group) + c->estimate.workspace_bytes);
        }
      }
      if (least == SIZE_MAX) no_kernel(graph_, node, candidates({node}));
      if (least > most) most = least, at = node;
    }
    const Node& node = graph_.nodes[static_cast<std::size_t>(at)];
    fail(ErrorCode::kOutOfMemory, Graph::describe(node) + " needs " + std::to_string(most) +
                                      " bytes of activations and scratch at once, " +
                                      std::to_string(most - budget) +
                                      " more than the memory budget of " + std::to_string(budget));
  }

  const Graph& graph_;
  const PlanOptions& options_;
  const CostModel& model_;
  Liveness live_;
  std::vector<Group> paths_;
};

}  // namespace

Grouping search_groups(const Graph& graph, const PlanOptions& options, const CostModel& model) {
  return Search(graph, options, model).run();
}

}  // namespace convoy
