#include "plan/liveness.h"

#include <algorithm>

#include "plan/select.h"

namespace convoy {

Liveness::Liveness(const Graph& graph)
    : graph_(graph), owner_(graph.values.size()), spans_(graph.values.size()) {
  for (std::size_t v = 0; v < owner_.size(); ++v) owner_[v] = static_cast<std::int32_t>(v);
  const auto span_of = [&](ValueId v) -> Span& {
    return spans_[static_cast<std::size_t>(owner_[static_cast<std::size_t>(v)])];
  };
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const auto at = static_cast<std::int32_t>(n);
    const bool renames = only_renames(graph, node);
    for (const ValueId v : node.inputs) {
      if (v != kNoValue && !renames) span_of(v).last = at;
    }
    for (const ValueId v : node.outputs) {
      if (v == kNoValue) continue;
      const auto id = static_cast<std::size_t>(v);
      if (renames) {
        owner_[id] = owner_[static_cast<std::size_t>(node.inputs[0])];
        continue;
      }
      const Value& value = graph.value(v);
      const TensorView view{nullptr, value.dtype, value.layout, *value.shape};
      spans_[id] = {at, at, view.bytes()};
    }
  }
  for (const ValueId v : graph.outputs) span_of(v).bytes = 0;
}

std::size_t Liveness::around(const Group& group) const {
  const std::int32_t first = group.front(), at = group.back();
  const auto inner = [&](std::size_t v) {
    for (std::size_t i = 0; i + 1 < group.size(); ++i) {
      const Node& node = graph_.nodes[static_cast<std::size_t>(group[i])];
      if (node.outputs[0] == static_cast<ValueId>(v)) return true;
    }
    return false;
  };
  const ValueId x = graph_.nodes[static_cast<std::size_t>(first)].inputs[0];
  std::size_t bytes = 0;
  for (std::size_t v = 0; v < spans_.size(); ++v) {
    const Span& span = spans_[v];
    if (span.bytes == 0 || span.first > at) continue;
    const bool read_here = owner_[static_cast<std::size_t>(x)] == static_cast<std::int32_t>(v);
    if ((span.last >= at || read_here) && !inner(v)) bytes += span.bytes;
  }
  return bytes;
}

}  // namespace convoy
