#include "plan/plan.h"

#include <algorithm>

#include "base/error.h"
#include "plan/liveness.h"
#include "plan/place.h"
#include "plan/search.h"
#include "plan/select.h"

namespace convoy {

StepDesc::StepDesc(const Graph& graph, const Node& node)
    : absent_(std::make_unique<bool[]>(node.inputs.size())) {
  const auto view_of = [&](ValueId id) {
    const Value& value = graph.value(id);
    TensorView view{nullptr, value.dtype, value.layout, *value.shape};
    if (value.constant) view.data = value.constant->view().data;
    return view;
  };
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    absent_[i] = node.inputs[i] == kNoValue;
    inputs_.push_back(absent_[i] ? TensorView{} : view_of(node.inputs[i]));
  }
  for (ValueId id : node.outputs) outputs_.push_back(id == kNoValue ? TensorView{} : view_of(id));
  desc_ = {node.op, &node.attrs, inputs_, {absent_.get(), node.inputs.size()}, outputs_};
}

namespace {

// The largest sum of bytes that one step needs, and which step.
std::string neediest(const Graph& graph, const Plan& plan) {
  const Liveness live(graph);
  std::size_t most = 0;
  std::string who = "the model";
  for (const Step& step : plan.steps) {
    const std::size_t need = live.around({step.node}) + step.workspace_bytes;
    if (need <= most) continue;
    most = need;
    who = Graph::describe(graph.nodes[static_cast<std::size_t>(step.node)]);
  }
  return who;
}

Plan planned(const Graph& graph, const PlanOptions& options, const CostModel& model) {
  Plan plan;
  plan.device = options.device;
  const bool limited = options.memory_budget != SIZE_MAX;
  const std::optional<Liveness> live = limited ? std::optional<Liveness>(graph) : std::nullopt;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto at = static_cast<std::int32_t>(n);
    if (only_renames(graph, graph.nodes[n])) continue;
    // Other steps have no scratch to choose by, and may write over their operand, which liveness
    // does not know.
    const bool chooses = graph.nodes[n].op == Op::kFusedConv || graph.nodes[n].op == Op::kConv;
    const std::size_t alive = live && chooses ? live->around({at}) : 0;
    plan.steps.push_back(select_kernel(graph, at, options, model, alive));
  }
  place_values(graph, plan);
  verify(plan, graph);
  return plan;
}

void check_budget(const Graph& graph, const Plan& plan, std::size_t budget) {
  if (plan.arena_bytes <= budget) return;
  fail(ErrorCode::kOutOfMemory, "the plan's arena takes " + std::to_string(plan.arena_bytes) +
                                    " bytes, " + std::to_string(plan.arena_bytes - budget) +
                                    " more than the memory budget of " + std::to_string(budget) +
                                    "; most is alive in " + neediest(graph, plan));
}

}  // namespace

Plan make_plan(const Graph& graph, const PlanOptions& options) {
  check_forced(options);
  const RegistryCost registry(options);
  const CostModel& model = options.cost_model != nullptr ? *options.cost_model : registry;
  Plan plan = planned(graph, options, model);
  check_forced_ran(graph, plan, options);
  check_budget(graph, plan, options.memory_budget);
  return plan;
}

namespace {

PlannedGraph search_and_plan(const Graph& graph, const PlanOptions& options,
                             const CostModel& model) {
  Grouping grouping = search_groups(graph, options, model);
  PlannedGraph result{graph, {}};
  fuse(result.graph, grouping.groups);
  PlanOptions within = options;
  if (options.objective == Objective::kMemory) within.memory_budget = grouping.peak;
  result.plan = planned(result.graph, within, model);
  for (Step& step : result.plan.steps) {
    const Node& node = result.graph.nodes[static_cast<std::size_t>(step.node)];
    const auto apart = grouping.apart.find(node.outputs[0]);
    if (apart != grouping.apart.end()) step.apart = apart->second;
  }
  result.plan.not_fused = std::move(grouping.not_fused);
  return result;
}

}  // namespace

PlannedGraph plan_graph(Graph graph, const PlanOptions& options) {
  check_forced(options);
  const RegistryCost registry(options);
  const CostModel& model = options.cost_model != nullptr ? *options.cost_model : registry;
  PlannedGraph best = search_and_plan(graph, options, model);
  // Tensors of different lives leave gaps between them, so that an arena may be larger than the
  // most that is alive at once: the search is then asked for less.
  constexpr int kRounds = 6;
  PlanOptions asked = options;
  for (int round = 0; round < kRounds && best.plan.arena_bytes > options.memory_budget; ++round) {
    const std::size_t excess = best.plan.arena_bytes - options.memory_budget;
    if (excess >= asked.memory_budget) break;
    asked.memory_budget -= excess;
    try {
      best = search_and_plan(graph, asked, model);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory) throw;
      break;
    }
  }
  check_forced_ran(best.graph, best.plan, options);
  check_budget(best.graph, best.plan, options.memory_budget);
  return best;
}

namespace {

struct Range {
  std::size_t begin, end;
  std::string who;
  bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
};

// What a step touches in the arena.
std::vector<Range> touched(const Plan& plan, const Graph& graph, const Step& step) {
  const Node& node = graph.nodes[static_cast<std::size_t>(step.node)];
  std::vector<Range> ranges;
  const auto add = [&](ValueId v) {
    if (v == kNoValue) return;
    const Place& p = plan.places[static_cast<std::size_t>(v)];
    if (p.kind == Place::Kind::kArena && p.bytes > 0) {
      ranges.push_back({p.offset, p.offset + p.bytes, "'" + graph.value(v).name + "'"});
    }
  };
  for (ValueId v : node.inputs) add(v);
  for (ValueId v : node.outputs) add(v);
  if (step.workspace_bytes > 0) {
    ranges.push_back({step.workspace_offset, step.workspace_offset + step.workspace_bytes,
                      "workspace of " + Graph::describe(node)});
  }
  return ranges;
}

// The value whose memory each value is: itself, or what it renames.
std::vector<ValueId> owners(const Graph& graph) {
  std::vector<ValueId> owner(graph.values.size());
  for (std::size_t v = 0; v < owner.size(); ++v) owner[v] = static_cast<ValueId>(v);
  for (const Node& node : graph.nodes) {
    if (only_renames(graph, node)) {
      owner[static_cast<std::size_t>(node.outputs[0])] =
          owner[static_cast<std::size_t>(node.inputs[0])];
    }
  }
  return owner;
}

}  // namespace

void verify(const Plan& plan, const Graph& graph) {
  // Who wrote each live range last: replaying the steps, an operand must still be its producer's.
  const std::vector<ValueId> owner = owners(graph);
  std::vector<std::pair<Range, ValueId>> live;
  for (const Step& step : plan.steps) {
    const Node& node = graph.nodes[static_cast<std::size_t>(step.node)];
    const std::vector<Range> ranges = touched(plan, graph, step);
    for (const Range& r : ranges) {
      if (r.end > plan.arena_bytes) fail(ErrorCode::kInternal, r.who + " lies outside the arena");
    }
    for (ValueId v : node.inputs) {
      if (v == kNoValue) continue;
      const Place& p = plan.places[static_cast<std::size_t>(v)];
      if (p.kind == Place::Kind::kNone) {
        fail(ErrorCode::kInternal, "'" + graph.value(v).name + "' has no place");
      }
      if (p.kind != Place::Kind::kArena || p.bytes == 0) continue;
      const bool intact = std::any_of(live.begin(), live.end(), [&](const auto& entry) {
        return entry.second == owner[static_cast<std::size_t>(v)] && entry.first.begin == p.offset;
      });
      if (!intact) {
        fail(ErrorCode::kInternal, Graph::describe(node) + " reads '" + graph.value(v).name +
                                       "' after its memory was written again");
      }
    }
    // Results and workspace end whatever they overlap; a result may take its operand's place whole.
    const auto write = [&](const Range& r, ValueId v) {
      std::erase_if(live, [&](const auto& entry) { return entry.first.overlaps(r); });
      if (v != kNoValue) live.emplace_back(r, v);
    };
    if (step.workspace_bytes > 0) {
      const Range& workspace = ranges.back();
      for (std::size_t i = 0; i + 1 < ranges.size(); ++i) {
        if (ranges[i].overlaps(workspace)) {
          fail(ErrorCode::kInternal, workspace.who + " overlaps " + ranges[i].who);
        }
      }
      write(workspace, kNoValue);
    }
    for (ValueId v : node.outputs) {
      if (v == kNoValue) continue;
      const Place& p = plan.places[static_cast<std::size_t>(v)];
      if (p.kind == Place::Kind::kArena) write({p.offset, p.offset + p.bytes, ""}, v);
    }
  }
}

}  // namespace convoy
