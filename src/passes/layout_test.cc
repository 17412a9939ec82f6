// Memory orders and the copies between them.
#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

Layout layout_of(const Graph& graph, std::size_t node) {
  return graph.value(graph.nodes[node].outputs[0]).layout;
}

TEST(AssignLayouts, BordersOnly) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 3, 8, 8});
  const ValueId y = b.unary(UnaryKind::kSqrt, b.conv(x, 3, 4, 3));
  const ValueId z = b.times(y, b.weights({1, 4, 1, 1}));
  const ValueId out = b.plus(b.conv(z, 4, 4), y);
  Graph graph = b.done({out});
  EXPECT_EQ(apply(assign_layouts, graph), 2);
  ASSERT_EQ(ops(graph), (std::vector{Op::kReorder, Op::kConv, Op::kUnary, Op::kBinary, Op::kConv,
                                     Op::kBinary, Op::kReorder}));
  for (std::size_t n = 0; n + 1 < graph.nodes.size(); ++n) {
    EXPECT_EQ(layout_of(graph, n), Layout::kNhwc) << n;
  }
  EXPECT_EQ(graph.outputs, std::vector{out});
  EXPECT_EQ(graph.value(out).layout, Layout::kNchw);
  EXPECT_EQ(graph.value(x).layout, Layout::kNchw);
  EXPECT_EQ(graph.nodes.back().outputs[0], out);
  EXPECT_EQ(apply(assign_layouts, graph), 0) << "once is enough";
}

TEST(AssignLayouts, NothingWithoutConvolutionOrPool) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 3, 8, 8});
  Graph graph = b.done({b.plus(b.unary(UnaryKind::kRelu, x), x)});
  EXPECT_EQ(apply(assign_layouts, graph), 0);
}

TEST(AssignLayouts, OneCopyServesAllReaders) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 3, 8, 8});
  const ValueId y = b.conv(x, 3, 4), z = b.conv(x, 3, 4);
  const ValueId sum = b.plus(y, z);
  const auto flat = [&] { return b.add(Op::kReshape, ReshapeAttrs{}, {sum, b.ints({1, 256})}); };
  Graph graph = b.done({flat(), b.add(Op::kSoftmax, AxisAttrs{1}, {sum}), sum});
  EXPECT_EQ(apply(assign_layouts, graph), 2);
}

TEST(AssignLayouts, ValuesReadInBothOrdersAreMadeOnce) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 8, 8});
  const ValueId y = b.conv(x, 4, 4);
  const ValueId soft = b.add(Op::kSoftmax, AxisAttrs{1}, {y});
  Graph graph = b.done({b.conv(y, 4, 4), soft});
  EXPECT_EQ(apply(assign_layouts, graph), 3);
}

TEST(AssignLayouts, OperandsOfOneNodeAgree) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 8, 8});
  const ValueId soft = b.add(Op::kSoftmax, AxisAttrs{1}, {x});
  const ValueId joined =
      b.add(Op::kConcat, AxisAttrs{1}, {b.conv(x, 4, 4), soft, b.conv(soft, 4, 4)});
  Graph graph = b.done({b.conv(joined, 12, 4)});
  apply(assign_layouts, graph);
  for (const Node& node : graph.nodes) {
    if (node.op != Op::kConcat) continue;
    for (ValueId v : node.inputs) EXPECT_EQ(graph.value(v).layout, Layout::kNhwc);
  }
}

TEST(AssignLayouts, AResidualHasTheOrderOfItsConvolution) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 8, 8});
  const ValueId soft = b.add(Op::kSoftmax, AxisAttrs{1}, {x});
  const ValueId y = b.unary(UnaryKind::kRelu, b.plus(soft, b.conv(x, 4, 4)));
  Graph graph = b.done({y});
  apply(fuse_epilogues, graph);
  apply(assign_layouts, graph);
  ASSERT_EQ(graph.nodes[graph.nodes.size() - 2].op, Op::kConv);
  const ValueId residual = graph.nodes[graph.nodes.size() - 2].input(3);
  EXPECT_EQ(graph.value(residual).layout, Layout::kNhwc);
}

TEST(AssignLayouts, FollowersSwitchWhereLeastIsCopied) {
  // The small map is brought to the large one's order, not the other way round.
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 8, 8});
  const ValueId small = b.global_average(b.conv(x, 4, 4));
  const ValueId large = b.add(Op::kSoftmax, AxisAttrs{1}, {x});
  Graph graph = b.done({b.times(large, small)});
  apply(assign_layouts, graph);
  ASSERT_EQ(ops(graph).back(), Op::kBinary);
  EXPECT_EQ(layout_of(graph, graph.nodes.size() - 1), Layout::kNchw);
}

TEST(AssignLayouts, ReductionsOverChannelsAndDroppedAxesStayInOnnxOrder) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 8, 8});
  ReduceAttrs dropped;
  dropped.keep_dims = false;
  const ValueId y = b.conv(x, 4, 4);
  Graph graph = b.done({b.add(Op::kReduce, ReduceAttrs{}, {y, b.ints({1})}),
                        b.add(Op::kReduce, dropped, {y, b.ints({2, 3})})});
  apply(assign_layouts, graph);
  for (const Node& node : graph.nodes) {
    if (node.op == Op::kReduce) {
      EXPECT_EQ(graph.value(node.inputs[0]).layout, Layout::kNchw);
    }
  }
}

TEST(AssignLayouts, WeightsMadeByANodeStayInOnnxOrder) {
  Builder b;
  const ValueId x = b.input("x", Shape{4, 4, 3, 3});
  const ValueId w = b.conv(x, 4, 4, 3);
  Graph graph = b.done({b.add(Op::kConv, ConvAttrs{}, {x, w})});
  apply(assign_layouts, graph);
  EXPECT_EQ(graph.value(graph.nodes[graph.nodes.size() - 2].inputs[1]).layout, Layout::kNchw);
}

}  // namespace
}  // namespace convoy::passes
