#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

TEST(FoldLinear, MatMulBecomesGemm) {
  Builder b;
  const ValueId x = b.input("x", Shape{3, 2});
  const ValueId w = b.constant(testing::make_tensor<float>({2, 2}, {1, 2, 3, 4}));
  const ValueId y = b.add(Op::kMatMul, {}, {x, w});
  const ValueId bias = b.constant(testing::make_tensor<float>({2}, {5, 6}));
  Graph graph = b.done({b.plus(b.times(y, b.scalar(2)), bias)});
  apply(fold_linear, graph);
  ASSERT_EQ(ops(graph), std::vector{Op::kGemm});
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[1]), (std::vector{2.f, 4.f, 6.f, 8.f}));
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[2]), (std::vector{5.f, 6.f}));
}

TEST(FoldLinear, GemmWithTransposedWeightsAndFactors) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 1});
  GemmAttrs attrs;
  attrs.transpose_b = true;
  attrs.alpha = 3;
  attrs.beta = 2;
  const ValueId w = b.constant(testing::make_tensor<float>({2, 1}, {1, 2}));
  const ValueId c = b.constant(testing::make_tensor<float>({2}, {1, 1}));
  const ValueId scale = b.constant(testing::make_tensor<float>({2}, {10, 100}));
  Graph graph = b.done({b.times(b.add(Op::kGemm, attrs, {x, w, c}), scale)});
  apply(fold_linear, graph);
  ASSERT_EQ(ops(graph), std::vector{Op::kGemm});
  EXPECT_EQ(graph.nodes[0].as<GemmAttrs>().alpha, 3);
  EXPECT_EQ(graph.nodes[0].as<GemmAttrs>().beta, 1);
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[1]), (std::vector{10.f, 200.f}));
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[2]), (std::vector{20.f, 200.f}));
}

TEST(FoldLinear, RowsOfMoreDimensionsAreFlattened) {
  Builder b;
  const ValueId x = b.input("x", Shape{2, 3, 4});
  const ValueId y = b.add(Op::kMatMul, {}, {x, b.weights({4, 5})});
  const ValueId act = b.unary(UnaryKind::kSilu, b.plus(y, b.weights({5})));
  Graph graph = b.done({act});
  EXPECT_EQ(apply(fold_linear, graph), 1);
  ASSERT_EQ(ops(graph), (std::vector{Op::kReshape, Op::kGemm, Op::kReshape, Op::kUnary}));
  EXPECT_EQ(*graph.value(graph.nodes[1].outputs[0]).shape, (Shape{6, 5}));
  EXPECT_EQ(*graph.value(graph.nodes[2].outputs[0]).shape, (Shape{2, 3, 5}));
  EXPECT_EQ(apply(fuse_epilogues, graph), 1);
  ASSERT_EQ(ops(graph), (std::vector{Op::kReshape, Op::kGemm, Op::kReshape}));
  EXPECT_EQ(graph.nodes[1].as<GemmAttrs>().activation.kind, UnaryKind::kSilu);
  EXPECT_EQ(graph.nodes[2].outputs[0], act);
}

TEST(FoldLinear, Refuses) {
  using B = Builder&;
  const auto folds = [](std::vector<ValueId> (*after)(B, ValueId, ValueId)) {
    Builder b;
    const ValueId x = b.input("x", Shape{2, 3, 4});
    Graph graph = b.done(after(b, x, b.add(Op::kMatMul, {}, {x, b.weights({4, 4})})));
    return apply(fold_linear, graph) > 0;
  };
  using Outs = std::vector<ValueId>;
  EXPECT_TRUE(folds([](B b, ValueId, ValueId y) { return Outs{b.plus(y, b.weights({4}))}; }));
  EXPECT_FALSE(folds([](B b, ValueId, ValueId y) { return Outs{b.plus(y, b.weights({4})), y}; }));
  EXPECT_FALSE(folds([](B b, ValueId, ValueId y) { return Outs{b.plus(y, b.weights({3, 1}))}; }));
  EXPECT_FALSE(folds([](B b, ValueId x, ValueId y) { return Outs{b.plus(y, x)}; }));
  EXPECT_FALSE(folds([](B, ValueId, ValueId y) { return Outs{y}; }));
}

TEST(FoldLinear, RefusesBatchesOfWeights) {
  Builder b;
  const ValueId x = b.input("x", Shape{2, 3, 4});
  const ValueId y = b.add(Op::kMatMul, {}, {x, b.weights({2, 4, 4})});
  Graph graph = b.done({b.plus(y, b.weights({4}))});
  EXPECT_EQ(apply(fold_linear, graph), 0);
}

}  // namespace
}  // namespace convoy::passes
