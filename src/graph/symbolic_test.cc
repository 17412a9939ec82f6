#include "graph/symbolic.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "tests/support/graph_builder.h"

namespace convoy::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SymbolicShapes, FollowTheBatch) {
  GraphBuilder b;
  const ValueId x = b.input("x", std::vector<Dim>{{-1, "batch"}, {4, {}}});
  const ValueId same = b.add(Op::kUnary, Unary{UnaryKind::kRelu}, {x});
  const ValueId flat = b.add(Op::kReshape, ReshapeAttrs{}, {x, b.ints({-1})});
  const ValueId one = b.constant(make_tensor<float>({1, 4}, {0, 0, 0, 0}));
  const ValueId more = b.add(Op::kConcat, AxisAttrs{0}, {x, one});
  const ValueId sum = b.add(Op::kReduce, ReduceAttrs{}, {x});
  const ValueId half =
      b.add(Op::kSlice, {}, {x, b.ints({0}), b.ints({INT64_MAX}), b.ints({0}), b.ints({2})});
  const SymbolicShapes shapes =
      symbolic_output_shapes(b.finish({same, flat, more, sum, half, one}), {}, {});
  EXPECT_EQ(shapes.symbol, "batch");
  EXPECT_THAT(shapes.outputs, ElementsAre("Nx4", "4N", "N+1x4", "1x1", "?x4", "1x4"));
  EXPECT_EQ(shapes.note, "");
}

TEST(SymbolicShapes, AnonymousDimensionsAreOpenToo) {
  GraphBuilder b;
  const ValueId x = b.input("x", std::vector<Dim>{{-1, {}}, {4, {}}});
  const SymbolicShapes shapes = symbolic_output_shapes(b.finish({x}), {}, {});
  EXPECT_EQ(shapes.symbol, "N");
  EXPECT_THAT(shapes.outputs, ElementsAre("Nx4"));
}

TEST(SymbolicShapes, WhatIsBoundIsANumber) {
  GraphBuilder b;
  const ValueId x = b.input("x", std::vector<Dim>{{-1, "batch"}, {4, {}}});
  const Graph g = b.finish({x});
  const SymbolicShapes shapes = symbolic_output_shapes(g, {.symbols = {{"batch", 7}}}, {});
  EXPECT_EQ(shapes.symbol, "");
  EXPECT_THAT(shapes.outputs, ElementsAre("7x4"));
}

TEST(SymbolicShapes, AModelForOneBatchSaysSo) {
  GraphBuilder b;
  const ValueId x = b.input("x", std::vector<Dim>{{-1, "batch"}, {4, {}}});
  const ValueId y = b.add(Op::kReshape, ReshapeAttrs{}, {x, b.ints({2, 2})});
  const SymbolicShapes shapes = symbolic_output_shapes(b.finish({y}), {}, {});
  EXPECT_EQ(shapes.symbol, "");
  EXPECT_THAT(shapes.outputs, ElementsAre("2x2"));
  EXPECT_THAT(shapes.note, HasSubstr("cannot reshape"));
}

TEST(SymbolicShapes, OtherOpenDimensionsMustBeBound) {
  GraphBuilder b;
  const ValueId x = b.input("x", std::vector<Dim>{{-1, "batch"}, {-1, "height"}});
  const Graph g = b.finish({x});
  EXPECT_THROW(symbolic_output_shapes(g, {}, {}), Error);
  EXPECT_THAT(symbolic_output_shapes(g, {.symbols = {{"height", 9}}}, {}).outputs,
              ElementsAre("Nx9"));
}

}  // namespace
}  // namespace convoy::testing
