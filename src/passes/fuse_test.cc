// Epilogues.
#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

using Residual = Epilogue::Residual;

const Epilogue& epilogue(const Node& node) { return node.as<ConvAttrs>().epilogue; }

TEST(FuseEpilogues, ActivationGoesIntoEveryKindOfMaker) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4}), m = b.input("m", Shape{2, 3});
  const ValueId conv = b.unary(UnaryKind::kHardSwish, b.conv(x, 2, 2), 0.5f, 0.25f);
  const ValueId transposed =
      b.unary(UnaryKind::kSigmoid,
              b.add(Op::kConvTranspose, ConvTransposeAttrs{}, {x, b.weights({2, 2, 1, 1})}));
  const ValueId gemm =
      b.unary(UnaryKind::kGelu, b.add(Op::kGemm, GemmAttrs{}, {m, b.weights({3, 3})}));
  const ValueId binary = b.unary(UnaryKind::kRelu, b.times(x, x));
  Graph graph = b.done({conv, transposed, gemm, binary});
  EXPECT_EQ(apply(fuse_epilogues, graph), 4);
  ASSERT_EQ(ops(graph), (std::vector{Op::kConv, Op::kConvTranspose, Op::kGemm, Op::kBinary}));
  EXPECT_EQ(epilogue(graph.nodes[0]).activation, (Unary{UnaryKind::kHardSwish, 0.5f, 0.25f}));
  EXPECT_EQ(graph.nodes[0].outputs[0], conv);
  EXPECT_EQ(graph.nodes[1].as<ConvTransposeAttrs>().activation.kind, UnaryKind::kSigmoid);
  EXPECT_EQ(graph.nodes[2].as<GemmAttrs>().activation.kind, UnaryKind::kGelu);
  EXPECT_EQ(graph.nodes[3].as<BinaryAttrs>().activation.kind, UnaryKind::kRelu);
}

TEST(FuseEpilogues, ActivationIsKeptApart) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  const ValueId seen = b.conv(x, 2, 2), read = b.conv(x, 2, 2);
  const ValueId twice = b.unary(UnaryKind::kTanh, b.unary(UnaryKind::kRelu, b.conv(x, 2, 2)));
  Graph graph =
      b.done({b.unary(UnaryKind::kRelu, seen), seen, b.plus(b.unary(UnaryKind::kRelu, read), read),
              b.unary(UnaryKind::kSqrt, b.conv(x, 2, 2)), twice});
  EXPECT_EQ(apply(fuse_epilogues, graph), 1);
  EXPECT_EQ(count(graph, Op::kUnary), 4) << "an output, two readers, no activation, a second one";
}

TEST(FuseEpilogues, ResidualBeforeAndAfterActivation) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  const ValueId before = b.unary(UnaryKind::kRelu, b.plus(x, b.conv(x, 2, 2)));
  const ValueId after = b.plus(b.unary(UnaryKind::kRelu, b.conv(before, 2, 2, 3, true)), before);
  Graph graph = b.done({after});
  EXPECT_EQ(apply(fuse_epilogues, graph), 4);
  ASSERT_EQ(ops(graph), (std::vector{Op::kConv, Op::kConv}));
  EXPECT_EQ(epilogue(graph.nodes[0]).residual, Residual::kBeforeActivation);
  EXPECT_EQ(epilogue(graph.nodes[0]).activation.kind, UnaryKind::kRelu);
  EXPECT_EQ(graph.nodes[0].input(2), kNoValue);
  EXPECT_EQ(graph.nodes[0].input(3), x);
  EXPECT_EQ(epilogue(graph.nodes[1]).residual, Residual::kAfterActivation);
  EXPECT_EQ(graph.nodes[1].input(3), before);
}

TEST(FuseEpilogues, ActivationBehindAResidualThatCameAfterOneStays) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  const ValueId sum = b.plus(b.unary(UnaryKind::kSilu, b.conv(x, 2, 2)), x);
  Graph graph = b.done({b.unary(UnaryKind::kRelu, sum)});
  apply(fuse_epilogues, graph);
  EXPECT_EQ(ops(graph), (std::vector{Op::kConv, Op::kUnary}));
}

TEST(FuseEpilogues, OfTwoConvolutionsTheLaterTakesTheOther) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  const ValueId shortcut = b.conv(x, 2, 2);
  const ValueId main = b.conv(b.conv(x, 2, 2, 3), 2, 2);
  Graph graph = b.done({b.unary(UnaryKind::kRelu, b.plus(shortcut, main))});
  apply(fuse_epilogues, graph);
  ASSERT_EQ(ops(graph), (std::vector{Op::kConv, Op::kConv, Op::kConv}));
  EXPECT_EQ(graph.nodes[2].input(3), shortcut);
  EXPECT_EQ(epilogue(graph.nodes[2]).activation.kind, UnaryKind::kRelu);
}

TEST(FuseEpilogues, AResidualMadeFromTheConvolutionItselfStaysOutside) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  const ValueId y = b.conv(x, 2, 2);
  Graph graph = b.done({b.plus(y, b.unary(UnaryKind::kSqrt, y))});
  EXPECT_EQ(apply(fuse_epilogues, graph), 0);
}

TEST(FuseEpilogues, AResidualMadeLaterThanTheConvolutionIsWaitedFor) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 4, 4});
  const ValueId y = b.conv(x, 2, 2);
  const ValueId late = b.unary(UnaryKind::kSqrt, x);
  Graph graph = b.done({b.plus(y, late)});
  apply(fuse_epilogues, graph);
  ASSERT_EQ(ops(graph), (std::vector{Op::kUnary, Op::kConv}));
  EXPECT_EQ(graph.nodes[1].input(3), late);
}

TEST(FuseEpilogues, NoResidual) {
  using B = Builder&;
  const auto fuses = [](ValueId (*sum)(B, ValueId, ValueId)) {
    Builder b;
    const ValueId x = b.input("x", Shape{1, 2, 4, 4});
    Graph graph = b.done({sum(b, x, b.conv(x, 2, 2))});
    return apply(fuse_epilogues, graph) > 0;
  };
  EXPECT_TRUE(fuses([](B b, ValueId x, ValueId y) { return b.plus(x, y); }));
  EXPECT_FALSE(fuses([](B b, ValueId x, ValueId y) { return b.plus(y, b.global_average(x)); }))
      << "broadcasts";
  EXPECT_FALSE(fuses([](B b, ValueId x, ValueId y) { return b.times(x, y); }));
  EXPECT_FALSE(fuses([](B b, ValueId x, ValueId y) { return b.minus(x, y); }));
  EXPECT_FALSE(fuses([](B b, ValueId, ValueId y) { return b.plus(y, y); }));
  EXPECT_FALSE(fuses([](B b, ValueId, ValueId y) {
    return b.plus(y, b.weights({1, 2, 4, 4}));
  })) << "a constant";
}

}  // namespace
}  // namespace convoy::passes
