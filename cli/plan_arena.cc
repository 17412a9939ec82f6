// What lies where in the arena, and when.
#include <algorithm>

#include "cli/plan_report.h"
#include "plan/views.h"

namespace convoy::cli {

std::vector<std::vector<std::int32_t>> makers_of(const Graph& graph, const Plan& plan) {
  std::vector<std::vector<std::int32_t>> makers(graph.values.size());
  for (const ValueId v : graph.inputs) makers[static_cast<std::size_t>(v)] = {-1};
  std::size_t next = 0;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (next < plan.steps.size() && plan.steps[next].node == static_cast<std::int32_t>(n)) {
      for (const ValueId v : node.outputs) {
        if (v != kNoValue) makers[static_cast<std::size_t>(v)] = {static_cast<std::int32_t>(next)};
      }
      ++next;
      continue;
    }
    std::vector<std::int32_t>& all = makers[static_cast<std::size_t>(node.outputs[0])];
    for (const ValueId v : view_sources(node)) {
      const auto& some = makers[static_cast<std::size_t>(v)];
      all.insert(all.end(), some.begin(), some.end());
    }
  }
  return makers;
}

namespace {

// The last step that reads each value or a view of it.
std::vector<std::int32_t> last_uses(const Graph& graph, const Plan& plan) {
  std::vector<std::int32_t> last(graph.values.size(), -1);
  std::vector<bool> is_step(graph.nodes.size(), false);
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const auto n = static_cast<std::size_t>(plan.steps[s].node);
    is_step[n] = true;
    for (const ValueId v : graph.nodes[n].inputs) {
      if (v != kNoValue) last[static_cast<std::size_t>(v)] = static_cast<std::int32_t>(s);
    }
  }
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    if (is_step[n]) continue;
    const std::int32_t seen = last[static_cast<std::size_t>(graph.nodes[n].outputs[0])];
    for (const ValueId v : view_sources(graph.nodes[n])) {
      auto& of_source = last[static_cast<std::size_t>(v)];
      of_source = std::max(of_source, seen);
    }
  }
  return last;
}

// A result put over its step's operand: the operand's piece ends where the result's begins.
void end_overwritten(std::vector<BufferReport>& buffers, const BufferReport& result) {
  for (BufferReport& b : buffers) {
    const bool overlap =
        b.offset < result.offset + result.bytes && result.offset < b.offset + b.bytes;
    if (overlap && b.last == result.first && b.first < b.last) --b.last;
  }
}

}  // namespace

std::vector<BufferReport> arena_of(const Graph& graph, const Plan& plan) {
  const std::vector<std::int32_t> last = last_uses(graph, plan);
  std::vector<BufferReport> buffers;
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const Step& step = plan.steps[s];
    const auto at = static_cast<std::int32_t>(s);
    const Node& node = graph.nodes[static_cast<std::size_t>(step.node)];
    for (const ValueId v : node.outputs) {
      if (v == kNoValue) continue;
      const auto id = static_cast<std::size_t>(v);
      const Place& place = plan.places[id];
      if (place.kind != Place::Kind::kArena || place.bytes == 0) continue;
      const BufferReport buffer{graph.value(v).name, false, place.offset,
                                place.bytes,         at,    std::max(at, last[id])};
      if (step.implementation->in_place) end_overwritten(buffers, buffer);
      buffers.push_back(buffer);
    }
    if (step.workspace_bytes > 0) {
      buffers.push_back(
          {"scratch of " + node.name, true, step.workspace_offset, step.workspace_bytes, at, at});
    }
  }
  return buffers;
}

}  // namespace convoy::cli
