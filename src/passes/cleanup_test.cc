// Dead nodes, duplicates, constants, identities.
#include "base/error.h"
#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

TEST(EliminateDead, RemovesWhatNoOutputNeedsAndReleasesItsConstants) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 3, 3});
  const ValueId kept = b.unary(UnaryKind::kRelu, x);
  const ValueId dead = b.conv(x, 2, 2);
  b.unary(UnaryKind::kTanh, dead);
  Graph graph = b.done({kept});
  EXPECT_EQ(apply(eliminate_dead, graph), 2);
  EXPECT_EQ(ops(graph), std::vector{Op::kUnary});
  for (const Value& value : graph.values) EXPECT_EQ(value.constant, nullptr) << value.name;
}

TEST(MergeDuplicates, MergesEqualNodesOnly) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 3, 3});
  const ValueId one = b.unary(UnaryKind::kLeakyRelu, x, 0.1f);
  const ValueId twin = b.unary(UnaryKind::kLeakyRelu, x, 0.1f);
  const ValueId other = b.unary(UnaryKind::kLeakyRelu, x, 0.2f);
  const ValueId sum = b.plus(b.plus(one, twin), other);
  Graph graph = b.done({sum});
  EXPECT_EQ(apply(merge_duplicates, graph), 1);
  EXPECT_EQ(count(graph, Op::kUnary), 2);
}

TEST(MergeDuplicates, GraphOutputsKeepTheirNames) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2});
  const ValueId one = b.unary(UnaryKind::kRelu, x), two = b.unary(UnaryKind::kRelu, x);
  Graph graph = b.done({one, two});
  EXPECT_EQ(apply(merge_duplicates, graph), 0);
  EXPECT_EQ(graph.outputs, (std::vector{one, two}));
}

// Adds; anything else is outside what this evaluator can do.
void evaluate_add(const Node& node, std::span<const TensorView> inputs,
                  std::span<const TensorView> outputs) {
  if (node.op != Op::kBinary) fail(ErrorCode::kUnsupported, "only additions");
  for (std::int64_t i = 0; i < outputs[0].elements(); ++i) {
    outputs[0].as<float>()[i] = inputs[0].as<float>()[i] + inputs[1].as<float>()[i];
  }
}

TEST(FoldConstants, EvaluatesChainsAndLeavesWhatItCannot) {
  Builder b;
  const ValueId x = b.input("x", Shape{2});
  const ValueId sum = b.plus(b.weights({2}), b.weights({2}));      // 0.5 1
  const ValueId twice = b.plus(sum, sum);                          // 1 2
  const ValueId stays = b.unary(UnaryKind::kExp, b.weights({2}));  // not supported
  Graph graph = b.done({b.plus(x, twice), stays, sum});
  EXPECT_EQ(apply(fold_constants, graph, {{}, evaluate_add}), 2);
  EXPECT_EQ(ops(graph), (std::vector{Op::kUnary, Op::kBinary}));
  EXPECT_EQ(floats(graph, twice), (std::vector{1.0f, 2.0f}));
  EXPECT_EQ(floats(graph, sum), (std::vector{0.5f, 1.0f})) << "a graph output";
}

TEST(FoldConstants, DoesNothingWithoutAnEvaluator) {
  Builder b;
  Graph graph = b.done({b.plus(b.weights({2}), b.weights({2}))});
  EXPECT_EQ(apply(fold_constants, graph), 0);
}

TEST(FoldConstants, LeavesResultsBeyondTheCap) {
  Builder b;
  const ValueId big = b.add(Op::kExpand, {}, {b.scalar(1), b.ints({1 << 12, 1 << 13})});
  Graph graph = b.done({big});
  const auto never = [](const Node&, auto, auto) { FAIL(); };
  EXPECT_EQ(apply(fold_constants, graph, {{}, never}), 0);
}

// x -> f -> Relu -> output, and what remains of it.
template <class F>
int left_of(const Shape& shape, F&& f) {
  Builder b;
  const ValueId x = b.input("x", shape);
  Graph graph = b.done({b.unary(UnaryKind::kRelu, f(b, x))});
  apply(remove_identities, graph);
  return static_cast<int>(graph.nodes.size()) - 1;
}

TEST(RemoveIdentities, Removes) {
  using B = Builder&;
  const Shape s{2, 3, 1, 4};
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.add(Op::kIdentity, {}, {x}); }), 0);
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.add(Op::kCast, CastAttrs{}, {x}); }), 0);
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.plus(x, b.scalar(0)); }), 0);
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.plus(b.scalar(0), x); }), 0);
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.minus(x, b.scalar(0)); }), 0);
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.times(b.scalar(1), x); }), 0);
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.over(x, b.scalar(1)); }), 0);
  EXPECT_EQ(left_of(s,
                    [](B b, ValueId x) {
                      return b.add(Op::kTranspose, TransposeAttrs{{0, 2, 1, 3}},
                                   {b.add(Op::kTranspose, TransposeAttrs{{0, 2, 1, 3}}, {x})});
                    }),
            2)
      << "shapes differ, so each moves an extent of 1";
  EXPECT_EQ(left_of({2, 1, 1, 4},
                    [](B b, ValueId x) {
                      return b.add(Op::kTranspose, TransposeAttrs{{0, 2, 1, 3}}, {x});
                    }),
            0);
  EXPECT_EQ(left_of(s,
                    [](B b, ValueId x) {
                      return b.add(Op::kReshape, ReshapeAttrs{}, {x, b.ints({2, 3, 1, -1})});
                    }),
            0);
  EXPECT_EQ(left_of(s,
                    [](B b, ValueId x) {
                      return b.add(Op::kPad, PadAttrs{}, {x, b.ints({0, 0, 0, 0, 0, 0, 0, 0})});
                    }),
            0);
  EXPECT_EQ(left_of(s,
                    [](B b, ValueId x) {
                      return b.add(Op::kSlice, {}, {x, b.ints({0}), b.ints({99}), b.ints({3})});
                    }),
            0);
}

TEST(RemoveIdentities, Keeps) {
  using B = Builder&;
  const Shape s{2, 3, 4, 4};
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.minus(b.scalar(0), x); }), 1);
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.over(b.scalar(1), x); }), 1);
  EXPECT_EQ(left_of(s, [](B b, ValueId x) { return b.plus(x, b.scalar(1e-30f)); }), 1);
  EXPECT_EQ(left_of({4},
                    [](B b, ValueId x) {
                      return b.plus(x, b.constant(testing::make_tensor<float>({3, 1}, {0, 0, 0})));
                    }),
            1)
      << "broadcasts";
  EXPECT_EQ(left_of(s,
                    [](B b, ValueId x) {
                      return b.add(Op::kBinary, BinaryAttrs{BinaryKind::kMul, {UnaryKind::kRelu}},
                                   {x, b.scalar(1)});
                    }),
            1)
      << "has an activation";
  EXPECT_EQ(left_of(s,
                    [](B b, ValueId x) {
                      return b.add(Op::kTranspose, TransposeAttrs{{0, 1, 3, 2}}, {x});
                    }),
            1)
      << "equal extents change places";
  EXPECT_EQ(left_of(s,
                    [](B b, ValueId x) {
                      return b.add(Op::kPad, PadAttrs{}, {x, b.ints({0, 0, 1, 0, 0, 0, -1, 0})});
                    }),
            1)
      << "shifts";
  EXPECT_EQ(
      left_of(
          s,
          [](B b, ValueId x) {
            return b.add(Op::kSlice, {}, {x, b.ints({3}), b.ints({-9}), b.ints({3}), b.ints({-1})});
          }),
      1)
      << "reverses";
}

TEST(RemoveIdentities, AnOutputKeepsItsName) {
  Builder b;
  const ValueId x = b.input("x", Shape{2, 2});
  const ValueId y = b.unary(UnaryKind::kRelu, x);
  const ValueId side = b.unary(UnaryKind::kTanh, y);
  const ValueId named = b.add(Op::kIdentity, {}, {y});
  const ValueId copied = b.add(Op::kIdentity, {}, {x});
  Graph graph = b.done({named, copied, side});
  EXPECT_EQ(apply(remove_identities, graph), 1);
  EXPECT_EQ(graph.outputs, (std::vector{named, copied, side}));
  ASSERT_EQ(ops(graph), (std::vector{Op::kUnary, Op::kUnary, Op::kIdentity}));
  EXPECT_EQ(graph.nodes[0].outputs[0], named);
  EXPECT_EQ(graph.nodes[1].inputs[0], named);
}

}  // namespace
}  // namespace convoy::passes
