#include "plan/plan.h"

#include <algorithm>

#include "base/error.h"
#include "plan/fuse.h"
#include "plan/liveness.h"
#include "plan/paper_cost.h"
#include "plan/patch_search.h"
#include "plan/place.h"
#include "plan/search.h"
#include "plan/select.h"

namespace convoy {

TensorView planned_view(const Graph& graph, ValueId id, DType precision) {
  const Value& value = graph.value(id);
  return {nullptr, value.dtype == DType::kF32 ? precision : value.dtype, value.layout,
          *value.shape};
}

StepDesc::StepDesc(const Graph& graph, const Node& node, DType precision) {
  const bool lone = node.op == Op::kConv && graph.value(node.outputs[0]).shape->rank() == 4;
  const Node* const alone = &node;
  if (precision == DType::kS8 && lone) module_ = fused_node({&alone, 1});
  describe(graph, module_ ? *module_ : node, precision);
}

void StepDesc::describe(const Graph& graph, const Node& node, DType precision) {
  const auto view_of = [&](ValueId id) {
    const Value& value = graph.value(id);
    TensorView view = planned_view(graph, id, precision);
    if (value.constant) view.data = value.constant->view().data;
    return view;
  };
  absent_ = std::make_unique<bool[]>(node.inputs.size());
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    absent_[i] = node.inputs[i] == kNoValue;
    inputs_.push_back(absent_[i] ? TensorView{} : view_of(node.inputs[i]));
  }
  for (ValueId id : node.outputs) outputs_.push_back(id == kNoValue ? TensorView{} : view_of(id));
  if (precision == DType::kS8 && node.op == Op::kFusedConv) {
    for (std::size_t stage = 0; stage < node.as<FusedConvAttrs>().stages.size(); ++stage) {
      const std::size_t w = 1 + 3 * stage, bias = w + 1, scale = w + 2;
      if (!absent_[bias]) inputs_[bias].dtype = DType::kS32;
      // Nobody reads what an estimate is asked for; that the scales are known is what counts.
      inputs_[scale] = {inputs_[w].data, DType::kF32, Layout::kNchw, Shape{inputs_[w].shape[0]}};
      absent_[scale] = false;
    }
  }
  desc_ = {node.op, &node.attrs, inputs_, {absent_.get(), node.inputs.size()}, outputs_};
}

namespace {

// The largest sum of bytes that one step needs, and which step.
std::string neediest(const Graph& graph, const Plan& plan, const PlanOptions& options) {
  const Liveness live(graph, find_views(graph, options), options.precision);
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
  plan.precision = options.precision;
  const Views views = find_views(graph, options);
  const bool limited = options.memory_budget != SIZE_MAX;
  const std::optional<Liveness> live =
      limited ? std::optional<Liveness>(std::in_place, graph, views, options.precision)
              : std::nullopt;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto at = static_cast<std::int32_t>(n);
    if (views.free[n]) continue;
    // Other steps have no scratch to choose by, and may write over their operand, which liveness
    // does not know.
    const bool chooses = graph.nodes[n].op == Op::kFusedConv || graph.nodes[n].op == Op::kConv;
    const std::size_t alive = live && chooses ? live->around({at}) : 0;
    plan.steps.push_back(select_kernel(graph, at, options, model, alive));
  }
  place_values(graph, views, plan);
  verify(plan, graph);
  return plan;
}

}  // namespace

void check_budget(const Graph& graph, const Plan& plan, const PlanOptions& options) {
  const std::size_t budget = options.memory_budget;
  if (plan.arena_bytes <= budget) return;
  fail(ErrorCode::kOutOfMemory, "the plan's arena takes " + std::to_string(plan.arena_bytes) +
                                    " bytes, " + std::to_string(plan.arena_bytes - budget) +
                                    " more than the memory budget of " + std::to_string(budget) +
                                    "; most is alive in " + neediest(graph, plan, options));
}

Plan make_plan(const Graph& graph, const PlanOptions& options) {
  check_forced(options);
  const std::unique_ptr<CostModel> named = named_cost_model(options);
  const CostModel& model = options.cost_model != nullptr ? *options.cost_model : *named;
  Plan plan = planned(graph, options, model);
  check_forced_ran(graph, plan, options);
  check_budget(graph, plan, options);
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

// The plan of the least arena that there is a way to. Gaps between tensors, and results that take
// their operands' places, are known once a plan is made: what needs least at once step by step may
// take the larger arena, so that the plan for the time and the one without modules are tried, too.
PlannedGraph least_arena(const Graph& graph, const PlanOptions& options, const CostModel& model) {
  PlanOptions asked = options;
  asked.memory_budget = SIZE_MAX;
  asked.objective = Objective::kMemory;
  PlannedGraph best = search_and_plan(graph, asked, model);
  const auto try_another = [&] {
    PlannedGraph other = search_and_plan(graph, asked, model);
    if (other.plan.arena_bytes < best.plan.arena_bytes) best = std::move(other);
  };
  if (options.fuse && options.force.empty()) {  // what is forced may be a module
    asked.fuse = false;
    try_another();
    asked.fuse = true;
  }
  asked.objective = Objective::kTime;
  try_another();
  return best;
}

// The best plan under the objective whose arena keeps the budget; one that does not when none was
// found. Throws kOutOfMemory when not even one step at a time keeps it.
PlannedGraph search_within(const Graph& graph, const PlanOptions& options, const CostModel& model) {
  const auto fits = [&](const PlannedGraph& planned) {
    return planned.plan.arena_bytes <= options.memory_budget;
  };
  if (options.objective == Objective::kMemory) return least_arena(graph, options, model);
  PlanOptions asked = options;
  try {
    PlannedGraph best = search_and_plan(graph, options, model);
    // Tensors of different lives leave gaps between them, so that an arena may be larger than the
    // most that is alive at once: the search is then asked for less.
    constexpr int kRounds = 6;
    for (int round = 0; round < kRounds && !fits(best); ++round) {
      const std::size_t excess = best.plan.arena_bytes - options.memory_budget;
      if (excess >= asked.memory_budget) break;
      asked.memory_budget -= excess;
      best = search_and_plan(graph, asked, model);
    }
    if (fits(best)) return best;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) throw;
    PlannedGraph least = least_arena(graph, options, model);
    // What the search says of less than was allowed is no answer.
    if (!fits(least) && asked.memory_budget == options.memory_budget) throw;
    return least;
  }
  return least_arena(graph, options, model);
}

PlannedGraph plan_as_it_is(const Graph& graph, const PlanOptions& options, const CostModel& model) {
  PlannedGraph best = search_within(graph, options, model);
  check_forced_ran(best.graph, best.plan, options);
  check_budget(best.graph, best.plan, options);
  return best;
}

}  // namespace

PlannedGraph plan_graph(Graph graph, const PlanOptions& options) {
  if (options.precision != DType::kF32 && !options.what_if) {
    fail(ErrorCode::kUnsupported, "precision " + std::string(to_string(options.precision)) +
                                      " can be planned for, but whole models run in f32");
  }
  check_forced(options);
  const std::unique_ptr<CostModel> named = named_cost_model(options);
  const CostModel& model = options.cost_model != nullptr ? *options.cost_model : *named;
  try {
    return plan_as_it_is(graph, options, model);
  } catch (const Error& error) {
    const bool can_cut = options.memory_budget != SIZE_MAX && options.strips &&
                         !options.reference_only && options.precision == DType::kF32 &&
                         options.device.kind == DeviceDesc::Kind::kCpu;
    if (error.code() != ErrorCode::kOutOfMemory || !can_cut) throw;
    const auto planner = [&](const Graph& g) { return plan_as_it_is(g, options, model); };
    if (auto planned = plan_in_strips(graph, options, model, planner)) return std::move(*planned);
    fail(error.code(),
         std::string(error.what()) + "; cutting it into strips of rows does not help");
  }
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

}  // namespace

void verify(const Plan& plan, const Graph& graph) {
  // Which values each range of the arena holds: replaying the steps, an operand must still be
  // there.
  std::vector<std::pair<Range, ValueId>> live;
  const auto place = [&](ValueId v) -> const Place& {
    return plan.places[static_cast<std::size_t>(v)];
  };
  const auto in_arena = [&](ValueId v) {
    return v != kNoValue && place(v).kind == Place::Kind::kArena && place(v).bytes > 0;
  };
  const auto intact = [&](ValueId v) {
    return !in_arena(v) ||
           std::any_of(live.begin(), live.end(), [&](const auto& e) { return e.second == v; });
  };
  const auto holds = [&](ValueId v) {
    if (in_arena(v)) live.push_back({{place(v).offset, place(v).offset + place(v).bytes, ""}, v});
  };
  const auto erase = [&](const Range& r) {
    std::erase_if(live, [&](const auto& entry) { return entry.first.overlaps(r); });
  };
  std::size_t next = 0;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (next == plan.steps.size() || plan.steps[next].node != static_cast<std::int32_t>(n)) {
      // A view of what is gone is gone; only reading it is wrong.
      const auto sources = view_sources(node);
      if (std::all_of(sources.begin(), sources.end(), intact)) holds(node.outputs[0]);
      continue;
    }
    const Step& step = plan.steps[next++];
    const std::vector<Range> ranges = touched(plan, graph, step);
    for (const Range& r : ranges) {
      if (r.end > plan.arena_bytes) fail(ErrorCode::kInternal, r.who + " lies outside the arena");
    }
    for (ValueId v : node.inputs) {
      if (v == kNoValue) continue;
      if (place(v).kind == Place::Kind::kNone) {
        fail(ErrorCode::kInternal, "'" + graph.value(v).name + "' has no place");
      }
      if (!intact(v)) {
        fail(ErrorCode::kInternal, Graph::describe(node) + " reads '" + graph.value(v).name +
                                       "' after its memory was written again");
      }
    }
    // Results and workspace end whatever they overlap; a result may take its operand's place whole.
    if (step.workspace_bytes > 0) {
      const Range& workspace = ranges.back();
      for (std::size_t i = 0; i + 1 < ranges.size(); ++i) {
        if (ranges[i].overlaps(workspace)) {
          fail(ErrorCode::kInternal, workspace.who + " overlaps " + ranges[i].who);
        }
      }
      erase(workspace);
    }
    for (ValueId v : node.outputs) {
      if (in_arena(v)) erase({place(v).offset, place(v).offset + place(v).bytes, ""});
      if (v != kNoValue) holds(v);
    }
  }
}

}  // namespace convoy
