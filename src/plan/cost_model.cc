#include "plan/cost_model.h"

#include <algorithm>
#include <tuple>

#include "plan/problem_text.h"
#include "plan/select.h"
#include "plan/unplaced.h"

namespace convoy {
namespace {

constexpr std::size_t kTiles = 8;                 // of one kernel that are compared
constexpr std::size_t kMeasuredTiles = SIZE_MAX;  // where some were measured: of all of them

}  // namespace

const std::vector<Candidate>& RegistryCost::candidates(const OpDesc& desc) const {
  const std::string problem = problem_text(desc);
  if (problem.empty()) return other_ = judge(desc, problem);
  const auto found = known_.find(problem);
  return found != known_.end() ? found->second
                               : known_.emplace(problem, judge(desc, problem)).first->second;
}

std::vector<Candidate> RegistryCost::judge(const OpDesc& desc, const std::string& problem) const {
  std::vector<Candidate> candidates;
  const Implementation* forced = nullptr;
  for (const Implementation* entry : implementations(desc.op)) {
    Candidate c{.implementation = entry, .declined = can_run(*entry, desc, options_.device).reason};
    if (!c.declined.empty()) {
      candidates.push_back(std::move(c));
      continue;
    }
    for (const auto& [key, name] : options_.force) {
      if (find_forced(key, name) == entry) forced = entry;
    }
    if (entry->tiles == nullptr) {
      c.estimate = entry->estimate(desc, options_.device);
      c.estimate.workspace_bytes = entry->workspace(desc, options_.device);
      candidates.push_back(std::move(c));
      continue;
    }
    // What was measured may be far down the list.
    const bool known = options_.measured != nullptr && options_.measured->knows(problem);
    std::size_t rank = 0;
    for (TileChoice& choice :
         entry->tiles(desc, options_.device, known ? kMeasuredTiles : kTiles)) {
      Candidate way{
          .implementation = entry, .tile = std::move(choice.tile), .estimate = choice.estimate};
      if (rank++ < kTiles || options_.measured->seconds(problem, way)) {
        candidates.push_back(std::move(way));
      }
    }
  }
  const auto runs = [](const Candidate& c) { return c.declined.empty(); };
  const bool one = desc.op != Op::kFusedConv || desc.as<FusedConvAttrs>().stages.size() == 1;
  if (options_.what_if && one && std::none_of(candidates.begin(), candidates.end(), runs)) {
    candidates.push_back(
        {.implementation = &kUnplaced, .estimate = kUnplaced.estimate(desc, options_.device)});
  }
  const Implementation* const reference = implementations(desc.op).back();
  const bool others = std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& c) {
    return runs(c) && c.implementation != reference;
  });
  for (Candidate& c : candidates) {
    if (!runs(c)) continue;
    // It may well move the fewest bytes, which is not what anybody asks for who asks for few.
    if (options_.objective != Objective::kTime && others && c.implementation == reference &&
        forced != reference && !options_.reference_only) {
      c.declined = "is for what no other kernel computes";
    }
    if (options_.reference_only && c.implementation != reference &&
        can_run(*reference, desc, options_.device)) {
      c.declined = "the reference alone is asked for";
    } else if (forced != nullptr && c.implementation != forced) {
      c.declined = std::string(forced->name) + " is forced";
    }
    c.forced = forced != nullptr && c.implementation == forced;
    if (options_.measured != nullptr && !problem.empty()) {
      if (const auto seconds = options_.measured->seconds(problem, c)) {
        c.estimate.seconds = *seconds;
        c.measured = true;
      } else {
        c.estimate.seconds *= options_.measured->scale(c);
      }
    }
  }
  return candidates;
}

double cost_of(const Estimate& estimate, Objective objective, const DeviceDesc& device) {
  switch (objective) {
    case Objective::kBytes:
      // What leaves a core of a CPU mostly stays in its caches; what leaves a multiprocessor of a
      // GPU is what its published models count.
      return device.kind == DeviceDesc::Kind::kCuda ? estimate.bytes_l2
                                                    : estimate.bytes_l2 + estimate.bytes_dram;
    case Objective::kMemory:
      return static_cast<double>(estimate.workspace_bytes);
    case Objective::kTime:
      break;
  }
  return estimate.seconds;
}

const Candidate* best_of(const std::vector<Candidate>& candidates, Objective objective,
                         const DeviceDesc& device, std::size_t most_workspace) {
  const auto rank = [&](const Candidate& c) {
    // What was measured goes before what was not: the two are not to be compared.
    return std::tuple(!c.measured && objective == Objective::kTime,
                      cost_of(c.estimate, objective, device), c.estimate.seconds);
  };
  const Candidate* best = nullptr;
  for (const Candidate& c : candidates) {
    if (!c.declined.empty() || c.estimate.workspace_bytes > most_workspace) continue;
    if (best == nullptr || rank(c) < rank(*best)) best = &c;
  }
  return best;
}

}  // namespace convoy
