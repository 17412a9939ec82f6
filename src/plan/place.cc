#include "plan/place.h"

#include <algorithm>

#include "plan/arena.h"

namespace convoy {
namespace {

// Values that share one piece of memory: views of one another, or computed in place.
struct Group {
  Place::Kind kind = Place::Kind::kArena;
  std::int32_t index = 0;  // of the graph input or output
  std::size_t bytes = 0;
  std::int32_t first = 0, last = 0;  // steps
  bool holds_output = false;
};

constexpr std::int32_t kNoGroup = -1;

class Placer {
 public:
  Placer(const Graph& graph, const Views& views, Plan& plan)
      : graph_(graph), views_(views), plan_(plan), group_of_(graph.values.size(), kNoGroup) {
    offset_in_group_.assign(graph.values.size(), 0);
    find_last_uses();
  }

  void run() {
    place_borders();
    std::size_t step = 0;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (views_.free[n]) {
        // A concatenation's operands have made its group already.
        const ValueId y = node.outputs[0];
        if (const View& view = view_of(y); view.of != kNoValue) join(y, view.of, view.offset);
        continue;
      }
      place_results(node, *plan_.steps[step].implementation, static_cast<std::int32_t>(step));
      ++step;
    }
    collect_outputs();
    assign_offsets();
  }

 private:
  std::int32_t& group_of(ValueId v) { return group_of_[static_cast<std::size_t>(v)]; }
  Group& group(ValueId v) { return groups_[static_cast<std::size_t>(group_of(v))]; }

  const View& view_of(ValueId v) const { return views_.values[static_cast<std::size_t>(v)]; }

  // The last step that reads each value or a view of it.
  void find_last_uses() {
    last_use_.assign(graph_.values.size(), -1);
    is_output_.assign(graph_.values.size(), false);
    for (ValueId v : graph_.outputs) is_output_[static_cast<std::size_t>(v)] = true;
    for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
      for (ValueId v : graph_.nodes[static_cast<std::size_t>(plan_.steps[s].node)].inputs) {
        if (v != kNoValue) last_use_[static_cast<std::size_t>(v)] = static_cast<std::int32_t>(s);
      }
    }
    // A result that is there without a step keeps its operands alive: walk backwards so that chains
    // add up.
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      if (!views_.free[n]) continue;
      const auto y = static_cast<std::size_t>(graph_.nodes[n].outputs[0]);
      for (ValueId v : view_sources(graph_.nodes[n])) {
        const auto x = static_cast<std::size_t>(v);
        last_use_[x] = std::max(last_use_[x], last_use_[y]);
        is_output_[x] = is_output_[x] || is_output_[y];
      }
    }
  }

  std::int32_t add_group(Group g) {
    groups_.push_back(g);
    return static_cast<std::int32_t>(groups_.size() - 1);
  }

  void join(ValueId v, std::int32_t g) { group_of(v) = g; }

  // `v` lies `offset` bytes into `whole`.
  void join(ValueId v, ValueId whole, std::size_t offset) {
    group_of(v) = group_of(whole);
    offset_in_group_[static_cast<std::size_t>(v)] =
        offset_in_group_[static_cast<std::size_t>(whole)] + offset;
  }

  std::size_t bytes_of(ValueId v) const { return planned_view(graph_, v, plan_.precision).bytes(); }

  void place_borders() {
    for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
      Group g;
      g.kind = Place::Kind::kInput;
      g.index = static_cast<std::int32_t>(i);
      g.bytes = bytes_of(graph_.inputs[i]);
      join(graph_.inputs[i], add_group(g));
    }
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      if (!graph_.values[v].constant || group_of_[v] != kNoGroup) continue;
      Group g;
      g.kind = Place::Kind::kConstant;
      g.bytes = bytes_of(static_cast<ValueId>(v));
      group_of_[v] = add_group(g);
    }
  }

  // The operand dies here, nobody sees its memory afterwards, and the result fits it exactly.
  bool may_overwrite(ValueId x, ValueId y, std::int32_t step) {
    const Group& g = group(x);
    if (g.kind != Place::Kind::kArena || g.holds_output || g.last > step) return false;
    // The caller's memory for an output has no room for what lies around a view.
    if (is_output_[static_cast<std::size_t>(y)] && g.bytes != bytes_of(y)) return false;
    const Value& a = graph_.value(x);
    const Value& b = graph_.value(y);
    return a.dtype == b.dtype && a.layout == b.layout && *a.shape == *b.shape;
  }

  bool read_twice(const Node& node) {
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != kNoValue && group_of(node.inputs[i]) == group_of(node.inputs[0])) {
        return true;
      }
    }
    return false;
  }

  void place_results(const Node& node, const Implementation& implementation, std::int32_t step) {
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId y = node.outputs[i];
      if (y == kNoValue) continue;
      const auto at = static_cast<std::size_t>(y);
      const std::int32_t last = std::max(step, last_use_[at]);
      if (const View& view = view_of(y); view.of != kNoValue) {
        // Its place in a concatenation, whose memory the first of the operands takes.
        if (group_of(view.of) == kNoGroup) join(view.of, add_group(new_group(view.of, step)));
        join(y, view.of, view.offset);
        group(y).last = std::max(group(y).last, last);  // it may be read after the concatenation
        continue;
      }
      if (i == 0 && implementation.in_place && node.input(0) != kNoValue && !read_twice(node) &&
          may_overwrite(node.inputs[0], y, step)) {
        join(y, node.inputs[0], 0);
        group(y).last = last;
        group(y).holds_output |= is_output_[at];
        continue;
      }
      join(y, add_group(new_group(y, step)));
    }
  }

  Group new_group(ValueId v, std::int32_t step) const {
    const auto at = static_cast<std::size_t>(v);
    Group g;
    g.bytes = bytes_of(v);
    g.first = step;
    g.last = std::max(step, last_use_[at]);
    g.holds_output = is_output_[at];
    return g;
  }

  // The first graph output of a group takes the caller's memory for all of it; others are copied.
  void collect_outputs() {
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const ValueId v = graph_.outputs[i];
      Group& g = group(v);
      if (g.kind == Place::Kind::kArena) {
        g.kind = Place::Kind::kOutput;
        g.index = static_cast<std::int32_t>(i);
      } else {
        plan_.copies.push_back({v, static_cast<std::int32_t>(i)});
      }
    }
  }

  void assign_offsets() {
    std::vector<ArenaBuffer> buffers;
    for (const Group& g : groups_) {
      if (g.kind == Place::Kind::kArena) buffers.push_back({g.bytes, g.first, g.last, 0});
    }
    for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
      const auto step = static_cast<std::int32_t>(s);
      buffers.push_back({plan_.steps[s].workspace_bytes, step, step, 0});
    }
    plan_.activation_peak = arena_lower_bound(buffers);
    plan_.arena_bytes = buffers.empty() ? 0 : place_buffers(buffers);
    std::size_t next = 0;
    std::vector<std::size_t> offset_of(groups_.size(), 0);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (groups_[g].kind == Place::Kind::kArena) offset_of[g] = buffers[next++].offset;
    }
    for (Step& step : plan_.steps) step.workspace_offset = buffers[next++].offset;
    plan_.places.assign(graph_.values.size(), {});
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      if (group_of_[v] == kNoGroup) continue;
      const auto at = static_cast<std::size_t>(group_of_[v]);
      plan_.places[v] = {groups_[at].kind, groups_[at].index, offset_of[at] + offset_in_group_[v],
                         bytes_of(static_cast<ValueId>(v))};
    }
  }

  const Graph& graph_;
  const Views& views_;
  Plan& plan_;
  std::vector<std::int32_t> group_of_;
  std::vector<std::size_t> offset_in_group_;  // bytes, one per graph value
  std::vector<Group> groups_;
  std::vector<std::int32_t> last_use_;
  std::vector<bool> is_output_;
};

}  // namespace

void place_values(const Graph& graph, const Views& views, Plan& plan) {
  Placer(graph, views, plan).run();
}

}  // namespace convoy
