// Sessions: which memory they use, whom they let in, and what they refuse.
#include "exec/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "base/error.h"

namespace convoy {
namespace {

using testing::HasSubstr;

constexpr Unary kRelu{UnaryKind::kRelu};
constexpr Unary kNeg{UnaryKind::kNeg};

ValueId add_input(Graph& graph, const std::string& name, std::initializer_list<std::int64_t> dims) {
  const ValueId id = graph.add_value(name, DType::kF32);
  for (std::int64_t dim : dims) graph.value(id).declared.push_back({dim, ""});
  graph.value(id).has_declared = true;
  graph.inputs.push_back(id);
  return id;
}

ValueId add_node(Graph& graph, Op op, Attrs attrs, std::vector<ValueId> inputs,
                 const std::string& name) {
  const ValueId y = graph.add_value(name, DType::kF32);
  graph.nodes.push_back({op, std::move(attrs), name, "", std::move(inputs), {y}});
  return y;
}

// x -> -x -> relu: "y"; the operators stay apart because "minus" is an output too.
Graph two_outputs() {
  Graph graph;
  const ValueId x = add_input(graph, "x", {2, 3});
  const ValueId minus = add_node(graph, Op::kUnary, kNeg, {x}, "minus");
  const ValueId y = add_node(graph, Op::kUnary, kRelu, {minus}, "y");
  graph.outputs = {y, minus};
  return graph;
}

TensorView view_of(std::vector<float>& data, const Shape& shape) {
  return {data.data(), DType::kF32, Layout::kNchw, shape};
}

struct Call {
  std::vector<float> x{1, -2, 3, -4, 5, -6}, y = std::vector<float>(6), minus = y;
  std::array<TensorView, 1> inputs{view_of(x, {2, 3})};
  std::array<TensorView, 2> outputs{view_of(y, {2, 3}), view_of(minus, {2, 3})};
  void expect_right() const {
    EXPECT_EQ(minus, (std::vector<float>{-1, 2, -3, 4, -5, 6}));
    EXPECT_EQ(y, (std::vector<float>{0, 2, 0, 4, 0, 6}));
  }
};

// The message of the refusal, or "" when the run went through.
std::string refusal(Session& session, Call& call) {
  try {
    session.run(call.inputs, call.outputs);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(Session, OutputsAreWrittenInPlaceAndReadBackByLaterSteps) {
  const auto program = compile(two_outputs(), {.threads = 1});
  EXPECT_EQ(program->plan.arena_bytes, 0u);
  Session session(program);
  Call call;
  session.run(call.inputs, call.outputs);
  call.expect_right();
}

TEST(Session, OutputsThatAreInputsConstantsOrRepeatedAreCopied) {
  Graph graph = two_outputs();
  const ValueId one = graph.add_constant("one", std::make_shared<Tensor>(*make_f32_scalar(1)));
  graph.outputs = {graph.outputs[0], graph.outputs[0], graph.inputs[0], one};
  for (bool reference : {false, true}) {
    Session session(compile(graph, {.threads = 1, .reference_only = reference}));
    Call call;
    std::vector<float> again(6), x(6), constant(1);
    const TensorView outputs[] = {call.outputs[0], view_of(again, {2, 3}), view_of(x, {2, 3}),
                                  view_of(constant, *session.program().graph.value(one).shape)};
    session.run(call.inputs, outputs);
    EXPECT_EQ(call.y, (std::vector<float>{0, 2, 0, 4, 0, 6}));
    EXPECT_EQ(again, call.y);
    EXPECT_EQ(x, call.x);
    EXPECT_EQ(constant[0], 1);
  }
}

TEST(Session, ASecondThreadIsRefusedWhileOneIsInside) {
  Session session(compile(two_outputs(), {.threads = 2}));
  Call outer, inner;
  std::string message;
  session.run_profiled(outer.inputs, outer.outputs, [&](std::size_t, double) {
    std::thread([&] { message = refusal(session, inner); }).join();
  });
  EXPECT_THAT(message, HasSubstr("another thread"));
  outer.expect_right();
  EXPECT_EQ(inner.minus, std::vector<float>(6)) << "the refused run wrote something";
  EXPECT_EQ(refusal(session, inner), "");
  inner.expect_right();
}

TEST(Session, StaysUsableAfterAHookThatThrows) {
  Session session(compile(two_outputs(), {.threads = 1}));
  Call call;
  const auto hook = [](std::size_t, double) { throw std::runtime_error("enough"); };
  EXPECT_THROW(session.run_profiled(call.inputs, call.outputs, hook), std::runtime_error);
  EXPECT_EQ(refusal(session, call), "");
  call.expect_right();
}

TEST(Session, RefusesTensorsThatDoNotFit) {
  Session session(compile(two_outputs(), {.threads = 1}));
  const auto with = [&](auto change) {
    Call call;
    change(call);
    return refusal(session, call);
  };
  EXPECT_THAT(with([](Call& r) { r.inputs[0].dtype = DType::kS32; }),
              HasSubstr("'x' has elements"));
  EXPECT_THAT(with([](Call& r) {
                r.inputs[0].shape = {3, 2};
              }),
              HasSubstr("shape 3x2, expected 2x3"));
  EXPECT_THAT(with([](Call& r) { r.outputs[0].layout = Layout::kNhwc; }), HasSubstr("layout nhwc"));
  EXPECT_THAT(with([](Call& r) { r.outputs[1].data = nullptr; }), HasSubstr("'minus' is null"));
  EXPECT_THAT(with([](Call& r) { r.outputs[0].data = r.x.data(); }),
              HasSubstr("overlaps an input"));
  EXPECT_THAT(with([](Call& r) { r.outputs[0].data = r.minus.data(); }),
              HasSubstr("overlaps another output"));
  EXPECT_EQ(with([](Call&) {}), "");
}

}  // namespace
}  // namespace convoy
