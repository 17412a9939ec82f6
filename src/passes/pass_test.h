// Small graphs for the tests of passes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "graph/infer.h"
#include "passes/pass_list.h"
#include "tests/support/graph_builder.h"

namespace convoy::passes {

class Builder : public testing::GraphBuilder {
 public:
  ValueId scalar(float value) { return constant(testing::make_tensor<float>({}, {value})); }

  // Values 0.25, 0.5, ... cycling: exact in f32 and never zero.
  ValueId weights(const Shape& shape, float first = 0.25f) {
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = first + 0.25f * static_cast<float>(i % 7);
    }
    return constant(testing::make_tensor(shape, values));
  }

  // k filters of r x r, padded to keep the extents.
  ValueId conv(ValueId x, std::int64_t c, std::int64_t k, std::int64_t r = 1, bool bias = false) {
    ConvAttrs attrs;
    attrs.pads = {r / 2, r / 2, r / 2, r / 2};
    std::vector<ValueId> inputs{x, weights({k, c, r, r})};
    if (bias) inputs.push_back(weights({k}, 0.5f));
    return add(Op::kConv, attrs, inputs);
  }

  ValueId unary(UnaryKind kind, ValueId x, float alpha = 0, float beta = 0) {
    return add(Op::kUnary, Unary{kind, alpha, beta}, {x});
  }
  ValueId binary(BinaryKind kind, ValueId a, ValueId b) {
    return add(Op::kBinary, BinaryAttrs{kind, {}}, {a, b});
  }
  ValueId plus(ValueId a, ValueId b) { return binary(BinaryKind::kAdd, a, b); }
  ValueId minus(ValueId a, ValueId b) { return binary(BinaryKind::kSub, a, b); }
  ValueId times(ValueId a, ValueId b) { return binary(BinaryKind::kMul, a, b); }
  ValueId over(ValueId a, ValueId b) { return binary(BinaryKind::kDiv, a, b); }
  ValueId clip(ValueId x, float low, float high) { return unary(UnaryKind::kClip, x, low, high); }

  ValueId batch_norm(ValueId x, std::int64_t c) {
    return add(Op::kBatchNorm, NormAttrs{},
               {x, weights({c}), weights({c}, -0.5f), weights({c}, 1), weights({c}, 0.75f)});
  }

  ValueId global_average(ValueId x) {
    ReduceAttrs attrs;
    attrs.spatial = true;
    return add(Op::kReduce, attrs, {x});
  }

  // With shapes inferred.
  Graph done(std::vector<ValueId> outputs) {
    Graph graph = finish(std::move(outputs));
    infer_shapes(graph, {}, {});
    return graph;
  }
};

inline std::vector<Op> ops(const Graph& graph) {
  std::vector<Op> result;
  for (const Node& node : graph.nodes) result.push_back(node.op);
  return result;
}

inline int count(const Graph& graph, Op op) {
  const std::vector<Op> all = ops(graph);
  return static_cast<int>(std::count(all.begin(), all.end(), op));
}

// Runs one pass and checks that the graph is still one.
inline int apply(int (*pass)(Graph&, const PassOptions&), Graph& graph,
                 const PassOptions& options = {}) {
  const int changes = pass(graph, options);
  verify(graph, true);
  return changes;
}

inline std::vector<float> floats(const Graph& graph, ValueId id) {
  const Tensor& t = *graph.value(id).constant;
  return {t.as<float>(), t.as<float>() + t.shape().elements()};
}

}  // namespace convoy::passes
