#include "graph/infer.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "tests/support/graph_builder.h"

namespace convoy::testing {
namespace {

using ::testing::HasSubstr;

std::string shape_of(const Graph& graph, ValueId id) { return to_string(*graph.value(id).shape); }

std::string refusal(Graph graph, const Bindings& bindings, const Evaluate& evaluate = {}) {
  try {
    infer_shapes(graph, bindings, evaluate);
    return "accepted";
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
}

// batch x 3 x height x width -> itself.
Graph image_graph(ValueId* out = nullptr) {
  GraphBuilder b;
  const ValueId in =
      b.input("image", std::vector<Dim>{{-1, "batch"}, {3, {}}, {-1, "height"}, {-1, "width"}});
  const ValueId y = b.add(Op::kUnary, Unary{UnaryKind::kRelu}, {in});
  if (out) *out = y;
  return b.finish({y});
}

// Enough arithmetic for the shape computations below: gathers, products and concatenations of s64.
void evaluate_s64(const Node& node, std::span<const TensorView> inputs,
                  std::span<const TensorView> outputs) {
  std::int64_t* y = outputs[0].as<std::int64_t>();
  if (node.op == Op::kGather) {
    *y = inputs[0].as<std::int64_t>()[*inputs[1].as<std::int64_t>()];
  } else if (node.op == Op::kBinary) {
    *y = *inputs[0].as<std::int64_t>() * *inputs[1].as<std::int64_t>();
  } else if (node.op == Op::kConcat) {
    for (const TensorView& x : inputs) {
      for (std::int64_t i = 0; i < x.elements(); ++i) *y++ = x.as<std::int64_t>()[i];
    }
  } else if (node.op == Op::kUnsqueeze) {
    *y = *inputs[0].as<std::int64_t>();
  } else if (node.op == Op::kConstantOfShape) {
    std::fill_n(outputs[0].as<float>(), outputs[0].elements(), 0.0f);
  } else {
    fail(ErrorCode::kUnsupported, "this test does not compute it");
  }
}

TEST(Bindings, ShapesSymbolsAndDefaults) {
  ValueId y = kNoValue;
  Graph g = image_graph(&y);
  infer_shapes(g, {.symbols = {{"height", 8}, {"width", 9}}}, {});
  EXPECT_EQ(shape_of(g, y), "1x3x8x9");
  g = image_graph();
  infer_shapes(g, {.symbols = {{"height", 8}, {"width", 9}}, .default_extent = 4}, {});
  EXPECT_EQ(shape_of(g, y), "4x3x8x9");
  g = image_graph();
  infer_shapes(g, {.shapes = {{"image", {2, 3, 4, 5}}}}, {});
  EXPECT_EQ(shape_of(g, y), "2x3x4x5");
}

TEST(Bindings, RefuseWhatContradicts) {
  EXPECT_THAT(refusal(image_graph(), {}),
              HasSubstr("input 'image': dimension 2 ('height') is not fixed; bind it"));
  EXPECT_THAT(refusal(image_graph(), {.shapes = {{"x", {1}}}}),
              HasSubstr("no input 'x'; its inputs are: 'image'"));
  EXPECT_THAT(refusal(image_graph(), {.values = {{"y", make_s64({1})}}}),
              HasSubstr("no input 'y'"));
  EXPECT_THAT(refusal(image_graph(), {.symbols = {{"depth", 1}}}),
              HasSubstr("named dimensions are: 'batch', 'height', 'width'"));
  EXPECT_THAT(refusal(image_graph(), {.symbols = {{"batch", 0}}}), HasSubstr("bound to 0"));
  EXPECT_THAT(refusal(image_graph(), {.shapes = {{"image", {1, 3, 4}}}}), HasSubstr("has rank 4"));
  EXPECT_THAT(refusal(image_graph(), {.shapes = {{"image", {1, 4, 4, 4}}}}),
              HasSubstr("bound to 1x4x4x4, but its dimension 1 is fixed to 3"));
  EXPECT_THAT(
      refusal(image_graph(), {.shapes = {{"image", {1, 3, 4, 4}}}, .symbols = {{"batch", 2}}}),
      HasSubstr("dimension 0 ('batch') is fixed to 2"));
  EXPECT_THAT(refusal(image_graph(), {.values = {{"image", make_s64({1})}}}), HasSubstr("rank 4"));

  GraphBuilder b;
  const ValueId fixed = b.input("x", Shape{1, 3});
  EXPECT_THAT(refusal(b.finish({fixed}), {.shapes = {{"x", {2, 3}}}}),
              HasSubstr("dimension 0 is fixed to 1"));
  GraphBuilder unknown;
  const ValueId id = unknown.graph.add_value("x", DType::kF32);
  unknown.graph.inputs = {id};
  EXPECT_THAT(refusal(unknown.finish({id}), {}), HasSubstr("has no shape in the file; bind it"));
}

TEST(Bindings, ASymbolHasOneExtentThroughout) {
  GraphBuilder b;
  const ValueId x = b.input("x", std::vector<Dim>{{-1, "n"}, {-1, "m"}});
  const ValueId y = b.input("y", std::vector<Dim>{{-1, "m"}, {-1, "n"}});
  Graph g = b.finish({x, y});
  Graph bound = g;
  infer_shapes(bound, {.shapes = {{"x", {4, 5}}}}, {});
  EXPECT_EQ(shape_of(bound, y), "5x4");
  EXPECT_THAT(refusal(g, {.shapes = {{"x", {4, 5}}, {"y", {4, 5}}}}),
              HasSubstr("dimension 0 ('m') is fixed to 5"));
  // Both are somebody's first dimension, so both have the default.
  infer_shapes(g, {}, {});
  EXPECT_EQ(shape_of(g, y), "1x1");
}

TEST(Bindings, HugeInputsAreRefused) {
  EXPECT_THAT(refusal(image_graph(), {.shapes = {{"image", {1 << 20, 3, 1 << 10, 1 << 10}}}}),
              HasSubstr("would take 12.0 TiB"));
}

// x -> reshape to [x.shape[0] * 3, 4], as exporters write it.
Graph reshape_graph(ValueId* out) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{2, 3, 4});
  const ValueId shape = b.add(Op::kShape, ShapeAttrs{}, {x});
  const ValueId n =
      b.add(Op::kGather, AxisAttrs{0}, {shape, b.constant(make_tensor<std::int64_t>({}, {0}))});
  const ValueId n3 = b.add(Op::kBinary, BinaryAttrs{BinaryKind::kMul, {}},
                           {n, b.constant(make_tensor<std::int64_t>({}, {3}))});
  const ValueId list = b.add(Op::kUnsqueeze, {}, {n3, b.ints({0})});
  const ValueId target = b.add(Op::kConcat, AxisAttrs{0}, {list, b.ints({4})});
  *out = b.add(Op::kReshape, ReshapeAttrs{}, {x, target});
  return b.finish({*out});
}

TEST(Folding, ShapeArithmeticDisappears) {
  ValueId y = kNoValue;
  Graph g = reshape_graph(&y);
  infer_shapes(g, {}, evaluate_s64);
  verify(g, true);
  EXPECT_EQ(shape_of(g, y), "6x4");
  ASSERT_EQ(g.nodes.size(), 1u);
  EXPECT_EQ(g.nodes[0].op, Op::kReshape);
}

TEST(Folding, WithoutAnEvaluatorTheMessageSaysSo) {
  ValueId y = kNoValue;
  EXPECT_THAT(refusal(reshape_graph(&y), {}),
              HasSubstr("the target shape is decided by 'v13', whose contents are not computed: "
                        "node 'n3' (Gather): no evaluator is given"));
}

TEST(Folding, BoundContentsDecideShapes) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{6});
  const ValueId target = b.input("target", Shape{2}, DType::kS64);
  const ValueId y = b.add(Op::kReshape, ReshapeAttrs{}, {x, target});
  Graph g = b.finish({y});
  EXPECT_THAT(refusal(g, {}), HasSubstr("decided by 'target', whose contents are not known"));
  EXPECT_THAT(refusal(g, {.values = {{"target", make_tensor<float>({2}, {2, 3})}}}),
              HasSubstr("contents of type f32, expected s64"));
  infer_shapes(g, {.values = {{"target", make_s64({2, -1})}}}, {});
  EXPECT_EQ(shape_of(g, y), "2x3");
}

TEST(Folding, LargeResultsStayNodes) {
  const auto fill = [] {
    GraphBuilder b;
    const ValueId y = b.add(Op::kConstantOfShape, FillAttrs{}, {b.ints({1024})});
    const ValueId z = b.add(Op::kConstantOfShape, FillAttrs{}, {b.ints({1024})});
    return b.finish({y, z});
  };
  Graph g = fill();
  infer_shapes(g, {}, evaluate_s64);
  EXPECT_EQ(g.nodes.size(), 0u);
  g = fill();
  infer_shapes(g, {}, evaluate_s64, {.max_folded_bytes = 4095});
  EXPECT_EQ(g.nodes.size(), 2u);
  g = fill();
  infer_shapes(g, {}, evaluate_s64, {.max_total_folded_bytes = 8000});
  EXPECT_EQ(g.nodes.size(), 1u);
}

TEST(Folding, WhatNoKernelComputesStaysANode) {
  GraphBuilder b;
  const ValueId y = b.add(Op::kCast, CastAttrs{DType::kU16}, {b.ints({1})});
  Graph g = b.finish({y});
  infer_shapes(g, {}, evaluate_s64);
  EXPECT_EQ(g.nodes.size(), 1u);
}

TEST(Shapes, OfARange) {
  const auto shape = [](std::int64_t start, std::int64_t end) {
    GraphBuilder b;
    const ValueId x = b.input("x", Shape{2, 3, 4});
    const ValueId y = b.add(Op::kShape, ShapeAttrs{start, end}, {x});
    Graph g = b.finish({y});
    infer_shapes(g, {}, {});
    const Value& v = g.value(y);
    std::string text;
    for (std::int64_t i = 0; i < v.shape->elements(); ++i) {
      text += std::to_string(v.constant->as<std::int64_t>()[i]) + " ";
    }
    return text;
  };
  EXPECT_EQ(shape(0, INT64_MAX), "2 3 4 ");
  EXPECT_EQ(shape(-2, INT64_MAX), "3 4 ");
  EXPECT_EQ(shape(0, -1), "2 3 ");
  EXPECT_EQ(shape(2, 1), "");
  EXPECT_EQ(shape(-9, 1), "2 ");
}

}  // namespace
}  // namespace convoy::testing
