// For the rules' tests: the shapes of one node over operands made on the spot.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "graph/infer.h"
#include "tests/support/graph_builder.h"

namespace convoy::testing {

// An operand: a graph input, a constant, or nothing.
struct Arg {
  Shape shape;
  DType dtype = DType::kF32;
  ConstTensor constant;
  bool absent = false;
};

inline Arg x(const Shape& shape, DType dtype = DType::kF32) { return {shape, dtype, {}, false}; }
inline Arg ints(std::initializer_list<std::int64_t> values) { return {{}, {}, make_s64(values)}; }
inline Arg floats(const std::vector<float>& values) {
  return {{}, {}, make_tensor<float>({static_cast<std::int64_t>(values.size())}, values)};
}
inline Arg scalar(float value) { return {{}, {}, make_f32_scalar(value)}; }
inline Arg none() { return {{}, {}, {}, true}; }

// The graph of one node, its shapes inferred.
inline Graph infer_graph(Op op, Attrs attrs, const std::vector<Arg>& args, int outputs = 1) {
  GraphBuilder b;
  std::vector<ValueId> inputs;
  for (const Arg& arg : args) {
    if (arg.absent) {
      inputs.push_back(kNoValue);
    } else if (arg.constant) {
      inputs.push_back(b.constant(arg.constant));
    } else {
      inputs.push_back(b.input("x" + std::to_string(inputs.size()), arg.shape, arg.dtype));
    }
  }
  Graph graph = b.finish(b.node(op, std::move(attrs), inputs, outputs));
  infer_shapes(graph, {}, {});
  verify(graph, true);
  return graph;
}

// "f32 1x8x6x6", several outputs joined by ", "; or "code: message".
inline std::string infer_one(Op op, Attrs attrs, const std::vector<Arg>& args, int outputs = 1) {
  try {
    const Graph graph = infer_graph(op, std::move(attrs), args, outputs);
    std::string text;
    for (ValueId id : graph.outputs) {
      const Value& v = graph.value(id);
      text +=
          (text.empty() ? "" : ", ") + std::string(to_string(v.dtype)) + " " + to_string(*v.shape);
    }
    return text;
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
}

}  // namespace convoy::testing
