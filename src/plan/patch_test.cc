// Regions in strips: which rows a strip recomputes, what shares memory, and what is refused.
#include "plan/patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "graph/infer.h"
#include "plan/plan.h"
#include "tests/support/graph_builder.h"

namespace convoy {
namespace {

using testing::GraphBuilder;
using ::testing::HasSubstr;

class Builder : public GraphBuilder {
 public:
  ValueId conv(ValueId x, std::int64_t c, std::int64_t k, std::int64_t r, std::int64_t stride,
               Pads pads, std::int64_t dilation = 1) {
    ConvAttrs attrs;
    attrs.stride = {stride, 1};
    attrs.dilation = {dilation, 1};
    attrs.pads = pads;
    const Shape w{k, c, r, 1};
    return add(Op::kConv, attrs, {x, constant(testing::make_tensor<float>(w, {}))});
  }
  ValueId unary(UnaryKind kind, ValueId x) { return add(Op::kUnary, Unary{kind, 0, 0}, {x}); }
  ValueId plus(ValueId a, ValueId b) { return add(Op::kBinary, BinaryAttrs{}, {a, b}); }

  // With shapes, every activation in NHWC.
  Graph done(std::vector<ValueId> outputs) {
    Graph result = finish(std::move(outputs));
    infer_shapes(result, {}, {});
    for (Value& value : result.values) {
      if (value.shape->rank() == 4 && !value.constant) value.layout = Layout::kNhwc;
    }
    return result;
  }
};

std::string refusal(const Graph& graph, const PatchChoice& choice) {
  try {
    with_patches(graph, choice);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(Patches, StripsAreAsEvenAsCanBe) {
  EXPECT_EQ(strip_of(10, 0, 3), (Rows{0, 3}));
  EXPECT_EQ(strip_of(10, 1, 3), (Rows{3, 6}));
  EXPECT_EQ(strip_of(10, 2, 3), (Rows{6, 10}));
}

TEST(Patches, AStripNeedsTheHaloOfEveryLayer) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 3, 64, 4});
  const ValueId first = b.conv(x, 3, 4, 3, 2, {1, 0, 1, 0});       // 32 rows
  const ValueId second = b.conv(first, 4, 4, 5, 1, {2, 0, 2, 0});  // 32
  const ValueId third = b.conv(second, 4, 2, 3, 1, {0, 0, 4, 0}, 2);
  const Graph graph = b.done({third});
  // Rows 8 to 12 of the third read 8 to 16 of the second, those 6 to 18 of the first.
  const auto need = needed_rows(graph, 0, 2, {8, 12});
  ASSERT_TRUE(need);
  EXPECT_EQ((*need)[1], (Rows{8, 16}));
  EXPECT_EQ((*need)[0], (Rows{6, 18}));
  const auto input = operand_rows(graph, graph.nodes[0], 0, (*need)[0]);
  EXPECT_EQ(input->rows, (Rows{11, 36}));
  // At the borders the windows reach into the padding.
  const auto top = needed_rows(graph, 0, 2, {0, 4});
  EXPECT_EQ((*top)[0], (Rows{0, 10}));
  EXPECT_EQ(std::get<ConvAttrs>(strip_attrs(graph, graph.nodes[1], {0, 8})).pads,
            (Pads{2, 0, 0, 0}));
  EXPECT_EQ(std::get<ConvAttrs>(strip_attrs(graph, graph.nodes[1], {8, 16})).pads,
            (Pads{0, 0, 0, 0}));
  EXPECT_EQ(std::get<ConvAttrs>(strip_attrs(graph, graph.nodes[1], {30, 32})).pads,
            (Pads{0, 0, 2, 0}));
}

TEST(Patches, AResidualInsideIsCutToTheRowsThatItMeets) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 12, 4});
  const ValueId a = b.conv(x, 2, 2, 1, 1, {});
  const ValueId c = b.conv(a, 2, 2, 3, 1, {1, 0, 1, 0});
  const ValueId y = b.plus(c, a);
  const Graph graph = b.done({y});
  const auto need = needed_rows(graph, 0, 2, {4, 8});
  EXPECT_EQ((*need)[0], (Rows{3, 9})) << "the halo of the convolution, more than the sum reads";
  const Graph patched = with_patches(graph, {{0, 2, 3}});
  verify(patched, true);
  // Rows are read and written where they are: of the slices and the concatenation nothing is left.
  PlanOptions options;
  options.device = detect_cpu(1);
  const Plan plan = make_plan(patched, options);
  EXPECT_EQ(plan.steps.size(), 9u);
  const std::size_t row = 2 * 4 * sizeof(float);
  EXPECT_LT(plan.arena_bytes, make_plan(graph, options).arena_bytes);
  EXPECT_LE(plan.activation_peak, 2 * 6 * row + 128);
}

TEST(Patches, RegionsFollowEachOther) {
  Builder b;
  ValueId x = b.input("x", Shape{1, 2, 20, 4});
  for (int i = 0; i < 5; ++i) x = b.conv(x, 2, 2, 3, 1, {1, 0, 1, 0});
  const Graph graph = b.done({x});
  const Graph patched = with_patches(graph, {{0, 1, 4}, {3, 4, 2}});
  verify(patched, true);
  const auto convs = std::count_if(patched.nodes.begin(), patched.nodes.end(),
                                   [](const Node& n) { return n.op == Op::kConv; });
  EXPECT_EQ(convs, 2 * 4 + 1 + 2 * 2);
  EXPECT_EQ(patched.outputs, graph.outputs);
  EXPECT_THAT(refusal(graph, {{0, 2, 2}, {2, 4, 2}}), HasSubstr("expected 3 or later"));
}

TEST(Patches, RefusesWhatCannotRunInStrips) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 8, 4});
  const ValueId a = b.conv(x, 2, 2, 3, 1, {1, 0, 1, 0});
  const ValueId c = b.unary(UnaryKind::kRelu, a);
  ReduceAttrs mean;
  mean.spatial = true;
  const ValueId gate = b.add(Op::kReduce, mean, {c});
  const ValueId y = b.add(Op::kBinary, BinaryAttrs{BinaryKind::kMul, {}}, {c, gate});
  const Graph graph = b.done({y});
  EXPECT_THAT(refusal(graph, {{0, 0, 2}}), "");
  EXPECT_THAT(refusal(graph, {{0, 3, 2}}), HasSubstr("does not work row by row"));
  EXPECT_THAT(refusal(graph, {{0, 1, 9}}), HasSubstr("has 8 rows, found 9 strips"));
  EXPECT_THAT(refusal(graph, {{0, 1, 0}}), HasSubstr("found 0 strips"));
  EXPECT_THAT(refusal(graph, {{3, 9, 2}}), HasSubstr("there are no nodes 3 to 9"));
  EXPECT_EQ(refusal(graph, {{3, 3, 4}}), "") << "what is broadcast along the rows is read whole";

  Builder twice;
  const ValueId in = twice.input("x", Shape{1, 2, 8, 4});
  const ValueId one = twice.unary(UnaryKind::kExp, in);
  const ValueId two = twice.unary(UnaryKind::kRelu, one);
  const Graph both = twice.done({twice.plus(one, two), one});
  EXPECT_THAT(refusal(both, {{0, 1, 2}}), HasSubstr("read outside"));
}

TEST(Patches, RefusesStripsThatWouldSeePaddingAlone) {
  Builder b;
  const ValueId x = b.input("x", Shape{1, 2, 6, 4});
  const Graph graph = b.done({b.conv(x, 2, 2, 3, 1, {4, 0, 4, 0})});
  EXPECT_THAT(refusal(graph, {{0, 0, 12}}), HasSubstr("padding alone"));
  EXPECT_EQ(refusal(graph, {{0, 0, 3}}), "");
}

}  // namespace
}  // namespace convoy
