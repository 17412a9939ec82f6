// Graphs: order, names, versions, operators.
#include <gtest/gtest.h>

#include "onnx/load.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/refusal.h"

namespace convoy {
namespace {

using test::expect_refused;
using test::OnnxModel;
using test::OnnxNode;
using test::Refusal;

constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;

Graph load(const OnnxModel& model, const LoadOptions& options = {}) {
  return load_onnx(test::as_bytes(model.bytes()), nullptr, options);
}

OnnxNode relu(const char* from, const char* to) { return OnnxNode("Relu", {from}, {to}, to); }

OnnxModel from_x_to_y(std::int64_t opset = 13, std::int64_t ir_version = 8) {
  OnnxModel model(opset, ir_version);
  model.input("x", {1, 3}).output("y");
  return model;
}

void refuse(const char* what, const OnnxModel& model, const Refusal& refusal) {
  SCOPED_TRACE(what);
  expect_refused([&] { load(model); }, refusal);
}

TEST(Convert, NodesAreSorted) {
  OnnxModel model = from_x_to_y();
  model.node(relu("b", "y")).node(relu("a", "b")).node(relu("x", "a"));
  const Graph graph = load(model);
  ASSERT_EQ(graph.nodes.size(), 3u);
  EXPECT_EQ(graph.nodes[0].name, "a");
  EXPECT_EQ(graph.nodes[2].name, "y");
}

TEST(Convert, BadGraphsAreRefused) {
  refuse("cycle", from_x_to_y().node(relu("b", "a")).node(relu("a", "b")).node(relu("a", "y")),
         {kInvalid, {"cycle"}});
  refuse("self", from_x_to_y().node(OnnxNode("Add", {"x", "y"}, {"y"}, "n")),
         {kInvalid, {"'n'", "cycle"}});
  refuse("undefined", from_x_to_y().node(relu("z", "y")), {kInvalid, {"node 'y'", "'z'"}});
  refuse("twice by nodes", from_x_to_y().node(relu("x", "y")).node(relu("x", "y")),
         {kInvalid, {"'y'", "twice"}});
  refuse("a node redefines an input", from_x_to_y().node(relu("x", "y")).node(relu("x", "x")),
         {kInvalid, {"'x'", "twice"}});
  refuse("two inputs", from_x_to_y().input("x", {1}).node(relu("x", "y")),
         {kInvalid, {"'x'", "twice"}});
  const auto weights = test::float_tensor("w", {1}, {1});
  refuse("two initializers",
         from_x_to_y().initializer(weights).initializer(weights).node(relu("w", "y")),
         {kInvalid, {"'w'", "twice"}});
  refuse("nameless initializer",
         from_x_to_y().initializer(test::float_tensor("", {1}, {1})).node(relu("x", "y")),
         {kInvalid, {"no name"}});
  refuse("output never produced", from_x_to_y().node(relu("x", "z")), {kInvalid, {"'y'", "never"}});
  refuse("no outputs", OnnxModel().input("x", {1}).node(relu("x", "y")),
         {kInvalid, {"no outputs"}});
  refuse("negative extent", OnnxModel().input("x", {-2}).output("y").node(relu("x", "y")),
         {kInvalid, {"'x'", "-2"}});
  refuse("sparse initializer", from_x_to_y().graph_field(15, "").node(relu("x", "y")),
         {kUnsupported, {"sparse"}});
}

TEST(Convert, OperandsAreCounted) {
  refuse("missing", from_x_to_y().node(OnnxNode("Conv", {"x"}, {"y"}, "n")),
         {kInvalid, {"'n'", "missing"}});
  refuse("left out", from_x_to_y().node(OnnxNode("Where", {"x", "", "x"}, {"y"}, "n")),
         {kInvalid, {"'n'", "missing"}});
  refuse("too many", from_x_to_y().node(OnnxNode("Relu", {"x", "x"}, {"y"}, "n")),
         {kInvalid, {"'n'", "2"}});
  refuse("no result", from_x_to_y().node(OnnxNode("Relu", {"x"}, {}, "n")).node(relu("x", "y")),
         {kInvalid, {"'n'", "no result"}});
}

TEST(Convert, OptionalResultsMayExistUnread) {
  OnnxModel model = from_x_to_y();
  model.node(OnnxNode("Dropout", {"x"}, {"y", "mask"}, "n"));
  EXPECT_EQ(load(model).nodes[0].outputs.size(), 1u);
  model.output("mask");
  refuse("mask", model, {kUnsupported, {"'n'"}});
  refuse("indices",
         from_x_to_y()
             .node(OnnxNode("MaxPool", {"x"}, {"p", "i"}, "n").with_ints("kernel_shape", {1}))
             .node(relu("i", "y")),
         {kUnsupported, {"'n'"}});
}

TEST(Convert, Versions) {
  for (const std::int64_t opset : {6, 13, 21}) {
    EXPECT_NO_THROW(load(from_x_to_y(opset).node(relu("x", "y"))));
  }
  refuse("opset 5", from_x_to_y(5).node(relu("x", "y")), {kUnsupported, {"opset 5"}});
  refuse("opset 22", from_x_to_y(22).node(relu("x", "y")), {kUnsupported, {"opset 22"}});
  refuse("no opset", from_x_to_y(0).node(relu("x", "y")), {kInvalid, {"opset"}});
  refuse("negative opset", from_x_to_y(-1).node(relu("x", "y")), {kInvalid, {"-1"}});
  refuse("IR 99", from_x_to_y(13, 99).node(relu("x", "y")), {kUnsupported, {"99"}});
  refuse("no IR", from_x_to_y(13, 0).node(relu("x", "y")), {kInvalid, {"IR version 0"}});
  OnnxModel twice = from_x_to_y().node(relu("x", "y"));
  twice.model_field(8, OnnxModel::opset_import("ai.onnx", 14));
  refuse("two opsets", twice, {kInvalid, {"twice"}});
}

TEST(Convert, UnknownOperatorsAreNamed) {
  const auto with = [](const OnnxNode& node) { return from_x_to_y().node(node); };
  refuse("unknown", with(OnnxNode("Frobnicate", {"x"}, {"y"}, "n")),
         {kUnsupported, {"'n'", "Frobnicate", "unsupported"}});
  refuse("domain", with(OnnxNode("FusedConv", {"x"}, {"y"}, "n").in_domain("com.microsoft")),
         {kUnsupported, {"'n'", "com.microsoft"}});
  refuse("no type", with(OnnxNode("", {"x"}, {"y"}, "n")), {kUnsupported, {"'n'"}});
  refuse("quantised", with(OnnxNode("QuantizeLinear", {"x", "x"}, {"y"}, "n")),
         {kUnsupported, {"'n'", "quantised"}});
  refuse("newer than the opset", with(OnnxNode("Gelu", {"x"}, {"y"}, "n")),
         {kUnsupported, {"'n'", "opset 20"}});
}

TEST(Convert, SubgraphsAndFunctionsAreRefusedWithoutDescending) {
  std::string graph;
  for (int depth = 0; depth < 3000; ++depth) {
    const OnnxNode node = OnnxNode("If", {"x"}, {"y"}, "n").with_graph("then_branch", graph);
    graph.clear();
    protozero::pbf_writer(graph).add_message(1, node.bytes());
  }
  refuse("depth", from_x_to_y().node(OnnxNode("If", {"x"}, {"y"}, "n").with_graph("a", graph)),
         {kUnsupported, {"'n'", "subgraphs"}});
  std::string function;
  protozero::pbf_writer(function).add_string(1, "loopy");
  OnnxModel model = from_x_to_y().node(OnnxNode("loopy", {"x"}, {"y"}));
  refuse("functions", model.model_field(25, function), {kUnsupported, {"'loopy'", "function"}});
}

TEST(Convert, OnlyTensorsAreInputs) {
  std::string type, info;
  protozero::pbf_writer(type).add_message(4, std::string());
  protozero::pbf_writer writer(info);
  writer.add_string(1, "s");
  writer.add_message(2, type);
  refuse("sequence", from_x_to_y().graph_field(11, info).node(relu("x", "y")),
         {kUnsupported, {"'s'", "sequence"}});
  refuse("string", OnnxModel().input("x", {1}, 8).output("y").node(relu("x", "y")),
         {kUnsupported, {"'x'", "string"}});
  refuse("unknown", OnnxModel().input("x", {1}, 55).output("y").node(relu("x", "y")),
         {kInvalid, {"'x'", "55"}});
}

TEST(Convert, NodesAreCounted) {
  OnnxModel model = from_x_to_y();
  for (int i = 0; i < 11; ++i) model.node(relu("x", ("v" + std::to_string(i)).c_str()));
  model.node(relu("x", "y"));
  EXPECT_NO_THROW(load(model, {.max_nodes = 12}));
  expect_refused([&] { load(model, {.max_nodes = 11}); }, {kUnsupported, {"12", "11"}});
}

TEST(Convert, TwoByteFieldsDoNotAddUp) {
  std::string node;
  for (int i = 0; i < 100000; ++i) node += std::string("\x2a\x00", 2);  // an empty attribute
  refuse("attributes", from_x_to_y().graph_field(1, node), {kInvalid, {"too many"}});
}

TEST(Convert, InitializersAmongTheInputsAreConstants) {
  OnnxModel model = from_x_to_y();
  model.input("w", {3}).initializer(test::float_tensor("w", {3}, {1, 2, 3}));
  const Graph graph = load(model.node(OnnxNode("Add", {"x", "w"}, {"y"})));
  EXPECT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[1]).constant->as<float>()[2], 3.0f);
}

TEST(Convert, WeightsAliasTheFileWhenAnOwnerKeepsIt) {
  OnnxModel model = from_x_to_y();
  model.initializer({"w", 3, {4}, "abcd", true, ""}).node(relu("x", "y"));
  const auto bytes = std::make_shared<std::string>(model.bytes());
  const Graph shared = load_onnx(test::as_bytes(*bytes), bytes);
  const Graph copied = load_onnx(test::as_bytes(*bytes));
  const auto inside = [&](const Graph& graph) {
    const char* data = graph.value(0).constant->as<char>();
    return data >= bytes->data() && data < bytes->data() + bytes->size();
  };
  EXPECT_TRUE(inside(shared));
  EXPECT_FALSE(inside(copied));
}

}  // namespace
}  // namespace convoy
