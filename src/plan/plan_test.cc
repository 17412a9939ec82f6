#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "graph/infer.h"
#include "tests/support/graph_builder.h"

namespace convoy {
namespace {

using testing::GraphBuilder;
using ::testing::HasSubstr;

Graph inferred(Graph graph) {
  infer_shapes(graph, {}, {});
  return graph;
}

Unary relu() { return {UnaryKind::kRelu, 0, 0}; }

// A last step that cannot run in place, so that what comes before it lives in the arena.
ValueId total(GraphBuilder& b, ValueId x) {
  ReduceAttrs sum;
  sum.kind = ReduceAttrs::Kind::kSum;
  return b.add(Op::kReduce, sum, {x});
}

Plan plan_of(const Graph& graph) {
  PlanOptions options;
  options.device = detect_cpu(1);
  return make_plan(graph, options);
}

const Place& place(const Plan& plan, ValueId id) {
  return plan.places[static_cast<std::size_t>(id)];
}

TEST(Plan, RenamesCostNoStepAndNoMemory) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{2, 8});
  const ValueId r = b.add(Op::kUnary, relu(), {x});
  const ValueId shaped = b.add(Op::kReshape, ReshapeAttrs{}, {r, b.ints({4, 4})});
  const ValueId y = total(b, shaped);
  const Graph graph = inferred(b.finish({y}));
  const Plan plan = plan_of(graph);
  EXPECT_EQ(plan.steps.size(), 2u);
  EXPECT_EQ(place(plan, r).offset, place(plan, shaped).offset);
  EXPECT_EQ(place(plan, r).kind, Place::Kind::kArena);
  EXPECT_EQ(plan.arena_bytes, 64u);
}

TEST(Plan, AnOperandThatDiesIsOverwrittenAndOneThatLivesIsNot) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{64});
  const ValueId first = b.add(Op::kUnary, relu(), {x});
  const ValueId second = b.add(Op::kUnary, Unary{UnaryKind::kTanh, 0, 0}, {first});
  const ValueId third = b.add(Op::kUnary, Unary{UnaryKind::kSqrt, 0, 0}, {second});
  const ValueId sum = b.add(Op::kBinary, BinaryAttrs{BinaryKind::kAdd, {}}, {second, third});
  const ValueId y = total(b, sum);
  const Plan plan = plan_of(inferred(b.finish({y})));
  EXPECT_EQ(place(plan, first).offset, place(plan, second).offset);  // `first` dies
  EXPECT_NE(place(plan, second).offset, place(plan, third).offset);  // `second` is read again
  EXPECT_NE(place(plan, x).kind, Place::Kind::kArena);               // the caller's, never written
}

TEST(Plan, AnOutputThatIsReadAgainIsNotOverwritten) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{16});
  const ValueId first = b.add(Op::kUnary, relu(), {x});
  const ValueId second = b.add(Op::kUnary, Unary{UnaryKind::kTanh, 0, 0}, {first});
  const Plan plan = plan_of(inferred(b.finish({first, second})));
  EXPECT_EQ(place(plan, first).kind, Place::Kind::kOutput);
  EXPECT_EQ(place(plan, first).index, 0);
  EXPECT_EQ(place(plan, second).kind, Place::Kind::kOutput);
  EXPECT_EQ(place(plan, second).index, 1);
  EXPECT_TRUE(plan.copies.empty());
}

TEST(Plan, OutputsThatNoStepWritesAreCopied) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{16});
  const ValueId y = b.add(Op::kUnary, relu(), {x});
  const Plan plan = plan_of(inferred(b.finish({x, y, y, b.ints({1, 2})})));
  ASSERT_EQ(plan.copies.size(), 3u);
  EXPECT_EQ(plan.copies[0].output, 0);
  EXPECT_EQ(plan.copies[1].output, 2);
  EXPECT_EQ(plan.copies[2].output, 3);
}

TEST(Plan, ForcesAKernelAndRefusesAnUnknownOne) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{16});
  const Graph graph = inferred(b.finish({b.add(Op::kUnary, relu(), {x})}));
  PlanOptions options;
  options.device = detect_cpu(1);
  options.force = {{"unary", "reference"}};
  EXPECT_EQ(make_plan(graph, options).steps[0].implementation->name, "unary.reference");
  options.force = {{"unary", "warp"}};
  try {
    make_plan(graph, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("unary.reference"));
  }
}

TEST(Plan, RefusesAForcedKernelThatCanRunNothing) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{16}, DType::kF64);
  const Graph graph = inferred(b.finish({b.add(Op::kUnary, relu(), {x})}));
  PlanOptions options;
  options.device = detect_cpu(1);
  options.force = {{"unary", "simd.cpu.f32"}};
  try {
    make_plan(graph, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("unary.simd.cpu.f32"));
  }
}

TEST(Plan, KeepsCandidatesWithTheirReasons) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{16}, DType::kF64);
  const Graph graph = inferred(b.finish({b.add(Op::kUnary, relu(), {x})}));
  PlanOptions options;
  options.device = detect_cpu(1);
  options.keep_candidates = true;
  const Plan plan = make_plan(graph, options);
  ASSERT_GE(plan.steps[0].candidates.size(), 2u);
  EXPECT_FALSE(plan.steps[0].candidates.front().declined.empty());
  EXPECT_TRUE(plan.steps[0].candidates.back().declined.empty());
}

TEST(Plan, TheVerifierFindsAnOverlap) {
  GraphBuilder b;
  const ValueId x = b.input("x", Shape{64});
  const ValueId a = b.add(Op::kUnary, relu(), {x});
  const ValueId c = b.add(Op::kUnary, Unary{UnaryKind::kTanh, 0, 0}, {x});
  const ValueId y = total(b, b.add(Op::kBinary, BinaryAttrs{BinaryKind::kAdd, {}}, {a, c}));
  const Graph graph = inferred(b.finish({y}));
  Plan plan = plan_of(graph);
  EXPECT_NO_THROW(verify(plan, graph));
  plan.places[static_cast<std::size_t>(c)].offset = place(plan, a).offset;
  EXPECT_THROW(verify(plan, graph), Error);
}

}  // namespace
}  // namespace convoy
