#include "plan/liveness.h"

namespace convoy {

Liveness::Liveness(const Graph& graph, const Views& views, DType precision)
    : graph_(graph), owner_(graph.values.size()), spans_(graph.values.size()) {
  for (std::size_t v = 0; v < owner_.size(); ++v) {
    auto whole = static_cast<ValueId>(v);
    while (views.values[static_cast<std::size_t>(whole)].of != kNoValue) {
      whole = views.values[static_cast<std::size_t>(whole)].of;
    }
    owner_[v] = whole;
  }
  const auto span_of = [&](ValueId v) -> Span& {
    return spans_[static_cast<std::size_t>(owner_[static_cast<std::size_t>(v)])];
  };
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (views.free[n]) continue;
    const Node& node = graph.nodes[n];
    const auto at = static_cast<std::int32_t>(n);
    for (const ValueId v : node.inputs) {
      if (v != kNoValue) span_of(v).last = at;
    }
    for (const ValueId v : node.outputs) {
      if (v == kNoValue) continue;
      Span& span = span_of(v);
      span.last = at;
      if (span.first >= 0) continue;  // the second part of a concatenation
      span.first = at;
      span.bytes = planned_view(graph, owner_[static_cast<std::size_t>(v)], precision).bytes();
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

std::size_t Liveness::across(std::int32_t first) const {
  std::size_t sum = 0;
  for (const Span& span : spans_) {
    if (span.first < first && span.last >= first) sum += span.bytes;
  }
  return sum;
}

std::size_t Liveness::bytes(ValueId v) const {
  return spans_[static_cast<std::size_t>(owner_[static_cast<std::size_t>(v)])].bytes;
}

}  // namespace convoy
