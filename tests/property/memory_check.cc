#include "tests/property/memory_check.h"

#include <algorithm>
#include <set>
#include <vector>

#include "plan/views.h"

namespace convoy::testing {
namespace {

class Replay {
 public:
  Replay(const Plan& plan, const Graph& graph) : plan_(plan), graph_(graph) {}

  std::string run() {
    for (ValueId v : graph_.inputs) intact_.insert(v);
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      if (graph_.values[v].constant) intact_.insert(static_cast<ValueId>(v));
      // Constants that kernels packed are let go, but keep their place.
      if (plan_.places[v].kind == Place::Kind::kConstant) intact_.insert(static_cast<ValueId>(v));
    }
    std::size_t next = 0;
    for (std::size_t n = 0; n < graph_.nodes.size() && problem_.empty(); ++n) {
      const Node& node = graph_.nodes[n];
      if (next < plan_.steps.size() && plan_.steps[next].node == static_cast<std::int32_t>(n)) {
        step(node, plan_.steps[next++]);
      } else {
        view(node);
      }
    }
    if (next != plan_.steps.size()) complain("a step has no node");
    for (ValueId v : graph_.outputs) read(v, "the outputs");
    return problem_;
  }

 private:
  const Place& place(ValueId v) const { return plan_.places[static_cast<std::size_t>(v)]; }

  void complain(const std::string& what) {
    if (problem_.empty()) problem_ = what;
  }

  static bool overlap(const Place& a, const Place& b) {
    return a.kind == b.kind && a.index == b.index && a.kind != Place::Kind::kConstant &&
           a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
  }

  void read(ValueId v, const std::string& who) {
    if (!intact_.count(v)) {
      complain(who + " read '" + graph_.value(v).name + "', whose memory holds something else");
    }
  }

  void write(const Place& target, const std::string& who) {
    if (target.kind == Place::Kind::kArena && target.offset + target.bytes > plan_.arena_bytes) {
      complain(who + " writes past the arena");
    }
    if (target.kind == Place::Kind::kInput || target.kind == Place::Kind::kConstant) {
      complain(who + " writes an input or a constant");
    }
    std::erase_if(intact_, [&](ValueId v) { return overlap(place(v), target); });
  }

  // A result without a step: its operands' bytes, one after the other, or some of its only one's.
  void view(const Node& node) {
    const Place& y = place(node.outputs[0]);
    std::size_t end = y.offset;
    bool all = true;
    for (ValueId v : view_sources(node)) {
      const Place& x = place(v);
      all = all && intact_.count(v) > 0;
      const bool same = x.kind == y.kind && x.index == y.index;
      const bool part = x.offset <= y.offset && y.offset + y.bytes <= x.offset + x.bytes;
      if (node.op == Op::kConcat ? !same || x.offset != end : !same || !part) {
        complain(Graph::describe(node) + ": the view lies elsewhere");
      }
      end += x.bytes;
    }
    // A view of what is gone is gone; only reading it is wrong.
    if (all) intact_.insert(node.outputs[0]);
  }

  void step(const Node& node, const Step& step) {
    const std::string who = Graph::describe(node);
    const Place workspace{Place::Kind::kArena, 0, step.workspace_offset, step.workspace_bytes};
    for (ValueId v : node.inputs) {
      if (v == kNoValue) continue;
      read(v, who);
      if (overlap(place(v), workspace)) complain(who + ": workspace overlaps an operand");
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const Place& y = place(node.outputs[i]);
      if (overlap(y, workspace)) complain(who + ": workspace overlaps a result");
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        if (node.inputs[k] == kNoValue || !overlap(place(node.inputs[k]), y)) continue;
        const bool in_place = i == 0 && k == 0 && step.implementation->in_place &&
                              place(node.inputs[0]).offset == y.offset;
        if (!in_place) complain(who + ": a result overlaps operand " + std::to_string(k));
      }
      for (std::size_t k = 0; k < i; ++k) {
        if (overlap(place(node.outputs[k]), y)) complain(who + ": two results overlap");
      }
    }
    write(workspace, who);
    for (ValueId v : node.outputs) write(place(v), who);
    for (ValueId v : node.outputs) intact_.insert(v);
  }

  const Plan& plan_;
  const Graph& graph_;
  std::set<ValueId> intact_;  // values whose memory still holds them
  std::string problem_;
};

}  // namespace

std::string check_memory(const Plan& plan, const Graph& graph) { return Replay(plan, graph).run(); }

}  // namespace convoy::testing
