// What a graph computes before and after all passes, on reference kernels: the patterns of the
// models that the passes were written for, at small sizes.
#include <cmath>
#include <memory>

#include "kernels/registry.h"
#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

using Buffers = std::vector<ConstTensor>;

void evaluate(const Node& node, std::span<const TensorView> inputs,
              std::span<const TensorView> outputs) {
  const auto absent = std::make_unique<bool[]>(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) absent[i] = node.inputs[i] == kNoValue;
  evaluate_reference({node.op, &node.attrs, inputs, {absent.get(), inputs.size()}, outputs}, inputs,
                     outputs);
}

// Inputs are filled with a fixed spread of values in [-4, 4].
Buffers run(const Graph& graph) {
  Buffers at(graph.values.size());
  const auto tensor = [&](ValueId v) -> ConstTensor& { return at[static_cast<std::size_t>(v)]; };
  const auto make = [&](ValueId v) {
    const Value& value = graph.value(v);
    tensor(v) = std::make_shared<Tensor>(value.dtype, *value.shape, value.layout);
  };
  for (std::size_t v = 0; v < at.size(); ++v) at[v] = graph.values[v].constant;
  for (ValueId v : graph.inputs) {
    make(v);
    for (std::int64_t i = 0; i < tensor(v)->shape().elements(); ++i) {
      tensor(v)->as<float>()[i] = static_cast<float>((i * 37 + 11) % 101) / 12.5f - 4;
    }
  }
  for (const Node& node : graph.nodes) {
    std::vector<TensorView> inputs, outputs;
    for (ValueId v : node.inputs) {
      inputs.push_back(v == kNoValue ? TensorView{} : tensor(v)->view());
    }
    for (ValueId v : node.outputs) {
      make(v);
      outputs.push_back(tensor(v)->view());
    }
    evaluate(node, inputs, outputs);
  }
  Buffers results;
  for (ValueId v : graph.outputs) results.push_back(tensor(v));
  return results;
}

// Runs all passes and compares; returns the graph they made.
Graph same_results(Graph graph) {
  const Buffers before = run(graph);
  std::vector<std::string> names;
  for (ValueId v : graph.outputs) names.push_back(graph.value(v).name);
  run_passes(graph, {{}, evaluate});
  const Buffers after = run(graph);
  for (std::size_t o = 0; o < before.size(); ++o) {
    EXPECT_EQ(graph.value(graph.outputs[o]).name, names[o]);
    EXPECT_EQ(after[o]->view().layout, Layout::kNchw);
    double scale = 0, worst = 0;
    for (std::int64_t i = 0; i < before[o]->shape().elements(); ++i) {
      const double a = static_cast<double>(before[o]->as<float>()[i]);
      scale = std::max(scale, std::fabs(a));
      worst = std::max(worst, std::fabs(a - static_cast<double>(after[o]->as<float>()[i])));
    }
    EXPECT_GT(scale, 0) << "a test of zeros tests nothing";
    EXPECT_LE(worst, 4e-6 * scale) << names[o];
  }
  return graph;
}

// x * clip(x + 3, 0, 6) / 6
ValueId hard_swish(Builder& b, ValueId x) {
  const ValueId gate = b.clip(b.plus(x, b.scalar(3)), 0, 6);
  return b.over(b.times(x, gate), b.scalar(6));
}

ValueId depthwise(Builder& b, ValueId x, std::int64_t c) {
  ConvAttrs attrs;
  attrs.groups = c;
  attrs.pads = {1, 1, 1, 1};
  return b.add(Op::kConv, attrs, {x, b.weights({c, 1, 3, 3}, -0.75f), b.weights({c}, -0.5f)});
}

ValueId one(Builder& b, float value) {
  return b.constant(testing::make_tensor<float>({1}, {value}));
}

TEST(Equivalence, InvertedResidual) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 3, 7, 7});
  ValueId y = b.clip(b.batch_norm(b.conv(x, 3, 8), 8), 0, 6);
  y = b.clip(b.batch_norm(depthwise(b, y, 8), 8), 0, 6);
  y = b.plus(x, b.batch_norm(b.conv(y, 8, 3), 3));
  const Graph graph = same_results(b.done({y}));
  EXPECT_EQ(ops(graph), (std::vector{Op::kReorder, Op::kConv, Op::kConv, Op::kConv, Op::kReorder}));
  EXPECT_EQ(graph.nodes[3].as<ConvAttrs>().epilogue.residual,
            Epilogue::Residual::kBeforeActivation);
}

// CMT's feed-forward: a shortcut around the depthwise convolution, inside the shortcut of the
// block.
TEST(Equivalence, InvertedResidualWithAnInnerShortcut) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 3, 6, 6});
  ValueId y = b.clip(b.conv(x, 3, 8), 0, 6);
  y = b.clip(b.plus(b.batch_norm(depthwise(b, y, 8), 8), y), 0, 6);
  const Graph graph = same_results(b.done({b.plus(b.conv(y, 8, 3), x)}));
  EXPECT_EQ(ops(graph), (std::vector{Op::kReorder, Op::kConv, Op::kConv, Op::kConv, Op::kReorder}));
  EXPECT_EQ(graph.nodes[2].as<ConvAttrs>().epilogue.residual, Epilogue::Residual::kNone);
  EXPECT_EQ(graph.nodes[3].as<ConvAttrs>().epilogue.residual,
            Epilogue::Residual::kBeforeActivation);
}

// A mobile block as the OCR models hold it: learnt scale and shift around a convolution, hard-swish
// in pieces, and scale and shift again.
TEST(Equivalence, ScaledHardSwishBlocks) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 6, 6});
  ValueId y = b.plus(b.times(one(b, 0.875f), depthwise(b, x, 2)), one(b, 0.25f));
  y = b.plus(b.times(one(b, 0.5f), hard_swish(b, y)), one(b, -0.125f));
  y = b.plus(b.times(one(b, 1.5f), b.conv(y, 2, 4, 1, true)), one(b, 0.75f));
  y = b.plus(b.times(one(b, 0.25f), hard_swish(b, y)), one(b, 0.375f));
  const Graph graph = same_results(b.done({depthwise(b, y, 4)}));
  // All that is left is the shift in front of a padded convolution.
  EXPECT_EQ(ops(graph), (std::vector{Op::kReorder, Op::kConv, Op::kConv, Op::kBinary, Op::kConv,
                                     Op::kReorder}));
  EXPECT_EQ(graph.nodes[1].as<ConvAttrs>().epilogue.activation.kind, UnaryKind::kHardSwish);
  EXPECT_EQ(graph.nodes[2].as<ConvAttrs>().epilogue.activation.kind, UnaryKind::kHardSwish);
}

TEST(Equivalence, SqueezeExciteWithShortcut) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 3, 5, 5});
  const ValueId y = b.conv(x, 3, 4, 3, true);
  const ValueId squeezed = b.unary(UnaryKind::kRelu, b.conv(b.global_average(y), 4, 2, 1, true));
  const ValueId gate =
      b.unary(UnaryKind::kHardSigmoid, b.conv(squeezed, 2, 4, 1, true), 0.2f, 0.5f);
  const Graph graph = same_results(b.done({b.plus(y, b.times(y, gate))}));
  EXPECT_EQ(count(graph, Op::kUnary), 0);
  EXPECT_EQ(count(graph, Op::kReorder), 2);
}

TEST(Equivalence, DetectorHead) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 3, 5, 5});
  ValueId y = b.unary(UnaryKind::kRelu, b.batch_norm(b.conv(x, 3, 4, 3), 4));
  ConvTransposeAttrs twice;
  twice.stride = {2, 2};
  y = b.add(Op::kConvTranspose, twice, {y, b.weights({4, 4, 2, 2}, -0.75f)});
  y = b.unary(UnaryKind::kRelu, b.batch_norm(b.plus(y, b.weights({1, 4, 1, 1})), 4));
  y = b.add(Op::kConvTranspose, twice, {y, b.weights({4, 1, 2, 2}, -0.75f)});
  y = b.plus(y, b.constant(testing::make_tensor<float>({1, 1, 1, 1}, {-0.125f})));
  const Graph graph = same_results(b.done({b.unary(UnaryKind::kSigmoid, y)}));
  EXPECT_EQ(ops(graph), (std::vector{Op::kReorder, Op::kConv, Op::kConvTranspose,
                                     Op::kConvTranspose, Op::kReorder}));
}

TEST(Equivalence, ResidualsOfBothKindsAndSideOutputs) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 5, 5});
  const ValueId side = b.unary(UnaryKind::kSilu, b.conv(x, 4, 4));
  const ValueId first = b.plus(side, x);
  const ValueId shortcut = b.batch_norm(b.conv(first, 4, 4), 4);
  const ValueId second =
      b.unary(UnaryKind::kRelu, b.plus(shortcut, b.batch_norm(b.conv(first, 4, 4, 3), 4)));
  const ValueId mean = b.global_average(second);
  const ValueId flat = b.add(Op::kFlatten, AxisAttrs{1}, {mean});
  same_results(b.done({first, second, flat, side}));
}

TEST(Equivalence, NormalisationAloneAndBeforeActivation) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 5, 5});
  const ValueId y = b.unary(UnaryKind::kRelu, b.batch_norm(x, 4));
  const Graph graph = same_results(b.done({b.plus(b.conv(y, 4, 4, 3), x), b.batch_norm(y, 4)}));
  EXPECT_EQ(count(graph, Op::kBatchNorm), 0);
}

TEST(Equivalence, TransformerLayer) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 5, 4});
  const ReduceAttrs mean;
  const ValueId centred = b.minus(x, b.add(Op::kReduce, mean, {x, b.ints({-1})}));
  const ValueId squares = b.binary(BinaryKind::kPow, centred, b.scalar(2));
  const ValueId variance = b.add(Op::kReduce, mean, {squares, b.ints({-1})});
  const ValueId deviation = b.unary(UnaryKind::kSqrt, b.plus(variance, b.scalar(1e-5f)));
  ValueId y = b.plus(b.times(b.over(centred, deviation), b.weights({4})), b.weights({4}, -0.5f));
  y = b.plus(b.add(Op::kMatMul, {}, {y, b.weights({4, 6}, -0.75f)}), b.weights({6}));
  y = b.times(y, b.unary(UnaryKind::kSigmoid, y));
  y = b.plus(b.add(Op::kMatMul, {}, {y, b.weights({6, 4}, -0.5f)}), b.weights({4}));
  const Graph graph = same_results(b.done({b.plus(x, y)}));
  EXPECT_EQ(ops(graph), (std::vector{Op::kLayerNorm, Op::kReshape, Op::kGemm, Op::kReshape,
                                     Op::kReshape, Op::kGemm, Op::kReshape, Op::kBinary}));
}

TEST(Equivalence, PaddedAndPooled) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 6, 6});
  const ValueId padded = b.add(Op::kPad, PadAttrs{}, {x, b.ints({0, 0, 1, 0, 0, 0, 0, 2})});
  PoolAttrs pool;
  pool.kernel = pool.stride = {2, 2};
  const ValueId y = b.add(Op::kPool, pool, {b.conv(padded, 2, 4, 3)});
  const ValueId joined = b.add(Op::kConcat, AxisAttrs{1}, {y, b.unary(UnaryKind::kNeg, y)});
  const Graph graph = same_results(b.done({joined}));
  EXPECT_EQ(count(graph, Op::kPad), 0);
  EXPECT_EQ(count(graph, Op::kReorder), 2);
}

}  // namespace
}  // namespace convoy::passes
