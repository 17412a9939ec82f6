#include "plan/patch.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/error.h"

namespace convoy {
namespace {

constexpr int kHeight = 2;  // the axis of rows in n x c x h x w

const Node& node_at(const Graph& graph, std::int32_t n) {
  return graph.nodes[static_cast<std::size_t>(n)];
}

std::int64_t height_of(const Graph& graph, ValueId v) { return (*graph.value(v).shape)[kHeight]; }

// The node of the region that makes `v`; -1 for what comes from outside.
std::int32_t maker(const Graph& graph, std::int32_t first, std::int32_t last, ValueId v) {
  for (std::int32_t n = last; n >= first; --n) {
    if (node_at(graph, n).outputs[0] == v) return n;
  }
  return -1;
}

}  // namespace

std::vector<StripRegion> describe_patches(const Graph& graph, const PatchChoice& choice) {
  std::vector<StripRegion> strips;
  for (const PatchRegion& r : choice) {
    strips.push_back({node_at(graph, r.first).name, node_at(graph, r.last).name, r.first,
                      r.last - r.first + 1, r.strips});
  }
  return strips;
}

PatchChoice patches_of(const std::vector<StripRegion>& strips) {
  PatchChoice choice;
  for (const StripRegion& s : strips) {
    choice.push_back({s.first_node, s.first_node + s.nodes - 1, s.strips});
  }
  return choice;
}

std::string cannot_patch(const Graph& graph, const Uses& uses, std::int32_t first,
                         std::int32_t last) {
  if (first < 0 || first > last || last >= static_cast<std::int32_t>(graph.nodes.size())) {
    return "there are no nodes " + std::to_string(first) + " to " + std::to_string(last);
  }
  for (std::int32_t n = first; n <= last; ++n) {
    const Node& node = node_at(graph, n);
    if (const std::string reason = cannot_cut(graph, node); !reason.empty()) {
      return Graph::describe(node) + ": " + reason;
    }
    if (n == last) continue;
    const auto v = static_cast<std::size_t>(node.outputs[0]);
    const auto& readers = uses.consumers[v];
    const bool outside = std::any_of(readers.begin(), readers.end(),
                                     [&](std::int32_t reader) { return reader > last; });
    if (outside || uses.is_output[v] || readers.empty()) {
      return Graph::describe(node) + ": its result is read outside of the region";
    }
  }
  return {};
}

Rows strip_of(std::int64_t rows, std::int64_t index, std::int64_t strips) {
  return {rows * index / strips, rows * (index + 1) / strips};
}

std::optional<std::vector<Rows>> needed_rows(const Graph& graph, std::int32_t first,
                                             std::int32_t last, const Rows& strip) {
  std::vector<Rows> need(static_cast<std::size_t>(last - first + 1));
  need.back() = strip;
  for (std::int32_t n = last; n >= first; --n) {
    const Node& node = node_at(graph, n);
    const Rows& rows = need[static_cast<std::size_t>(n - first)];
    for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
      if (node.inputs[slot] == kNoValue) continue;
      const std::optional<OperandRows> wanted = operand_rows(graph, node, slot, rows);
      if (!wanted) return {};
      const std::int32_t from = maker(graph, first, n - 1, node.inputs[slot]);
      if (from < 0) continue;
      if (wanted->whole) return {};
      Rows& hull = need[static_cast<std::size_t>(from - first)];
      hull = hull.count() == 0 ? wanted->rows
                               : Rows{std::min(hull.begin, wanted->rows.begin),
                                      std::max(hull.end, wanted->rows.end)};
    }
  }
  return need;
}

namespace {

class Patcher {
 public:
  explicit Patcher(const Graph& graph) : graph_(graph), uses_(graph), result_(graph) {
    result_.nodes.clear();
  }

  Graph run(const PatchChoice& choice) {
    std::int32_t next = 0;
    for (const PatchRegion& region : choice) {
      if (region.first < next) {
        fail(ErrorCode::kInvalidArgument, "patches: a region begins at node " +
                                              std::to_string(region.first) + ", expected " +
                                              std::to_string(next) + " or later");
      }
      copy_nodes(next, region.first);
      add_region(region);
      next = region.last + 1;
    }
    copy_nodes(next, static_cast<std::int32_t>(graph_.nodes.size()));
    return std::move(result_);
  }

 private:
  void copy_nodes(std::int32_t begin, std::int32_t end) {
    result_.nodes.insert(result_.nodes.end(), graph_.nodes.begin() + begin,
                         graph_.nodes.begin() + end);
  }

  void add_region(const PatchRegion& region) {
    std::string reason = cannot_patch(graph_, uses_, region.first, region.last);
    if (!reason.empty()) fail(ErrorCode::kInvalidArgument, "patches: " + reason);
    const Node& last = node_at(graph_, region.last);
    const std::int64_t rows = height_of(graph_, last.outputs[0]);
    if (region.strips < 1 || region.strips > rows) {
      fail(ErrorCode::kInvalidArgument, "patches: " + Graph::describe(last) + " has " +
                                            std::to_string(rows) + " rows, found " +
                                            std::to_string(region.strips) + " strips");
    }
    if (region.strips == 1) return copy_nodes(region.first, region.last + 1);
    Node whole;
    whole.op = Op::kConcat;
    whole.attrs = AxisAttrs{kHeight, false};
    whole.name = last.name;
    whole.outputs = last.outputs;
    for (std::int64_t i = 0; i < region.strips; ++i) {
      whole.inputs.push_back(add_strip(region, strip_of(rows, i, region.strips)));
    }
    result_.nodes.push_back(std::move(whole));
  }

  // Copies of the region's nodes for one strip; the last one's result.
  ValueId add_strip(const PatchRegion& region, const Rows& strip) {
    const auto need = needed_rows(graph_, region.first, region.last, strip);
    if (!need) {
      fail(ErrorCode::kInvalidArgument,
           "patches: " + Graph::describe(node_at(graph_, region.last)) + ": its rows " +
               text(strip) + " need all rows of another result, or padding alone");
    }
    std::map<ValueId, Part> parts;
    slices_.clear();
    ValueId y = kNoValue;
    for (std::int32_t n = region.first; n <= region.last; ++n) {
      const Node& original = node_at(graph_, n);
      const Rows& rows = (*need)[static_cast<std::size_t>(n - region.first)];
      Node node = original;
      node.name += "[" + text(rows) + "]";
      node.attrs = strip_attrs(graph_, original, rows);
      for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
        const ValueId v = original.inputs[slot];
        if (v == kNoValue) continue;
        const OperandRows wanted = *operand_rows(graph_, original, slot, rows);
        if (wanted.whole) continue;
        const auto local = parts.find(v);
        const Part from = local != parts.end() ? local->second : Part{v, {0, height_of(graph_, v)}};
        node.inputs[slot] = slice(from, wanted.rows);
      }
      y = part_of(original.outputs[0], rows);
      parts[original.outputs[0]] = {y, rows};
      node.outputs = {y};
      result_.nodes.push_back(std::move(node));
    }
    return y;
  }

  // A value of the result's that holds some rows of one of the graph's.
  struct Part {
    ValueId value = kNoValue;
    Rows rows;
  };

  static std::string text(const Rows& rows) {
    return std::to_string(rows.begin) + ":" + std::to_string(rows.end);
  }

  ValueId part_of(ValueId whole, const Rows& rows) {
    const Value original = graph_.value(whole);
    const ValueId part = result_.add_value(original.name + "[" + text(rows) + "]", original.dtype);
    result_.value(part).shape = original.shape;
    (*result_.value(part).shape)[kHeight] = rows.count();
    result_.value(part).layout = original.layout;
    return part;
  }

  ValueId slice(const Part& from, const Rows& rows) {
    if (from.rows == rows) return from.value;
    const auto [place, is_new] = slices_.try_emplace({from.value, rows.begin, rows.end}, kNoValue);
    if (!is_new) return place->second;
    const Value original = result_.value(from.value);
    Node node;
    node.op = Op::kSlice;
    node.name = original.name + ".rows[" + text(rows) + "]";
    node.inputs = {from.value, number(rows.begin - from.rows.begin),
                   number(rows.end - from.rows.begin), number(kHeight)};
    const ValueId known = place->second = result_.add_value(node.name, original.dtype);
    result_.value(known).shape = original.shape;
    (*result_.value(known).shape)[kHeight] = rows.count();
    result_.value(known).layout = original.layout;
    node.outputs = {known};
    result_.nodes.push_back(std::move(node));
    return known;
  }

  // A constant of one integer.
  ValueId number(std::int64_t value) {
    const auto found = numbers_.find(value);
    if (found != numbers_.end()) return found->second;
    const ValueId id = result_.add_constant("row " + std::to_string(value), make_s64({value}));
    return numbers_[value] = id;
  }

  const Graph& graph_;
  const Uses uses_;
  Graph result_;
  std::map<std::tuple<ValueId, std::int64_t, std::int64_t>, ValueId> slices_;  // of this strip
  std::map<std::int64_t, ValueId> numbers_;
};

}  // namespace

Graph with_patches(const Graph& graph, const PatchChoice& choice) {
  return Patcher(graph).run(choice);
}

}  // namespace convoy
