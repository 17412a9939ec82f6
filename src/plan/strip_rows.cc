#include "plan/strip_rows.h"

#include <algorithm>

namespace convoy {
namespace {

constexpr int kHeight = 2;  // the axis of rows in n x c x h x w

const Shape& shape_of(const Graph& graph, ValueId v) { return *graph.value(v).shape; }

struct Window {
  std::int64_t kernel, stride, dilation, pad;
};

std::optional<Window> window_of(const Graph& graph, const Node& node) {
  if (node.op == Op::kConv) {
    const auto& a = node.as<ConvAttrs>();
    return Window{shape_of(graph, node.inputs[1])[kHeight], a.stride[0], a.dilation[0], a.pads.top};
  }
  if (node.op == Op::kPool) {
    const auto& a = node.as<PoolAttrs>();
    return Window{a.kernel[0], a.stride[0], a.dilation[0], a.pads.top};
  }
  return {};
}

// The rows under the windows of these results, those of the padding included.
Rows reach(const Window& w, const Rows& result) {
  return {result.begin * w.stride - w.pad,
          (result.end - 1) * w.stride - w.pad + (w.kernel - 1) * w.dilation + 1};
}

// True when an operand has one row for each of the result's.
bool has_rows(const Graph& graph, const Node& node, ValueId v) {
  const Shape& x = shape_of(graph, v);
  return x.rank() == 4 && x[kHeight] == shape_of(graph, node.outputs[0])[kHeight];
}

// Operands that broadcasting repeats along the rows; others have the result's rows, or none that
// can be cut.
bool repeated(const Graph& graph, ValueId v) {
  const Shape& x = shape_of(graph, v);
  return x.rank() < 2 || x[x.rank() - 2] == 1;
}

}  // namespace

std::string cannot_cut(const Graph& graph, const Node& node) {
  if (node.outputs.size() != 1) return "it has several results";
  const Value& y = graph.value(node.outputs[0]);
  if (y.shape->rank() != 4) return "its result has no rows";
  if (y.layout == Layout::kChwn8) return "its rows have no strides";
  const ValueId x = node.input(0);
  const bool same_height = x != kNoValue && has_rows(graph, node, x);
  switch (node.op) {
    case Op::kConv:
      return node.as<ConvAttrs>().auto_pad == AutoPad::kNotSet ? "" : "its padding is not resolved";
    case Op::kPool: {
      const auto& a = node.as<PoolAttrs>();
      if (a.auto_pad != AutoPad::kNotSet) return "its padding is not resolved";
      // The last window may reach past the padding, which an average that counts padding must know.
      if (a.ceil_mode && a.count_include_pad && a.kind == PoolAttrs::Kind::kAverage) {
        return "its average counts padding and its last window reaches past it";
      }
      return "";
    }
    case Op::kUnary:
    case Op::kClip:
    case Op::kCast:
    case Op::kIdentity:
    case Op::kReorder:
    case Op::kBatchNorm:
      return same_height ? "" : "its operand has other rows";
    case Op::kBinary:
    case Op::kWhere:
      for (const ValueId v : node.inputs) {
        if (repeated(graph, v)) continue;
        if (!has_rows(graph, node, v)) return "an operand has other rows";
        if (graph.value(v).constant) return "a constant operand has rows of its own";
      }
      return "";
    case Op::kConcat:
      if (normalize_axis(node.as<AxisAttrs>().axis, 4, "the axis of a concatenation") != 1) {
        return "it joins along another axis than the channels";
      }
      for (const ValueId v : node.inputs) {
        if (graph.value(v).constant) return "a constant operand has rows of its own";
      }
      return "";
    default:
      return "it does not work row by row";
  }
}

std::optional<OperandRows> operand_rows(const Graph& graph, const Node& node, std::size_t slot,
                                        const Rows& result) {
  const OperandRows whole{true, {}};
  const ValueId v = node.inputs[slot];
  if (const std::optional<Window> window = window_of(graph, node)) {
    if (slot == 3) return OperandRows{false, result};  // a convolution's residual
    if (slot > 0) return whole;
    const Rows wanted = reach(*window, result);
    const Rows found{std::max<std::int64_t>(wanted.begin, 0),
                     std::min(wanted.end, shape_of(graph, v)[kHeight])};
    if (found.begin >= found.end) return {};
    return OperandRows{false, found};
  }
  switch (node.op) {
    case Op::kBinary:
    case Op::kWhere:
      // With one row in all, both are the same.
      return repeated(graph, v) ? whole : OperandRows{false, result};
    case Op::kConcat:
      return OperandRows{false, result};
    default:
      return slot == 0 ? OperandRows{false, result} : whole;
  }
}

Attrs strip_attrs(const Graph& graph, const Node& node, const Rows& result) {
  Attrs attrs = node.attrs;
  const std::optional<Window> window = window_of(graph, node);
  if (!window) return attrs;
  const Rows wanted = reach(*window, result);
  const std::int64_t height = shape_of(graph, node.inputs[0])[kHeight];
  Pads& pads =
      node.op == Op::kConv ? std::get<ConvAttrs>(attrs).pads : std::get<PoolAttrs>(attrs).pads;
  pads.top = std::max<std::int64_t>(0, -wanted.begin);
  pads.bottom = std::max<std::int64_t>(0, wanted.end - height);
  return attrs;
}

}  // namespace convoy
