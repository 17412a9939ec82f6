#include "passes/pass_test.h"

namespace convoy::passes {
namespace {

using Mode = PadAttrs::Mode;

struct Options {
  std::vector<std::int64_t> amounts{0, 0, 1, 0, 0, 0, 2, 3};
  std::vector<std::int64_t> axes;
  Mode mode = Mode::kConstant;
  float value = 0;
  bool read_elsewhere = false;
};

Graph padded_conv(const Options& o) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 5, 5});
  std::vector<ValueId> inputs{x, b.constant(make_s64(o.amounts)), b.scalar(o.value)};
  if (!o.axes.empty()) inputs.push_back(b.constant(make_s64(o.axes)));
  const ValueId y = b.add(Op::kPad, PadAttrs{o.mode}, inputs);
  std::vector<ValueId> outputs{b.conv(y, 2, 2, 3)};
  if (o.read_elsewhere) outputs.push_back(y);
  return b.done(outputs);
}

TEST(FoldPads, AddsToTheConvolutionsOwn) {
  Graph graph = padded_conv({});
  EXPECT_EQ(apply(fold_pads, graph), 1);
  ASSERT_EQ(ops(graph), std::vector{Op::kConv});
  EXPECT_EQ(graph.nodes[0].as<ConvAttrs>().pads, (Pads{2, 1, 3, 4}));
}

TEST(FoldPads, ReadsAxes) {
  Graph graph = padded_conv({.amounts = {1, 2}, .axes = {-1}});
  EXPECT_EQ(apply(fold_pads, graph), 1);
  EXPECT_EQ(graph.nodes[0].as<ConvAttrs>().pads, (Pads{1, 2, 1, 3}));
}

TEST(FoldPads, Refuses) {
  const Options refused[] = {
      {.amounts = {0, 0, 1, 0, 0, 0, -1, 0}},
      {.amounts = {1, 0, 1, 0, 0, 0, 0, 0}},
      {.mode = Mode::kReflect},
      {.value = 1},
      {.read_elsewhere = true},
  };
  for (const Options& o : refused) {
    Graph graph = padded_conv(o);
    EXPECT_EQ(apply(fold_pads, graph), 0);
  }
}

}  // namespace
}  // namespace convoy::passes
