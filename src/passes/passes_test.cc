#include "passes/passes.h"

#include "base/error.h"
#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

TEST(Passes, EveryPassReportsAndCanBeSwitchedOff) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 4, 8, 8});
  Graph graph = b.done({b.unary(UnaryKind::kRelu, b.batch_norm(b.conv(x, 4, 4), 4))});
  Graph copy = graph;

  const auto reports = run_passes(graph, {});
  ASSERT_EQ(reports.size(), pass_names().size());
  for (std::size_t i = 0; i < reports.size(); ++i) EXPECT_EQ(reports[i].name, pass_names()[i]);
  EXPECT_EQ(ops(graph), (std::vector{Op::kReorder, Op::kConv, Op::kReorder}));

  PassOptions off;
  for (std::string_view name : pass_names()) off.disabled.emplace(name);
  EXPECT_TRUE(run_passes(copy, off).empty());
  EXPECT_EQ(ops(copy), (std::vector{Op::kConv, Op::kBatchNorm, Op::kUnary}));
}

TEST(Passes, RefusesAnUnknownName) {
  Graph graph;
  PassOptions options;
  options.disabled = {"fold_everything"};
  try {
    run_passes(graph, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("'fold_everything'"));
  }
}

TEST(Passes, SqueezeExciteKeepsItsFormAndLayout) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 8, 6, 6});
  const ValueId y = b.conv(x, 8, 8, 3, true);
  const ValueId squeezed = b.unary(UnaryKind::kRelu, b.conv(b.global_average(y), 8, 2, 1, true));
  const ValueId gate =
      b.unary(UnaryKind::kHardSigmoid, b.conv(squeezed, 2, 8, 1, true), 0.2f, 0.5f);
  Graph graph = b.done({b.conv(b.times(y, gate), 8, 4)});
  run_passes(graph, {});
  EXPECT_EQ(ops(graph), (std::vector{Op::kReorder, Op::kConv, Op::kReduce, Op::kConv, Op::kConv,
                                     Op::kBinary, Op::kConv, Op::kReorder}));
  EXPECT_EQ(graph.nodes[3].as<ConvAttrs>().epilogue.activation.kind, UnaryKind::kRelu);
  EXPECT_EQ(graph.nodes[4].as<ConvAttrs>().epilogue.activation.kind, UnaryKind::kHardSigmoid);
  for (std::size_t n = 1; n + 1 < graph.nodes.size(); ++n) {
    EXPECT_EQ(graph.value(graph.nodes[n].outputs[0]).layout, Layout::kNhwc) << n;
  }
}

}  // namespace
}  // namespace convoy::passes
