#include "graph/graph.h"

namespace convoy {

ValueId Graph::add_value(std::string value_name, DType dtype) {
  Value value;
  value.name = std::move(value_name);
  value.dtype = dtype;
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_constant(std::string value_name, ConstTensor tensor) {
  const ValueId id = add_value(std::move(value_name), tensor->dtype());
  value(id).shape = tensor->shape();
  value(id).constant = std::move(tensor);
  return id;
}

std::string Graph::describe(const Node& node) {
  const std::string type =
      node.onnx_type.empty() ? std::string(to_string(node.op)) : node.onnx_type;
  return "node '" + node.name + "' (" + type + ")";
}

Uses::Uses(const Graph& graph)
    : producer(graph.values.size(), -1),
      consumers(graph.values.size()),
      is_output(graph.values.size(), false) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (ValueId v : graph.nodes[n].outputs) {
      if (v != kNoValue) producer[static_cast<std::size_t>(v)] = static_cast<std::int32_t>(n);
    }
    for (ValueId v : graph.nodes[n].inputs) {
      if (v != kNoValue) {
        consumers[static_cast<std::size_t>(v)].push_back(static_cast<std::int32_t>(n));
      }
    }
  }
  for (ValueId v : graph.outputs) is_output[static_cast<std::size_t>(v)] = true;
}

void replace_uses(Graph& graph, ValueId from, ValueId to) {
  for (Node& node : graph.nodes) {
    for (ValueId& v : node.inputs) {
      if (v == from) v = to;
    }
  }
  for (ValueId& v : graph.outputs) {
    if (v == from) v = to;
  }
}

}  // namespace convoy
