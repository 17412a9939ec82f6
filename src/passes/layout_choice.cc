#include "passes/layout_choice.h"

#include <algorithm>

#include "kernels/registry.h"
#include "passes/constants.h"

namespace convoy::passes {
namespace {

bool is_conv(const Node& node) { return node.op == Op::kConv || node.op == Op::kConvTranspose; }

bool reduces_space(const Graph& graph, const Node& node) {
  const auto& attrs = node.as<ReduceAttrs>();
  if (!attrs.keep_dims) return false;
  if (attrs.spatial) return true;
  const int rank = graph.value(node.inputs[0]).shape->rank();
  const auto axes = integers(graph, node.input(1));
  return axes && !axes->empty() && std::all_of(axes->begin(), axes->end(), [&](std::int64_t axis) {
           return (axis < 0 ? axis + rank : axis) >= 2;
         });
}

// Whether the node could have its activations in kNhwc.
bool can_be_nhwc(const Graph& graph, const Node& node) {
  if (node.outputs.size() != 1 || node.inputs.empty() || !is_f32(graph, node.outputs[0])) {
    return false;
  }
  const Shape& result = *graph.value(node.outputs[0]).shape;
  if (result.rank() < 3 || !supports_nhwc(node.op, node.attrs, result)) return false;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId v = node.inputs[i];
    if (v == kNoValue || operand_layout(node, i, true) == Layout::kNchw) continue;
    const bool constant = is_constant(graph, v);
    if (constant && node.op != Op::kBinary) return false;
    if (!constant && graph.value(v).shape->rank() != result.rank()) return false;
  }
  return node.op != Op::kReduce || reduces_space(graph, node);
}

// What it costs, in bytes moved, to hand `v` to its readers.
class Costs {
 public:
  Costs(const Graph& graph, const Uses& uses, std::vector<bool>& nhwc)
      : graph_(graph), uses_(uses), nhwc_(nhwc) {}

  // Of everything node `n` reads and makes, under the present choice.
  std::int64_t around(std::size_t n) const {
    const Node& node = graph_.nodes[n];
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const auto earlier = node.inputs.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::find(node.inputs.begin(), earlier, node.inputs[i]) == earlier) {
        sum += of(node.inputs[i]);
      }
    }
    for (ValueId v : node.outputs) sum += of(v);
    // A pooling kernel runs along channels much faster than along rows.
    if (node.op == Op::kPool && !nhwc_[n]) sum += move(node.inputs[0]);
    return sum;
  }

 private:
  std::int64_t of(ValueId v) const {
    if (v == kNoValue || is_constant(graph_, v)) return 0;
    const auto id = static_cast<std::size_t>(v);
    const std::int32_t maker = uses_.producer[id];
    const bool made_nhwc = maker >= 0 && nhwc_[static_cast<std::size_t>(maker)];
    bool wants_nhwc = false, wants_nchw = uses_.is_output[id];
    for (std::int32_t reader : uses_.consumers[id]) {
      const Node& node = graph_.nodes[static_cast<std::size_t>(reader)];
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] != v) continue;
        const bool nhwc =
            operand_layout(node, i, nhwc_[static_cast<std::size_t>(reader)]) == Layout::kNhwc;
        (nhwc ? wants_nhwc : wants_nchw) = true;
      }
    }
    return (made_nhwc ? wants_nchw : wants_nhwc) ? move(v) : 0;
  }

  // Where both layouts have the same bytes nothing moves, but the node is still one too many.
  std::int64_t move(ValueId v) const {
    const Shape& shape = *graph_.value(v).shape;
    if (shape.rank() < 3) return 1;
    std::int64_t space = 1;
    for (int axis = 2; axis < shape.rank(); ++axis) space *= shape[axis];
    return shape[1] == 1 || space == 1 ? 1 : 4 * shape.elements();
  }

  const Graph& graph_;
  const Uses& uses_;
  std::vector<bool>& nhwc_;
};

}  // namespace

Layout operand_layout(const Node& node, std::size_t slot, bool nhwc) {
  if (!nhwc) return Layout::kNchw;
  const bool all = node.op == Op::kBinary || node.op == Op::kConcat;
  const bool residual = node.op == Op::kConv && slot == 3;
  return slot == 0 || all || residual ? Layout::kNhwc : Layout::kNchw;
}

namespace {

// Weighing a node looks at all readers of what it reads: beyond this many it stays as it started.
bool cheap_to_weigh(const Graph& graph, const Uses& uses, const Node& node) {
  constexpr std::size_t kMaxReaders = 256;
  const auto few = [&](ValueId v) {
    return v == kNoValue || is_constant(graph, v) ||
           uses.consumers[static_cast<std::size_t>(v)].size() <= kMaxReaders;
  };
  return std::all_of(node.inputs.begin(), node.inputs.end(), few) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), few);
}

}  // namespace

std::vector<bool> choose_layouts(const Graph& graph) {
  const std::size_t nodes = graph.nodes.size();
  const Uses uses(graph);
  std::vector<bool> nhwc(nodes, false), free(nodes, false);
  // Convolutions and pools decide; what follows them starts as they are.
  for (std::size_t n = 0; n < nodes; ++n) {
    const Node& node = graph.nodes[n];
    if (!can_be_nhwc(graph, node)) continue;
    free[n] = !is_conv(node) && cheap_to_weigh(graph, uses, node);
    nhwc[n] = is_conv(node) || node.op == Op::kPool;
    for (ValueId v : node.inputs) {
      const std::int32_t maker = v == kNoValue ? -1 : uses.producer[static_cast<std::size_t>(v)];
      if (maker >= 0 && nhwc[static_cast<std::size_t>(maker)]) nhwc[n] = true;
    }
  }
  const Costs costs(graph, uses, nhwc);
  // Each round lowers the cost or ends; few are needed, and a bound keeps large graphs cheap.
  constexpr int kRounds = 8;
  bool changed = std::find(nhwc.begin(), nhwc.end(), true) != nhwc.end();
  for (int round = 0; round < kRounds && changed; ++round) {
    changed = false;
    for (std::size_t i = 0; i < nodes; ++i) {
      const std::size_t n = round % 2 == 0 ? nodes - 1 - i : i;
      if (!free[n]) continue;
      const std::int64_t before = costs.around(n);
      nhwc[n] = !nhwc[n];
      if (costs.around(n) < before) {
        changed = true;
      } else {
        nhwc[n] = !nhwc[n];
      }
    }
  }
  return nhwc;
}

}  // namespace convoy::passes
