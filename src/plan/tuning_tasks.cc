#include "plan/tuning_tasks.h"

#include <algorithm>
#include <map>

#include "plan/fuse.h"
#include "plan/problem_text.h"
#include "plan/search.h"

namespace convoy {
namespace {

// A kernel whose estimate is so many times the least is not measured while others are: estimates
// are wrong by less.
constexpr double kHopeless = 4;

// All ways but the reference, which is never a choice while there is another.
std::vector<Candidate> ways_of(const OpDesc& desc, const DeviceDesc& device, std::size_t top) {
  std::vector<Candidate> best, others;  // the first of each kernel; the rest
  const Implementation* reference = implementations(desc.op).back();
  for (const Implementation* entry : implementations(desc.op)) {
    if (entry == reference || !can_run(*entry, desc, device)) continue;
    if (entry->tiles == nullptr) {
      best.push_back({.implementation = entry, .estimate = entry->estimate(desc, device)});
      best.back().estimate.workspace_bytes = entry->workspace(desc, device);
      continue;
    }
    bool first = true;
    for (TileChoice& choice : entry->tiles(desc, device, top)) {
      (first ? best : others)
          .push_back({.implementation = entry,
                      .tile = std::move(choice.tile),
                      .estimate = choice.estimate});
      first = false;
    }
  }
  if (best.empty() && desc.op == Op::kConv && can_run(*reference, desc, device)) {
    best.push_back({.implementation = reference, .estimate = reference->estimate(desc, device)});
    best.back().estimate.workspace_bytes = reference->workspace(desc, device);
  }
  const auto less = [](const Candidate& a, const Candidate& b) {
    return a.estimate.seconds < b.estimate.seconds;
  };
  std::stable_sort(best.begin(), best.end(), less);
  std::stable_sort(others.begin(), others.end(), less);
  if (best.empty()) return best;
  const double most = kHopeless * best.front().estimate.seconds;
  if (top != kAllWays) {
    std::erase_if(best, [&](const Candidate& c) { return c.estimate.seconds > most; });
  }
  for (Candidate& c : others) best.push_back(std::move(c));
  if (best.size() > top) best.resize(top);
  std::stable_sort(best.begin(), best.end(), less);
  return best;
}

}  // namespace

std::vector<TuningTask> tuning_tasks(const Graph& graph, const DeviceDesc& device,
                                     std::size_t top) {
  std::vector<TuningTask> tasks;
  std::map<std::string, std::size_t> known;  // place in tasks; SIZE_MAX where nothing can run it
  const auto add = [&](Node node) {
    const StepDesc step(graph, node);
    const std::string problem = problem_text(step.desc());
    const auto [found, fresh] = known.emplace(problem, tasks.size());
    if (!fresh) {
      if (found->second != SIZE_MAX) ++tasks[found->second].uses;
      return;
    }
    std::vector<Candidate> ways = ways_of(step.desc(), device, top);
    if (ways.empty()) {
      found->second = SIZE_MAX;
      return;
    }
    tasks.push_back({problem, std::move(node), std::move(ways), 1});
  };
  for (const Node& node : graph.nodes) {  // convolutions of rows are on no path
    if (node.op == Op::kConv || node.op == Op::kFusedConv) add(node);
  }
  for (const Group& path : conv_paths(graph)) {
    for (std::size_t n = 2; n <= kLongestGroup; ++n) {
      for (std::size_t begin = 0; begin + n <= path.size(); ++begin) {
        add(fused_node(graph, std::span(path).subspan(begin, n)));
      }
    }
  }
  std::stable_sort(tasks.begin(), tasks.end(), [](const TuningTask& a, const TuningTask& b) {
    return a.weight() > b.weight();
  });
  return tasks;
}

}  // namespace convoy
