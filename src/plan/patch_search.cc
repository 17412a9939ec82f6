#include "plan/patch_search.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace convoy {
namespace {

constexpr int kHeight = 2;  // the axis of rows in n x c x h x w
constexpr double kImpossible = std::numeric_limits<double>::infinity();

std::size_t bytes_of(const Value& value, std::int64_t rows) {
  const Shape& s = *value.shape;
  return static_cast<std::size_t>(s[0] * s[1] * rows * s[3]) * size_of(value.dtype);
}

// True when rows of the value are one run of its memory, so that a slice is a view.
bool rows_are_runs(const Value& value) {
  const Shape& s = *value.shape;
  return s[0] == 1 && (value.layout == Layout::kNhwc || s[1] == 1);
}

Objective objective_of(const PlanOptions& options) {
  return options.objective == Objective::kMemory ? Objective::kTime : options.objective;
}

}  // namespace

PatchSearch::PatchSearch(const Graph& graph, const PlanOptions& options, const CostModel& model)
    : graph_(graph),
      options_(options),
      model_(model),
      uses_(graph),
      views_(find_views(graph, options)),
      live_(graph, views_, options.precision) {
  scratch_.values = graph.values;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    cuts_.push_back(cannot_cut(graph, graph.nodes[n]).empty());
    whole_.push_back(whole(static_cast<std::int32_t>(n)));
  }
}

// The best way to compute a step beside `alive` bytes within the budget; the leanest when none is.
PatchSearch::Need PatchSearch::best_of_step(const Graph& graph, const Node& node,
                                            std::size_t alive) const {
  const StepDesc step(graph, node);
  const std::vector<Candidate>& all = model_.candidates(step.desc());
  const Objective objective = objective_of(options_);
  const std::size_t budget = options_.memory_budget;
  const Candidate* best =
      best_of(all, objective, options_.device, budget - std::min(alive, budget));
  if (best == nullptr) best = best_of(all, Objective::kMemory, options_.device, SIZE_MAX);
  if (best == nullptr) return {kImpossible, SIZE_MAX};
  return {cost_of(best->estimate, objective, options_.device), best->estimate.workspace_bytes};
}

PatchSearch::Need PatchSearch::whole(std::int32_t n) {
  const auto at = static_cast<std::size_t>(n);
  const Node& node = graph_.nodes[at];
  if (views_.free[at]) return {0, live_.across(n)};
  const std::size_t around = live_.around({n});
  Need need = best_of_step(graph_, node, around);
  if (need.bytes == SIZE_MAX) return need;
  // A result that is written over its operand takes no room beside it.
  const auto list = implementations(node.op);
  const bool in_place = std::any_of(list.begin(), list.end(),
                                    [](const Implementation* entry) { return entry->in_place; });
  need.bytes += in_place ? std::max(live_.across(n), live_.across(n + 1)) : around;
  return need;
}

// Cost of one strip's step, and its scratch.
PatchSearch::Need PatchSearch::strip_step(std::int32_t n, const Rows& rows, std::size_t alive) {
  const Node& original = graph_.nodes[static_cast<std::size_t>(n)];
  Node node = original;
  node.attrs = strip_attrs(graph_, original, rows);
  StripKey key{n, rows.count(), 0, 0, 0};
  if (const auto read = operand_rows(graph_, original, 0, rows); !read->whole) {
    key[2] = read->rows.count();
  }
  if (const auto* conv = std::get_if<ConvAttrs>(&node.attrs)) {
    key[3] = conv->pads.top;
    key[4] = conv->pads.bottom;
  } else if (const auto* pool = std::get_if<PoolAttrs>(&node.attrs)) {
    key[3] = pool->pads.top;
    key[4] = pool->pads.bottom;
  }
  const auto [entry, is_new] = steps_.try_emplace(key);
  if (!is_new) return entry->second;
  const auto resize = [&](ValueId v, std::int64_t height) {
    (*scratch_.value(v).shape)[kHeight] = height;
  };
  for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
    if (node.inputs[slot] == kNoValue) continue;
    const OperandRows read = *operand_rows(graph_, original, slot, rows);
    if (!read.whole) resize(node.inputs[slot], read.rows.count());
  }
  resize(node.outputs[0], rows.count());
  entry->second = best_of_step(scratch_, node, alive);
  for (const ValueId v : node.inputs) {
    if (v != kNoValue) scratch_.value(v).shape = graph_.value(v).shape;
  }
  scratch_.value(node.outputs[0]).shape = graph_.value(node.outputs[0]).shape;
  return entry->second;
}

// One strip of a region beside which `around` bytes are alive.
PatchSearch::Need PatchSearch::strip(const PatchRegion& region, const Rows& rows,
                                     std::size_t around) {
  const auto need = needed_rows(graph_, region.first, region.last, rows);
  if (!need) return {kImpossible, SIZE_MAX};
  const auto rows_at = [&](std::int32_t n) {
    return (*need)[static_cast<std::size_t>(n - region.first)];
  };
  Need total;
  std::vector<std::pair<std::int32_t, std::size_t>> alive;  // last reader, bytes
  for (std::int32_t n = region.first; n <= region.last; ++n) {
    const Node& node = graph_.nodes[static_cast<std::size_t>(n)];
    const Value& y = graph_.value(node.outputs[0]);
    std::size_t bytes = around;
    std::erase_if(alive, [&](const auto& value) { return value.first < n; });
    if (n < region.last || !rows_are_runs(y)) {
      const auto& readers = uses_.consumers[static_cast<std::size_t>(node.outputs[0])];
      const std::int32_t last =
          n < region.last ? *std::max_element(readers.begin(), readers.end()) : n;
      alive.emplace_back(last, bytes_of(y, rows_at(n).count()));
    }
    for (const auto& value : alive) bytes += value.second;
    // Rows that are no run of memory are copied out first.
    for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
      if (node.inputs[slot] == kNoValue) continue;
      const Value& x = graph_.value(node.inputs[slot]);
      const OperandRows read = *operand_rows(graph_, node, slot, rows_at(n));
      if (read.whole || rows_are_runs(x)) continue;
      const std::size_t copied = bytes_of(x, read.rows.count());
      bytes += copied;
      total.cost += options_.objective == Objective::kBytes
                        ? 2.0 * static_cast<double>(copied)
                        : 2.0 * static_cast<double>(copied) / options_.device.bytes_per_second;
    }
    const Need step = strip_step(n, rows_at(n), bytes);
    if (step.bytes == SIZE_MAX) return step;
    total.cost += step.cost;
    total.bytes = std::max(total.bytes, bytes + step.bytes);
  }
  return total;
}

const PatchSearch::Need& PatchSearch::region(const PatchRegion& region) {
  const auto [entry, is_new] = regions_.try_emplace({region.first, region.last, region.strips});
  Need& need = entry->second;
  if (!is_new) return need;
  const ValueId y = graph_.nodes[static_cast<std::size_t>(region.last)].outputs[0];
  const std::int64_t rows = (*graph_.value(y).shape)[kHeight];
  // Operands of the region are there until its last strip, its result from the first one on.
  const std::size_t around = live_.across(region.first) + live_.bytes(y);
  // The inner strips are alike, but for a row.
  const std::int64_t middle = region.strips / 2;
  for (const std::int64_t i : {middle, std::int64_t{0}, region.strips - 1}) {
    if (i == middle && region.strips == 2) continue;
    const Need one = strip(region, strip_of(rows, i, region.strips), around);
    need.bytes = std::max(need.bytes, one.bytes);
    const auto alike = i == middle ? static_cast<double>(region.strips - 2) : 1.0;
    need.cost += alike * one.cost;
    if (one.bytes == SIZE_MAX) break;
  }
  return need;
}

std::optional<PatchChoice> PatchSearch::choose(std::size_t budget) {
  const auto nodes = static_cast<std::int32_t>(graph_.nodes.size());
  struct Way {
    double cost = kImpossible;
    std::int32_t from = -1;
    std::int64_t strips = 1;
  };
  std::vector<Way> ways(static_cast<std::size_t>(nodes) + 1);
  ways[0].cost = 0;
  const auto at = [&](std::int32_t n) -> Way& { return ways[static_cast<std::size_t>(n)]; };
  const auto too_large = [&](std::int32_t n) {
    return whole_[static_cast<std::size_t>(n)].bytes > budget;
  };
  for (std::int32_t last = 0; last < nodes; ++last) {
    Way& way = at(last + 1);
    if (!too_large(last)) {
      way = {at(last).cost + whole_[static_cast<std::size_t>(last)].cost, last, 1};
    }
    // Where every node fits as it is, strips would only add halos.
    bool needed = false;
    for (std::int32_t first = last; first >= std::max(0, last - kLongestRegion + 1); --first) {
      if (!cuts_[static_cast<std::size_t>(first)]) break;
      needed = needed || too_large(first);
      if (!needed || at(first).cost >= way.cost) continue;
      if (!cannot_patch(graph_, uses_, first, last).empty()) continue;
      const ValueId y = graph_.nodes[static_cast<std::size_t>(last)].outputs[0];
      const std::int64_t rows = (*graph_.value(y).shape)[kHeight];
      // More strips need less memory and more time: the first number that fits is the best.
      for (std::int64_t strips = 2; strips <= rows;
           strips += std::max<std::int64_t>(1, strips / 6)) {
        const Need& need = region({first, last, strips});
        if (need.bytes > budget) continue;
        const double cost = at(first).cost + need.cost;
        if (cost < way.cost) way = {cost, first, strips};
        break;
      }
    }
  }
  if (at(nodes).cost == kImpossible) return {};
  PatchChoice choice;
  for (std::int32_t n = nodes; n > 0; n = at(n).from) {
    if (at(n).strips > 1) choice.push_back({at(n).from, n - 1, at(n).strips});
  }
  std::reverse(choice.begin(), choice.end());
  return choice;
}

std::optional<PlannedGraph> plan_in_strips(const Graph& graph, const PlanOptions& options,
                                           const CostModel& model, const Planner& planner) {
  // Fused modules need less than their convolutions one by one, gaps between tensors more.
  constexpr double kShares[] = {4,    3,   2.5,  2,   1.7, 1.4, 1.2, 1,
                                0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4};
  PatchSearch search(graph, options, model);
  std::optional<PlannedGraph> best;
  double least = kImpossible;
  std::vector<PatchChoice> seen;
  for (const double share : kShares) {
    const auto choice =
        search.choose(static_cast<std::size_t>(share * static_cast<double>(options.memory_budget)));
    if (!choice) break;
    if (choice->empty() || std::find(seen.begin(), seen.end(), *choice) != seen.end()) continue;
    seen.push_back(*choice);
    try {
      PlannedGraph planned = planner(with_patches(graph, *choice));
      double cost = 0;
      for (const Step& step : planned.plan.steps) {
        cost += cost_of(step.estimate, objective_of(options), options.device);
      }
      if (cost >= least) continue;
      least = cost;
      planned.plan.strips = describe_patches(graph, *choice);
      best = std::move(planned);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory) throw;
    }
  }
  return best;
}

}  // namespace convoy
