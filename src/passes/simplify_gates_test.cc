#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

struct Map {
  Builder b;
  ValueId x = b.input("x", Shape{1, 4, 5, 5}), y = b.input("y", Shape{1, 4, 5, 5});
  ValueId gate = b.input("gate", Shape{1, 4, 1, 1});
};

TEST(SimplifyGates, ShortcutGoesIntoTheGate) {
  for (bool first : {false, true}) {
    Map m;
    const ValueId gated = m.b.times(m.y, m.gate);
    const ValueId sum = first ? m.b.plus(gated, m.y) : m.b.plus(m.y, gated);
    Graph graph = m.b.done({sum});
    EXPECT_EQ(apply(simplify_gates, graph), 1);
    ASSERT_EQ(ops(graph), (std::vector{Op::kBinary, Op::kBinary}));
    EXPECT_EQ(graph.nodes[0].inputs[0], m.gate);
    EXPECT_EQ(floats(graph, graph.nodes[0].inputs[1]), std::vector{1.0f});
    EXPECT_EQ(graph.nodes[1].as<BinaryAttrs>().kind, BinaryKind::kMul);
    EXPECT_EQ(graph.nodes[1].inputs[0], m.y);
    EXPECT_EQ(graph.nodes[1].outputs[0], sum);
  }
}

TEST(SimplifyGates, Refuses) {
  const auto simplifies = [](std::vector<ValueId> (*make)(Map&)) {
    Map m;
    Graph graph = m.b.done(make(m));
    return apply(simplify_gates, graph) > 0;
  };
  using Outs = std::vector<ValueId>;
  EXPECT_FALSE(simplifies([](Map& m) { return Outs{m.b.plus(m.x, m.b.times(m.y, m.gate))}; }))
      << "another shortcut";
  EXPECT_FALSE(simplifies([](Map& m) { return Outs{m.b.plus(m.y, m.b.times(m.y, m.x))}; }))
      << "the gate is a whole map";
  EXPECT_FALSE(simplifies([](Map& m) {
    const ValueId gated = m.b.times(m.y, m.gate);
    return Outs{m.b.plus(m.y, gated), gated};
  })) << "the product is an output";
  EXPECT_FALSE(simplifies([](Map& m) { return Outs{m.b.minus(m.y, m.b.times(m.y, m.gate))}; }));
  EXPECT_FALSE(simplifies([](Map& m) { return Outs{m.b.plus(m.gate, m.b.times(m.y, m.gate))}; }))
      << "the gate itself is added";
}

}  // namespace
}  // namespace convoy::passes
