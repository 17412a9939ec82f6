// Scales and shifts into weights.
#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

TEST(FoldBatchNorm, GoesIntoWeightsAndBias) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 1, 2, 2});
  const ValueId w = b.constant(testing::make_tensor<float>({2, 1, 1, 1}, {2, 4}));
  const ValueId bias = b.constant(testing::make_tensor<float>({2}, {1, 1}));
  const ValueId y = b.add(Op::kConv, ConvAttrs{}, {x, w, bias});
  NormAttrs attrs;
  attrs.epsilon = 0;
  const auto two = [&](float a, float c) {
    return b.constant(testing::make_tensor<float>({2}, {a, c}));
  };
  const ValueId z = b.add(Op::kBatchNorm, attrs, {y, two(3, 1), two(5, 7), two(1, 2), two(4, 1)});
  Graph graph = b.done({z});
  EXPECT_EQ(apply(fold_batch_norm, graph), 1);
  ASSERT_EQ(ops(graph), std::vector{Op::kConv});
  EXPECT_EQ(graph.nodes[0].outputs[0], z);
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[1]), (std::vector{3.0f, 4.0f}));
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[2]), (std::vector{5.0f, 6.0f}));
}

TEST(FoldBatchNorm, TakesAWholeChainOfConstants) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 1, 2, 2});
  const ValueId w = b.constant(testing::make_tensor<float>({1, 1, 1, 1}, {2}));
  ValueId y = b.add(Op::kConv, ConvAttrs{}, {x, w});
  y = b.times(b.constant(testing::make_tensor<float>({1}, {3})), y);  // 6x
  y = b.plus(y, b.constant(testing::make_tensor<float>({1, 1, 1}, {1})));
  y = b.minus(y, b.scalar(5));  // 6x - 4
  y = b.over(y, b.scalar(2));   // 3x - 2
  y = b.minus(b.scalar(1), y);  // 3 - 3x
  Graph graph = b.done({y});
  apply(fold_batch_norm, graph);
  ASSERT_EQ(ops(graph), std::vector{Op::kConv});
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[1]), std::vector{-3.0f});
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[2]), std::vector{3.0f});
}

TEST(FoldBatchNorm, GroupedTransposedConvolution) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 2, 2});
  ConvTransposeAttrs attrs;
  attrs.groups = 2;
  const ValueId w = b.constant(testing::make_tensor<float>({4, 1, 1, 1}, {1, 2, 3, 4}));
  const ValueId y = b.add(Op::kConvTranspose, attrs, {x, w});
  const ValueId scale = b.constant(testing::make_tensor<float>({1, 2, 1, 1}, {10, 100}));
  Graph graph = b.done({b.times(y, scale)});
  apply(fold_batch_norm, graph);
  ASSERT_EQ(ops(graph), std::vector{Op::kConvTranspose});
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[1]), (std::vector{10.f, 20.f, 300.f, 400.f}));
}

TEST(FoldBatchNorm, SharedWeightsAreCopied) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 1, 2, 2});
  const ValueId w = b.constant(testing::make_tensor<float>({1, 1, 1, 1}, {2}));
  const ValueId one = b.add(Op::kConv, ConvAttrs{}, {x, w});
  const ValueId two = b.add(Op::kConv, ConvAttrs{}, {one, w});
  Graph graph = b.done({b.times(two, b.scalar(3))});
  apply(fold_batch_norm, graph);
  ASSERT_EQ(ops(graph), (std::vector{Op::kConv, Op::kConv}));
  EXPECT_EQ(floats(graph, graph.nodes[0].inputs[1]), std::vector{2.0f});
  EXPECT_EQ(floats(graph, graph.nodes[1].inputs[1]), std::vector{6.0f});
}

// A conv of 4 channels and what follows; true when anything was folded.
template <class F>
bool folds(F&& after) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 4, 4});
  Graph graph = b.done(after(b, x, b.conv(x, 4, 4)));
  return apply(fold_batch_norm, graph) > 0;
}

TEST(FoldBatchNorm, Refuses) {
  using B = Builder&;
  using Outs = std::vector<ValueId>;
  EXPECT_TRUE(folds([](B b, ValueId, ValueId y) { return Outs{b.batch_norm(y, 4)}; }));
  EXPECT_FALSE(folds([](B b, ValueId, ValueId y) {
    return Outs{b.batch_norm(y, 4), y};
  })) << "the convolution is a graph output";
  EXPECT_FALSE(folds([](B b, ValueId, ValueId y) { return Outs{b.plus(b.batch_norm(y, 4), y)}; }))
      << "it has another reader";
  EXPECT_FALSE(folds([](B b, ValueId, ValueId y) {
    return Outs{b.batch_norm(b.unary(UnaryKind::kRelu, y), 4)};
  })) << "an activation lies in between";
  EXPECT_FALSE(folds([](B b, ValueId, ValueId y) { return Outs{b.times(y, b.weights({4}))}; }))
      << "along columns, not channels";
  EXPECT_FALSE(folds([](B b, ValueId, ValueId y) {
    return Outs{b.plus(y, b.weights({2, 1, 1, 1}))};
  })) << "enlarges the batch";
  EXPECT_FALSE(folds([](B b, ValueId x, ValueId y) { return Outs{b.times(y, x)}; }))
      << "not a constant";
  EXPECT_FALSE(folds([](B b, ValueId, ValueId y) { return Outs{b.over(y, b.scalar(0))}; }))
      << "not finite";
  EXPECT_FALSE(folds([](B b, ValueId, ValueId y) { return Outs{b.over(b.scalar(1), y)}; }));
}

TEST(FoldBatchNorm, RefusesWeightsThatAreNotKnown) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 4, 4}), w = b.input("w", Shape{4, 4, 1, 1});
  Graph graph = b.done({b.batch_norm(b.add(Op::kConv, ConvAttrs{}, {x, w}), 4)});
  EXPECT_EQ(apply(fold_batch_norm, graph), 0);
}

TEST(FoldBatchNorm, RefusesTheTrainingForm) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 4, 4});
  const ValueId y = b.batch_norm(b.conv(x, 4, 4), 4);
  Graph graph = b.done({y});
  const ValueId mean = graph.add_value("mean", DType::kF32);
  graph.value(mean).shape = Shape{4};
  graph.nodes.back().outputs.push_back(mean);
  EXPECT_EQ(apply(fold_batch_norm, graph), 0);
}

TEST(FoldBatchNorm, RefusesDoublePrecision) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 1, 2, 2}, DType::kF64);
  const ValueId w = b.constant(testing::make_tensor<double>({1, 1, 1, 1}, {2}));
  const ValueId y = b.add(Op::kConv, ConvAttrs{}, {x, w});
  const ValueId two = b.constant(testing::make_tensor<double>({}, {2}));
  Graph graph = b.done({b.times(y, two)});
  EXPECT_EQ(apply(fold_batch_norm, graph), 0);
}

TEST(HoistScales, MovesPositiveScalesBeforeTheActivation) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 4, 4});
  const ValueId act = b.unary(UnaryKind::kHardSwish, b.conv(x, 4, 4), 0.5f, 0.25f);
  Graph graph = b.done({b.times(act, b.scalar(2))});
  EXPECT_EQ(apply(hoist_scales, graph), 1);
  ASSERT_EQ(ops(graph), (std::vector{Op::kConv, Op::kBinary, Op::kUnary}));
  EXPECT_EQ(graph.nodes[2].as<Unary>(), (Unary{UnaryKind::kHardSwish, 0.25f, 0.25f}));
}

TEST(HoistScales, Refuses) {
  const auto hoists = [](UnaryKind kind, ValueId (*scale)(Builder&), bool from_conv = true) {
    Builder b;
    const ValueId x = b.input("x", Shape{1, 4, 4, 4});
    const ValueId act = b.unary(kind, from_conv ? b.conv(x, 4, 4) : x, 1, 2);
    Graph graph = b.done({b.times(act, scale(b))});
    return apply(hoist_scales, graph) > 0;
  };
  const auto two = [](Builder& b) { return b.scalar(2); };
  const auto minus = [](Builder& b) { return b.scalar(-2); };
  const auto channels = [](Builder& b) { return b.weights({4, 1, 1}); };
  EXPECT_TRUE(hoists(UnaryKind::kRelu, two));
  EXPECT_TRUE(hoists(UnaryKind::kRelu, channels));
  EXPECT_TRUE(hoists(UnaryKind::kClip, two));
  EXPECT_FALSE(hoists(UnaryKind::kRelu, minus));
  EXPECT_FALSE(hoists(UnaryKind::kClip, channels));
  EXPECT_FALSE(hoists(UnaryKind::kHardSwish, channels));
  EXPECT_FALSE(hoists(UnaryKind::kSilu, two));
  EXPECT_FALSE(hoists(UnaryKind::kRelu, two, false)) << "no weights to go to";
}

TEST(FoldIntoNext, ShiftAndScaleGoIntoAnUnpaddedConvolution) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 2, 2});
  const ValueId act = b.unary(UnaryKind::kSilu, x);
  const ValueId y =
      b.plus(b.times(act, b.scalar(2)), b.constant(testing::make_tensor<float>({2, 1, 1}, {1, 3})));
  const ValueId w = b.constant(testing::make_tensor<float>({1, 2, 1, 1}, {10, 100}));
  Graph graph = b.done({b.add(Op::kConv, ConvAttrs{}, {y, w})});
  EXPECT_EQ(apply(fold_into_next, graph), 2);
  ASSERT_EQ(ops(graph), (std::vector{Op::kUnary, Op::kConv}));
  EXPECT_EQ(floats(graph, graph.nodes[1].inputs[1]), (std::vector{20.f, 200.f}));
  EXPECT_EQ(floats(graph, graph.nodes[1].inputs[2]), std::vector{310.f});
}

TEST(FoldIntoNext, GroupsReadTheirOwnChannels) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 2, 2});
  const ValueId y = b.times(x, b.constant(testing::make_tensor<float>({1, 2, 1, 1}, {3, 5})));
  ConvAttrs attrs;
  attrs.groups = 2;
  const ValueId w = b.constant(testing::make_tensor<float>({4, 1, 1, 1}, {1, 2, 3, 4}));
  Graph graph = b.done({b.add(Op::kConv, attrs, {y, w})});
  apply(fold_into_next, graph);
  EXPECT_EQ(floats(graph, graph.nodes.back().inputs[1]), (std::vector{3.f, 6.f, 15.f, 20.f}));
  EXPECT_EQ(graph.nodes.back().input(2), kNoValue);
}

TEST(FoldIntoNext, AShiftStopsAtPadding) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  Graph graph = b.done({b.conv(b.plus(x, b.scalar(1)), 2, 2, 3)});
  EXPECT_EQ(apply(fold_into_next, graph), 0);
}

TEST(FoldIntoNext, AnotherReaderKeepsIt) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  const ValueId y = b.times(x, b.scalar(2));
  Graph graph = b.done({b.conv(y, 2, 2), y});
  EXPECT_EQ(apply(fold_into_next, graph), 0);
}

TEST(FoldIntoNext, BatchNormWithoutConvolutionBecomesProductAndSum) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  const ValueId y = b.batch_norm(b.unary(UnaryKind::kRelu, x), 2);
  Graph graph = b.done({b.unary(UnaryKind::kTanh, y)});
  apply(fold_into_next, graph);
  ASSERT_EQ(ops(graph), (std::vector{Op::kUnary, Op::kBinary, Op::kBinary, Op::kUnary}));
  EXPECT_EQ(graph.nodes[1].as<BinaryAttrs>().kind, BinaryKind::kMul);
  EXPECT_EQ(graph.nodes[2].outputs[0], y);
  EXPECT_EQ(graph.value(graph.nodes[1].inputs[1]).constant->shape(), (Shape{1, 2, 1, 1}));
}

}  // namespace
}  // namespace convoy::passes
