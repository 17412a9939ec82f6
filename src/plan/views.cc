#include "plan/views.h"

#include <algorithm>
#include <optional>

#include "plan/select.h"

namespace convoy {
namespace {

// Elements of an integer constant; empty when the operand is absent or not known.
std::vector<std::int64_t> constant_ints(const Graph& graph, ValueId id) {
  if (id == kNoValue || !graph.value(id).constant) return {};
  const TensorView& view = graph.value(id).constant->view();
  std::vector<std::int64_t> values(static_cast<std::size_t>(view.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (view.dtype == DType::kS64) {
      values[i] = view.as<std::int64_t>()[i];
    } else if (view.dtype == DType::kS32) {
      values[i] = view.as<std::int32_t>()[i];
    } else {
      return {};
    }
  }
  return values;
}

// True when a run of extents of `axis` is a run of memory: everything outside it has extent 1.
bool outermost(const Shape& shape, Layout layout, int axis) {
  if (layout == Layout::kChwn8 || shape.elements() == 0) return false;
  const Strides strides = strides_of(shape, layout);
  const auto at = static_cast<std::size_t>(axis);
  for (int other = 0; other < shape.rank(); ++other) {
    if (other == axis || shape[other] == 1) continue;
    if (strides[static_cast<std::size_t>(other)] > strides[at]) return false;
  }
  return true;
}

std::size_t bytes_before(const Value& value, int axis, std::int64_t index, DType precision) {
  const Strides strides = strides_of(*value.shape, value.layout);
  return static_cast<std::size_t>(index * strides[static_cast<std::size_t>(axis)]) *
         size_of(value.dtype == DType::kF32 ? precision : value.dtype);
}

// The bytes of the operand in front of a slice that is one run of it.
std::optional<std::size_t> slice_offset(const Graph& graph, const Node& node, DType precision) {
  const Value& x = graph.value(node.inputs[0]);
  const Value& y = graph.value(node.outputs[0]);
  if (x.layout != y.layout || y.shape->elements() == 0) return {};
  for (std::int64_t step : constant_ints(graph, node.input(4))) {
    if (step != 1) return {};
  }
  if (node.input(4) != kNoValue && !graph.value(node.inputs[4]).constant) return {};
  int cut = -1;
  for (int axis = 0; axis < x.shape->rank(); ++axis) {
    if ((*x.shape)[axis] == (*y.shape)[axis]) continue;
    if (cut >= 0) return {};
    cut = axis;
  }
  if (cut < 0) return 0;
  if (!outermost(*x.shape, x.layout, cut)) return {};
  const std::vector<std::int64_t> starts = constant_ints(graph, node.input(1));
  std::vector<std::int64_t> axes = constant_ints(graph, node.input(3));
  if (node.input(3) == kNoValue) {
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  for (std::size_t i = 0; i < axes.size() && i < starts.size(); ++i) {
    if (normalize_axis(axes[i], x.shape->rank(), "slice") != cut) continue;
    const std::int64_t extent = (*x.shape)[cut];
    const std::int64_t start = starts[i] < 0 ? starts[i] + extent : starts[i];
    return bytes_before(x, cut, std::clamp<std::int64_t>(start, 0, extent), precision);
  }
  return {};
}

class Finder {
 public:
  Finder(const Graph& graph, const PlanOptions& options)
      : graph_(graph), uses_(graph), precision_(options.precision) {
    views_.values.resize(graph.values.size());
    views_.free.resize(graph.nodes.size());
    slices_ = !options.reference_only && !forced(Op::kSlice, options);
    concats_ = !options.reference_only && !forced(Op::kConcat, options);
    // The memory behind a name that is a graph output is the caller's.
    is_output_ = uses_.is_output;
    for (std::size_t n = graph.nodes.size(); n-- > 0;) {
      const Node& node = graph.nodes[n];
      if (only_renames(graph, node) && is_output(node.outputs[0])) {
        is_output_[static_cast<std::size_t>(node.inputs[0])] = true;
      }
    }
  }

  Views run() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (only_renames(graph_, node)) {
        view(node.outputs[0]) = {node.inputs[0], 0};
      } else if (slices_ && node.op == Op::kSlice && !is_output(node.outputs[0]) &&
                 !is_constant(node.inputs[0])) {
        const std::optional<std::size_t> offset = slice_offset(graph_, node, precision_);
        if (!offset) continue;
        view(node.outputs[0]) = {node.inputs[0], *offset};
      } else if (!concats_ || node.op != Op::kConcat || !assemble(node)) {
        continue;
      }
      views_.free[n] = true;
    }
    return std::move(views_);
  }

 private:
  View& view(ValueId v) { return views_.values[static_cast<std::size_t>(v)]; }
  bool is_output(ValueId v) const { return is_output_[static_cast<std::size_t>(v)]; }

  static bool forced(Op op, const PlanOptions& options) {
    for (const auto& [key, name] : options.force) {
      for (const Implementation* entry : implementations(op)) {
        if (entry->name == name || entry->name == key + "." + name) return true;
      }
    }
    return false;
  }

  bool is_constant(ValueId v) {
    while (view(v).of != kNoValue) v = view(v).of;
    return static_cast<bool>(graph_.value(v).constant);
  }

  bool assemble(const Node& node) {
    const Value& y = graph_.value(node.outputs[0]);
    const int axis =
        normalize_axis(node.as<AxisAttrs>().axis, y.shape->rank(), "the axis of a concatenation");
    if (!outermost(*y.shape, y.layout, axis)) return false;
    for (ValueId x : node.inputs) {
      const std::int32_t producer = uses_.producer[static_cast<std::size_t>(x)];
      if (producer < 0 || views_.free[static_cast<std::size_t>(producer)]) return false;
      if (is_output(x) || view(x).of != kNoValue || graph_.value(x).layout != y.layout) {
        return false;
      }
      if (std::count(node.inputs.begin(), node.inputs.end(), x) > 1) return false;
    }
    std::int64_t before = 0;
    for (ValueId x : node.inputs) {
      view(x) = {node.outputs[0], bytes_before(y, axis, before, precision_)};
      before += (*graph_.value(x).shape)[axis];
    }
    return true;
  }

  const Graph& graph_;
  const Uses uses_;
  const DType precision_;
  std::vector<bool> is_output_;
  bool slices_ = false, concats_ = false;
  Views views_;
};

}  // namespace

Views find_views(const Graph& graph, const PlanOptions& options) {
  return Finder(graph, options).run();
}

std::span<const ValueId> view_sources(const Node& node) {
  return {node.inputs.data(), node.op == Op::kConcat ? node.inputs.size() : 1};
}

}  // namespace convoy
