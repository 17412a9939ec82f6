#include <gmock/gmock.h>

#include "base/error.h"
#include "graph/infer.h"
#include "tests/support/graph_builder.h"

namespace convoy::testing {
namespace {

using ::testing::HasSubstr;

struct Sample {
  GraphBuilder b;
  ValueId x = b.input("x", Shape{1, 2, 3, 3});
  ValueId relu = b.add(Op::kUnary, Unary{UnaryKind::kRelu}, {x});
  ValueId sum =
      b.add(Op::kBinary, BinaryAttrs{BinaryKind::kAdd, {UnaryKind::kClip, 0, 6}}, {relu, x});
  Graph graph = b.finish({sum});
};

std::string broken(const Graph& graph, bool need_shapes = false) {
  try {
    verify(graph, need_shapes);
    return "whole";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    return error.what();
  }
}

TEST(Verify, AcceptsWhatIsWhole) {
  Sample s;
  EXPECT_EQ(broken(s.graph), "whole");
  EXPECT_THAT(broken(s.graph, true), HasSubstr("has no shape"));
  infer_shapes(s.graph, {}, {});
  EXPECT_EQ(broken(s.graph, true), "whole");
}

TEST(Verify, NamesTheBrokenInvariant) {
  Sample s;
  Graph g = s.graph;
  std::swap(g.nodes[0], g.nodes[1]);
  EXPECT_THAT(broken(g), HasSubstr("node 'n2' (Binary) read 'v1' before anything produces it"));
  g = s.graph;
  g.nodes[1].outputs[0] = s.relu;
  EXPECT_THAT(broken(g), HasSubstr("produces 'v1', which exists already"));
  g = s.graph;
  g.nodes[0].inputs[0] = 99;
  EXPECT_THAT(broken(g), HasSubstr("the value 99 of 3"));
  g = s.graph;
  g.nodes[0].attrs = ConvAttrs{};
  EXPECT_THAT(broken(g), HasSubstr("the attributes of another operator"));
  g = s.graph;
  g.nodes[1].outputs[0] = kNoValue;
  EXPECT_THAT(broken(g), HasSubstr("produces nothing"));
  g = s.graph;
  g.nodes.pop_back();
  EXPECT_THAT(broken(g), HasSubstr("the outputs read 'v3'"));
  g = s.graph;
  const ValueId c = g.add_constant("c", make_s64({1, 2}));
  g.value(c).shape = Shape{3};
  EXPECT_THAT(broken(g), HasSubstr("the constant 'c' has shape 2"));
}

TEST(Print, OneLinePerNode) {
  Sample s;
  infer_shapes(s.graph, {}, {});
  s.graph.value(s.relu).layout = Layout::kNhwc;
  EXPECT_EQ(to_string(s.graph),
            "graph ''\n"
            "  input 'x' f32 1x2x3x3\n"
            "  'v1' f32 1x2x3x3 nhwc = Unary relu [n0] ('x' f32 1x2x3x3)\n"
            "  'v3' f32 1x2x3x3 = Binary add clip(0, 6) [n2] ('v1' f32 1x2x3x3 nhwc, "
            "'x' f32 1x2x3x3)\n"
            "  output 'v3' f32 1x2x3x3\n");
}

}  // namespace
}  // namespace convoy::testing
