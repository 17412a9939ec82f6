// Graphs written by hand, for tests.
#pragma once

#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace convoy::testing {

template <class T>
ConstTensor make_tensor(const Shape& shape, const std::vector<T>& values) {
  auto tensor = std::make_shared<Tensor>(DTypeOf<T>::value, shape);
  if (!values.empty()) std::memcpy(tensor->view().data, values.data(), values.size() * sizeof(T));
  return tensor;
}

class GraphBuilder {
 public:
  // An input of fixed shape.
  ValueId input(const std::string& name, const Shape& shape, DType dtype = DType::kF32) {
    std::vector<Dim> dims;
    for (std::int64_t extent : shape) dims.push_back({extent, {}});
    return input(name, std::move(dims), dtype);
  }

  ValueId input(const std::string& name, std::vector<Dim> declared, DType dtype = DType::kF32) {
    const ValueId id = graph.add_value(name, dtype);
    graph.value(id).declared = std::move(declared);
    graph.value(id).has_declared = true;
    graph.inputs.push_back(id);
    return id;
  }

  ValueId constant(ConstTensor tensor) { return graph.add_constant(fresh("c"), std::move(tensor)); }
  ValueId ints(std::initializer_list<std::int64_t> values) { return constant(make_s64(values)); }

  // A node named after its operator; its results.
  std::vector<ValueId> node(Op op, Attrs attrs, std::vector<ValueId> inputs, int outputs) {
    Node n;
    n.op = op;
    n.attrs = std::move(attrs);
    n.name = fresh("n");
    n.inputs = std::move(inputs);
    for (int i = 0; i < outputs; ++i) n.outputs.push_back(graph.add_value(fresh("v"), DType::kF32));
    graph.nodes.push_back(n);
    return n.outputs;
  }

  ValueId add(Op op, Attrs attrs, std::vector<ValueId> inputs) {
    return node(op, std::move(attrs), std::move(inputs), 1)[0];
  }

  Graph finish(std::vector<ValueId> outputs) {
    graph.outputs = std::move(outputs);
    return std::move(graph);
  }

  Graph graph;

 private:
  std::string fresh(const char* prefix) { return prefix + std::to_string(next_++); }
  int next_ = 0;
};

}  // namespace convoy::testing
