#include "bench/paper_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/error.h"

namespace convoy::bench {
namespace {

using paper::Module;
using Indices = std::vector<std::size_t>;

std::vector<paper::Layer> layers_of(const PaperNetwork& network, const Indices& indices) {
  std::vector<paper::Layer> layers;
  for (const std::size_t index : indices) layers.push_back(network.layers[index]);
  return layers;
}

const PaperLink* link_between(const PaperNetwork& network, std::size_t from, std::size_t to) {
  const auto found = std::ranges::find_if(
      network.links, [&](const PaperLink& link) { return link.from == from && link.to == to; });
  return found == network.links.end() ? nullptr : &*found;
}

double side_bytes(const PaperNetwork& network, const Indices& indices, std::int64_t element_bytes) {
  double bytes = 0;
  for (std::size_t i = 0; i + 1 < indices.size(); ++i) {
    const PaperLink* link = link_between(network, indices[i], indices[i + 1]);
    const paper::Layer& l = network.layers[indices[i]];
    if (link == nullptr || link->shared)
      bytes += static_cast<double>(l.k * l.p * l.q * element_bytes);
  }
  return bytes;
}

// Costs of the modules of one network on one device: equal layers cost the same.
class Costs {
 public:
  Costs(const PaperNetwork& network, const PaperSetting& setting, const paper::Rules& rules)
      : network_(network), setting_(setting), rules_(rules) {
    rules_.halo_every_slice = setting.halo_every_slice;
  }

  PaperGroup group(const Indices& indices, Module module) {
    const std::vector<paper::Layer> layers = layers_of(network_, indices);
    const auto [found, fresh] = known_.try_emplace({module, layers});
    if (fresh) {
      found->second =
          paper::best_cost(layers, module, setting_.element_bytes, setting_.device, rules_);
    }
    return {indices, module, found->second, side_bytes(network_, indices, setting_.element_bytes)};
  }

  // The best module of these layers; none is feasible when its cost is not.
  PaperGroup best(const Indices& indices) {
    if (indices.size() == 1) return group(indices, Module::kSingle);
    PaperGroup best;
    best.cost.infeasible = "no such module";
    for (const Module module : paper::modules_of(layers_of(network_, indices))) {
      PaperGroup candidate = group(indices, module);
      if (!best.cost || (candidate.cost && candidate.cost.bytes < best.cost.bytes)) {
        best = std::move(candidate);
      }
    }
    return best;
  }

 private:
  const PaperNetwork& network_;
  const PaperSetting& setting_;
  paper::Rules rules_;
  std::map<std::pair<Module, std::vector<paper::Layer>>, paper::Cost> known_;
};

// The cheapest plan of the layers that are reached from each layer.
class Optimum {
 public:
  Optimum(const PaperNetwork& network, const PaperSetting& setting)
      : network_(network), costs_(network, setting, {.powers_of_two = false}) {
    next_.resize(network.layers.size());
    for (const PaperLink& link : network.links) next_[link.from].push_back(link.to);
  }

  PaperPlan plan() {
    // A layer's successors come after it in the file, so from the last to the first.
    best_.resize(network_.layers.size());
    for (std::size_t i = network_.layers.size(); i-- > 0;) extend({i}, 0);
    std::set<std::size_t> inner;
    for (const PaperLink& link : network_.links) inner.insert(link.to);
    PaperPlan plan;
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      if (!inner.contains(i)) collect(i, plan);
    }
    std::ranges::sort(plan.groups, {}, &PaperGroup::layers);
    return plan;
  }

 private:
  struct Best {
    PaperGroup group;                // that begins with the layer
    double bytes = -1;               // of it and of all that follows
    std::vector<std::size_t> after;  // the layers that the following groups begin with
  };

  // Tries `path` as one module, and every path that is longer by one. `beside`: bytes of what
  // hangs off the path at layers before its last.
  void extend(const Indices& path, double beside) {
    const std::size_t last = path.back();
    const PaperGroup group = costs_.best(path);
    double following = beside;
    for (const std::size_t next : next_[last]) following += best_[next].bytes;
    const double bytes = group.cost.bytes + group.side_bytes + following;
    Best& best = best_[path.front()];
    if (group.cost && (best.bytes < 0 || bytes < best.bytes)) best = {group, bytes, after(path)};
    if (path.size() == 3) return;
    for (const std::size_t next : next_[last]) {
      Indices longer = path;
      longer.push_back(next);
      extend(longer, following - best_[next].bytes);
    }
  }

  std::vector<std::size_t> after(const Indices& path) const {
    std::vector<std::size_t> starts;
    for (const std::size_t layer : path) {
      for (const std::size_t next : next_[layer]) {
        if (std::ranges::find(path, next) == path.end()) starts.push_back(next);
      }
    }
    return starts;
  }

  void collect(std::size_t start, PaperPlan& plan) const {
    plan.groups.push_back(best_[start].group);
    for (const std::size_t next : best_[start].after) collect(next, plan);
  }

  const PaperNetwork& network_;
  Costs costs_;
  std::vector<Indices> next_;
  std::vector<Best> best_;
};

std::size_t index_of(const PaperNetwork& network, int id) {
  const auto found = std::ranges::find(network.ids, id);
  if (found == network.ids.end()) {
    fail(ErrorCode::kNotFound, network.name + " has no layer " + std::to_string(id));
  }
  return static_cast<std::size_t>(found - network.ids.begin());
}

}  // namespace

double PaperPlan::bytes() const {
  double sum = 0;
  for (const PaperGroup& group : groups) sum += group.cost.bytes + group.side_bytes;
  return sum;
}

PaperPlan layer_by_layer(const PaperNetwork& network, const PaperSetting& setting) {
  return with_pairs(network, {}, setting);
}

PaperPlan with_pairs(const PaperNetwork& network, const std::vector<PaperPair>& pairs,
                     const PaperSetting& setting) {
  // Whoever wrote a pair down has found its redundant arithmetic tolerable.
  Costs costs(network, setting, {.most_redundant = 1e9});
  PaperPlan plan;
  std::set<std::size_t> fused;
  for (const PaperPair& pair : pairs) {
    const Indices indices = {index_of(network, pair.first), index_of(network, pair.second)};
    PaperGroup group = costs.group(indices, pair.module);
    if (!group.cost) {
      plan.impossible.push_back(std::to_string(pair.first) + "-" + std::to_string(pair.second) +
                                " " + to_string(pair.module) + ": " + group.cost.infeasible);
      continue;
    }
    fused.insert(indices.begin(), indices.end());
    plan.groups.push_back(std::move(group));
  }
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    if (!fused.contains(i)) plan.groups.push_back(costs.best({i}));
  }
  std::ranges::sort(plan.groups, {}, &PaperGroup::layers);
  return plan;
}

std::vector<PaperPair> pairs_by_rules(const PaperNetwork& network, const PaperSetting& setting) {
  Costs costs(network, setting, {});
  std::vector<PaperPair> pairs;
  std::set<std::size_t> used;
  using enum Module;
  for (const auto& modules : {std::vector{kPwDw, kPwDwWide}, {kDwPw}, {kPwPw}}) {
    for (const PaperLink& link : network.links) {
      const Indices indices = {link.from, link.to};
      const PaperGroup group = costs.best(indices);
      if (!group.cost || std::ranges::find(modules, group.module) == modules.end()) continue;
      if (link.across_padding || (link.across_addition && group.module != kPwPw)) continue;
      if (used.contains(link.from) || used.contains(link.to)) continue;
      const double apart = costs.best({link.from}).cost.bytes + costs.best({link.to}).cost.bytes;
      if (group.cost.bytes >= apart) continue;
      used.insert(indices.begin(), indices.end());
      pairs.push_back({network.ids[link.from], network.ids[link.to], group.module});
    }
  }
  std::ranges::sort(pairs, {}, &PaperPair::first);
  return pairs;
}

void Agreement::add(const Agreement& other) {
  both.insert(both.end(), other.both.begin(), other.both.end());
  only_first.insert(only_first.end(), other.only_first.begin(), other.only_first.end());
  only_second.insert(only_second.end(), other.only_second.begin(), other.only_second.end());
  same_module += other.same_module;
}

Agreement compare_pairs(const std::vector<PaperPair>& first, const std::vector<PaperPair>& second) {
  const auto find = [](const std::vector<PaperPair>& pairs, const PaperPair& wanted) {
    return std::ranges::find_if(pairs, [&](const PaperPair& pair) {
      return pair.first == wanted.first && pair.second == wanted.second;
    });
  };
  Agreement agreement;
  for (const PaperPair& pair : first) {
    const auto found = find(second, pair);
    (found == second.end() ? agreement.only_first : agreement.both).push_back(pair);
    if (found != second.end() && found->module == pair.module) ++agreement.same_module;
  }
  for (const PaperPair& pair : second) {
    if (find(first, pair) == first.end()) agreement.only_second.push_back(pair);
  }
  return agreement;
}

PaperPlan optimal(const PaperNetwork& network, const PaperSetting& setting) {
  return Optimum(network, setting).plan();
}

}  // namespace convoy::bench
