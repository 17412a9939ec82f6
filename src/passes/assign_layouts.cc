// Gives activations their memory order and inserts a kReorder wherever two orders meet.
#include <algorithm>
#include <utility>

#include "passes/constants.h"
#include "passes/layout_choice.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

class Assigner {
 public:
  explicit Assigner(Graph& graph)
      : graph_(graph),
        uses_(graph),
        nchw_(graph.values.size()),
        nhwc_(graph.values.size(), kNoValue) {
    for (std::size_t v = 0; v < nchw_.size(); ++v) nchw_[v] = static_cast<ValueId>(v);
  }

  int run(const std::vector<bool>& nhwc) {
    std::vector<Node> old = std::exchange(graph_.nodes, {});
    for (std::size_t n = 0; n < old.size(); ++n) {
      Node& node = old[n];
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const ValueId v = node.inputs[i];
        if (v == kNoValue || is_constant(graph_, v)) continue;
        node.inputs[i] = in(v, operand_layout(node, i, nhwc[n]));
      }
      if (nhwc[n]) {
        place_nhwc(std::move(node));
      } else {
        graph_.nodes.push_back(std::move(node));
      }
    }
    return reorders_;
  }

 private:
  // `v` in that layout; the first reader that needs the other one pays for the copy.
  ValueId in(ValueId v, Layout layout) {
    ValueId& found = (layout == Layout::kNhwc ? nhwc_ : nchw_)[static_cast<std::size_t>(v)];
    if (found == kNoValue) {
      const ValueId other = (layout == Layout::kNhwc ? nchw_ : nhwc_)[static_cast<std::size_t>(v)];
      found = copy_of(v, layout);
      reorder(other, found);
    }
    return found;
  }

  ValueId copy_of(ValueId v, Layout layout) {
    const Value& original = graph_.value(v);
    const Shape shape = *original.shape;
    const ValueId copy =
        graph_.add_value(original.name + "." + std::string(to_string(layout)), original.dtype);
    graph_.value(copy).shape = shape;
    graph_.value(copy).layout = layout;
    return copy;
  }

  void reorder(ValueId from, ValueId to) {
    Node node;
    node.op = Op::kReorder;
    node.name = graph_.value(to).name + ".reorder";
    node.inputs = {from};
    node.outputs = {to};
    graph_.nodes.push_back(std::move(node));
    ++reorders_;
  }

  void place_nhwc(Node node) {
    const ValueId v = node.outputs[0];
    const auto id = static_cast<std::size_t>(v);
    if (!uses_.is_output[id]) {
      graph_.value(v).layout = Layout::kNhwc;
      nhwc_[id] = v;
      nchw_[id] = kNoValue;
      graph_.nodes.push_back(std::move(node));
      return;
    }
    // Users get kNchw under the name they know.
    node.outputs[0] = nhwc_[id] = copy_of(v, Layout::kNhwc);
    graph_.nodes.push_back(std::move(node));
    reorder(nhwc_[id], v);
  }

  Graph& graph_;
  Uses uses_;
  std::vector<ValueId> nchw_, nhwc_;  // where each original value is to be had, kNoValue: not yet
  int reorders_ = 0;
};

}  // namespace

int assign_layouts(Graph& graph, const PassOptions& /*options*/) {
  const auto is_reorder = [](const Node& node) { return node.op == Op::kReorder; };
  if (std::any_of(graph.nodes.begin(), graph.nodes.end(), is_reorder)) return 0;
  const std::vector<bool> nhwc = choose_layouts(graph);
  return Assigner(graph).run(nhwc);
}

}  // namespace convoy::passes
