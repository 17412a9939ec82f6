// Which nodes need no step, and where the memory of their results lies.
#include "plan/views.h"

#include <gtest/gtest.h>

#include "graph/infer.h"
#include "tests/support/graph_builder.h"

namespace convoy {
namespace {

using testing::GraphBuilder;

class Builder : public GraphBuilder {
 public:
  ValueId unary(UnaryKind kind, ValueId x) { return add(Op::kUnary, Unary{kind, 0, 0}, {x}); }
  ValueId slice(ValueId x, std::int64_t start, std::int64_t end, std::int64_t axis,
                std::int64_t step = 1) {
    return add(Op::kSlice, {}, {x, ints({start}), ints({end}), ints({axis}), ints({step})});
  }
  ValueId concat(std::vector<ValueId> parts, std::int64_t axis) {
    return add(Op::kConcat, AxisAttrs{axis, false}, std::move(parts));
  }
  // With shapes, and every activation of rank 4 in that order.
  Graph done(std::vector<ValueId> outputs, Layout layout) {
    Graph result = finish(std::move(outputs));
    infer_shapes(result, {}, {});
    for (Value& value : result.values) {
      if (value.shape->rank() == 4 && !value.constant) value.layout = layout;
    }
    return result;
  }
};

struct Planned {
  explicit Planned(const Graph& g, PlanOptions options = {}) : graph(g) {
    options.device = detect_cpu(1);
    plan = make_plan(graph, options);
  }
  const Place& at(ValueId v) const { return plan.places[static_cast<std::size_t>(v)]; }
  const Graph& graph;
  Plan plan;
};

TEST(Views, RowsOfAnInputAreReadWhereTheyAre) {
  for (const auto& [layout, channels] :
       {std::pair(Layout::kNhwc, 5), std::pair(Layout::kNchw, 1)}) {
    Builder b;
    const ValueId x = b.input("x", Shape{1, channels, 9, 4});
    const ValueId part = b.slice(x, -6, 7, 2);
    const Graph graph = b.done({b.unary(UnaryKind::kExp, part)}, layout);
    const Planned planned(graph);
    EXPECT_EQ(planned.plan.steps.size(), 1u);
    EXPECT_EQ(planned.at(part).kind, Place::Kind::kInput);
    EXPECT_EQ(planned.at(part).offset, static_cast<std::size_t>(3 * 4 * channels) * sizeof(float));
  }
}

TEST(Views, ResultsAreWrittenIntoTheirConcatenation) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 3, 4});
  const ValueId top = b.unary(UnaryKind::kExp, x);
  const ValueId bottom = b.unary(UnaryKind::kAbs, x);
  const ValueId both = b.concat({top, bottom}, 2);
  const ValueId y = b.slice(b.unary(UnaryKind::kNeg, both), 1, 2, 2);
  const Graph graph = b.done({b.unary(UnaryKind::kExp, y)}, Layout::kNhwc);
  const Planned planned(graph);
  EXPECT_EQ(planned.plan.steps.size(), 4u);
  EXPECT_EQ(planned.at(both).bytes, 384u);
  EXPECT_EQ(planned.at(top).offset, planned.at(both).offset);
  EXPECT_EQ(planned.at(bottom).offset, planned.at(both).offset + 192);
  EXPECT_EQ(planned.at(y).offset, planned.at(both).offset + 64) << "negated in place, then cut";
  EXPECT_EQ(planned.plan.arena_bytes, 384u);
}

TEST(Views, AConcatenationThatIsAnOutputTakesTheCallersMemory) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 3, 4});
  const ValueId top = b.unary(UnaryKind::kExp, x);
  const ValueId bottom = b.unary(UnaryKind::kAbs, x);
  const ValueId both = b.concat({top, bottom}, 0);
  const Graph graph = b.done({both}, Layout::kNchw);
  const Planned planned(graph);
  EXPECT_EQ(planned.plan.arena_bytes, 0u);
  EXPECT_EQ(planned.at(bottom).kind, Place::Kind::kOutput);
  EXPECT_EQ(planned.at(bottom).offset, 192u);
}

// Steps of the network, one of which reads `part`.
std::size_t steps_with(Builder& b, ValueId part, Layout layout, const PlanOptions& options = {}) {
  const Graph graph = b.done({b.unary(UnaryKind::kExp, part)}, layout);
  return Planned(graph, options).plan.steps.size();
}

TEST(Views, WhatIsNoRunOfMemoryIsCopied) {
  Builder columns, rows, steps, batch;
  EXPECT_EQ(steps_with(columns, columns.slice(columns.input("x", Shape{1, 2, 4, 4}), 1, 3, 3),
                       Layout::kNhwc),
            2u);
  EXPECT_EQ(
      steps_with(rows, rows.slice(rows.input("x", Shape{1, 2, 4, 4}), 1, 3, 2), Layout::kNchw), 2u);
  EXPECT_EQ(steps_with(steps, steps.slice(steps.input("x", Shape{1, 2, 4, 4}), 0, 4, 2, 2),
                       Layout::kNhwc),
            2u);
  EXPECT_EQ(
      steps_with(batch, batch.slice(batch.input("x", Shape{2, 2, 4, 4}), 1, 3, 2), Layout::kNhwc),
      2u);
}

TEST(Views, PartsThatOthersOwnAreCopiedIntoAConcatenation) {
  Builder twice, input, output;
  const ValueId a = twice.unary(UnaryKind::kExp, twice.input("x", Shape{2, 3}));
  EXPECT_EQ(steps_with(twice, twice.concat({a, a}, 0), Layout::kNchw), 3u);

  const ValueId x = input.input("x", Shape{2, 3});
  const ValueId e = input.unary(UnaryKind::kExp, x);
  EXPECT_EQ(steps_with(input, input.concat({x, e}, 0), Layout::kNchw), 3u);

  const ValueId in = output.input("x", Shape{2, 3});
  const ValueId first = output.unary(UnaryKind::kExp, in);
  const ValueId second = output.unary(UnaryKind::kAbs, in);
  const ValueId both = output.concat({first, second}, 0);
  const Graph graph = output.done({output.unary(UnaryKind::kExp, both), first}, Layout::kNchw);
  EXPECT_EQ(Planned(graph).plan.steps.size(), 4u);
}

TEST(Views, ASliceThatIsAnOutputIsCopied) {
  Builder b;
  const ValueId x = b.unary(UnaryKind::kExp, b.input("x", Shape{1, 2, 4, 4}));
  const ValueId part = b.slice(x, 1, 3, 2);
  const Graph graph = b.done({part, b.unary(UnaryKind::kNeg, part)}, Layout::kNhwc);
  EXPECT_EQ(Planned(graph).plan.steps.size(), 3u);
}

// Negated in place over rows of a larger value, an output would have its memory too.
TEST(Views, AnOutputComputedOverRowsOfAValueHasMemoryOfItsOwn) {
  Builder b;
  const ValueId x = b.unary(UnaryKind::kExp, b.input("x", Shape{1, 2, 4, 4}));
  const ValueId y = b.unary(UnaryKind::kNeg, b.slice(x, 1, 3, 2));
  const Graph graph = b.done({y}, Layout::kNhwc);
  const Planned planned(graph);
  EXPECT_EQ(planned.plan.steps.size(), 2u);
  EXPECT_EQ(planned.at(x).kind, Place::Kind::kArena);
  EXPECT_EQ(planned.at(y).kind, Place::Kind::kOutput);
}

TEST(Views, ForcedAndReferenceStepsStay) {
  Builder forced, reference;
  EXPECT_EQ(steps_with(forced, forced.slice(forced.input("x", Shape{1, 2, 4, 4}), 1, 3, 2),
                       Layout::kNhwc, {.force = {{"slice", "reference"}}}),
            2u);
  EXPECT_EQ(steps_with(reference, reference.slice(reference.input("x", Shape{1, 2, 4, 4}), 1, 3, 2),
                       Layout::kNhwc, {.reference_only = true}),
            2u);
}

// The part is read after the concatenation, which nobody reads again.
TEST(Views, AnOperandReadAfterItsConcatenationKeepsItAlive) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 3, 4});
  const ValueId top = b.unary(UnaryKind::kExp, x);
  const ValueId bottom = b.unary(UnaryKind::kAbs, x);
  const ValueId both = b.concat({top, bottom}, 2);
  const ValueId use = b.unary(UnaryKind::kSqrt, both);
  const ValueId later = b.unary(UnaryKind::kTanh, use);
  const ValueId y = b.add(Op::kBinary, BinaryAttrs{}, {bottom, b.slice(later, 0, 3, 2)});
  const Graph graph = b.done({y}, Layout::kNhwc);
  const Planned planned(graph);  // verify() would find the read of what is gone
  EXPECT_GE(planned.plan.arena_bytes, 2 * 384u);
}

}  // namespace
}  // namespace convoy
