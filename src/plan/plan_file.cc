#include "plan/plan_file.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/version.h"
#include "device/profile.h"
#include "plan/graph_hash.h"

namespace convoy {
namespace {

// The nodes of `before` that a node of the planned graph computes: itself, or a path of
// convolutions up to the one with its result.
class Origins {
 public:
  Origins(const Graph& before, const Graph& after) : before_(before), uses_(before) {
    std::vector<bool> inner(before.nodes.size(), false);
    for (const Node& node : after.nodes) {
      if (node.op != Op::kFusedConv) continue;
      for (const std::int32_t at : path_to(node)) inner[static_cast<std::size_t>(at)] = true;
      inner[static_cast<std::size_t>(producer(node.outputs[0]))] = false;
    }
    for (std::size_t n = 0; n < inner.size(); ++n) {
      if (!inner[n]) kept_.push_back(static_cast<std::int32_t>(n));
    }
    if (kept_.size() != after.nodes.size()) {
      fail(ErrorCode::kInternal, "the planned graph has " + std::to_string(after.nodes.size()) +
                                     " nodes, expected " + std::to_string(kept_.size()));
    }
  }

  std::vector<std::int32_t> of(const Graph& after, std::int32_t at) const {
    const Node& node = after.nodes[static_cast<std::size_t>(at)];
    if (node.op == Op::kFusedConv) return path_to(node);
    return {kept_[static_cast<std::size_t>(at)]};
  }

 private:
  std::int32_t producer(ValueId v) const { return uses_.producer[static_cast<std::size_t>(v)]; }

  std::vector<std::int32_t> path_to(const Node& fused) const {
    std::vector<std::int32_t> path;
    ValueId result = fused.outputs[0];
    for (std::size_t i = 0; i < fused.as<FusedConvAttrs>().stages.size(); ++i) {
      const std::int32_t at = producer(result);
      path.insert(path.begin(), at);
      result = before_.nodes[static_cast<std::size_t>(at)].inputs[0];
    }
    return path;
  }

  const Graph& before_;
  Uses uses_;
  std::vector<std::int32_t> kept_;  // node of `before` in whose place each node of `after` is
};

}  // namespace

PlanFile plan_file(const Graph& before, const PlannedGraph& planned, const PlanOptions& options,
                   const PatchChoice& patches) {
  const Plan& plan = planned.plan;
  PlanFile file;
  file.version = kVersion;
  file.model = graph_hash(before);
  file.graph = before.name;
  file.objective = options.objective;
  file.memory_budget = options.memory_budget;
  file.fuse = options.fuse;
  file.reference_only = options.reference_only;
  file.what_if = options.what_if;
  file.precision = options.precision;
  file.force = options.force;
  file.device = plan.device;
  file.patches = patches;
  const Graph cut = patches.empty() ? before : with_patches(before, patches);
  const Origins origins(cut, planned.graph);
  for (const Step& step : plan.steps) {
    PlanFile::Step& row = file.steps.emplace_back();
    for (const std::int32_t at : origins.of(planned.graph, step.node)) {
      row.nodes.push_back({at, cut.nodes[static_cast<std::size_t>(at)].name});
    }
    row.kernel = step.implementation->name;
    row.tile = step.tile;
    row.estimate = step.estimate;
    row.estimate.workspace_bytes = step.workspace_bytes;
    row.measured = step.measured;
    row.workspace_offset = step.workspace_offset;
    row.apart = step.apart;
  }
  file.arena_bytes = plan.arena_bytes;
  const std::vector<std::int32_t> numbers = value_numbers(planned.graph);
  for (std::size_t v = 0; v < plan.places.size(); ++v) {
    const Place& place = plan.places[v];
    if (place.kind != Place::Kind::kArena && place.kind != Place::Kind::kOutput) continue;
    if (numbers[v] >= 0) file.values.push_back({numbers[v], planned.graph.values[v].name, place});
  }
  std::ranges::sort(file.values, {}, &PlanFile::Value::number);
  return file;
}

PlanFile load_plan_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  // One more than is allowed, so that the reader sees that there is more.
  std::string text;
  for (char chunk[1 << 14]; file && text.size() <= kMostPlanBytes;) {
    file.read(chunk, sizeof chunk);
    text.append(chunk, static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || (!file.eof() && text.size() <= kMostPlanBytes)) {
    fail(ErrorCode::kNotFound, "plan " + path + ": no such file, or it cannot be read");
  }
  return parse_plan_file(text, path);
}

}  // namespace convoy
