// Plans by the FCM paper's cost model: its modules and its bytes, and whom it does not know.
#include "plan/paper_cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "device/profile.h"
#include "graph/infer.h"
#include "plan/search.h"
#include "tests/support/graph_builder.h"

namespace convoy {
namespace {

using ::testing::HasSubstr;

class Chain {
 public:
  explicit Chain(std::int64_t channels, std::int64_t size, std::int64_t batch = 1)
      : channels_(channels) {
    last_ = b_.input("x", Shape{batch, channels, size, size});
  }
  Chain& pw(std::int64_t k) { return conv({}, Shape{k, channels_, 1, 1}); }
  Chain& dw(std::int64_t stride = 1, std::int64_t dilation = 1) {
    ConvAttrs attrs;
    attrs.stride = {stride, stride};
    attrs.dilation = {dilation, dilation};
    attrs.pads = {dilation, dilation, dilation, dilation};
    attrs.groups = channels_;
    return conv(attrs, Shape{channels_, 1, 3, 3});
  }
  Chain& standard(std::int64_t k) {
    ConvAttrs attrs;
    attrs.pads = {1, 1, 1, 1};
    return conv(attrs, Shape{k, channels_, 3, 3});
  }
  Graph finish() {
    Graph graph = b_.finish({last_});
    infer_shapes(graph, {}, {});
    for (Value& value : graph.values) {
      if (!value.constant) value.layout = Layout::kNhwc;
    }
    return graph;
  }

 private:
  Chain& conv(const ConvAttrs& attrs, const Shape& w) {
    const std::vector<float> values(static_cast<std::size_t>(w.elements()), 0.5f);
    last_ = b_.add(Op::kConv, attrs, {last_, b_.constant(testing::make_tensor<float>(w, values))});
    channels_ = w[0];
    return *this;
  }

  testing::GraphBuilder b_;
  std::int64_t channels_;
  ValueId last_;
};

PlanOptions by_the_paper(const char* profile, DType precision = DType::kF32) {
  PlanOptions options;
  options.device = load_profile(profile);
  options.what_if = true;
  options.precision = precision;
  options.objective = Objective::kBytes;
  options.costs = Costs::kPaper;
  options.keep_candidates = true;
  return options;
}

double bytes_of(const std::vector<paper::Layer>& layers, paper::Module module,
                const PlanOptions& options) {
  const paper::Cost cost = paper::best_cost(
      layers, module, static_cast<std::int64_t>(size_of(options.precision)), options.device);
  EXPECT_EQ(cost.infeasible, "");
  return cost.bytes;
}

constexpr paper::Layer kExpand{paper::Layer::Kind::kPointwise, 24, 56, 56, 144, 56, 56};
constexpr paper::Layer kDepthwise{paper::Layer::Kind::kDepthwise, 144, 56, 56, 144, 56, 56, 3, 3};
constexpr paper::Layer kProject{paper::Layer::Kind::kPointwise, 144, 56, 56, 24, 56, 56};

TEST(PaperCost, StepsMoveWhatThePaperCounts) {
  for (const char* profile : {"gtx-1660", "rtx-a4000", "jetson-agx-orin", "h200"}) {
    for (const DType precision : {DType::kF32, DType::kS8}) {
      const PlanOptions options = by_the_paper(profile, precision);
      // A block of MobileNetV2: one of the two pairs and the third convolution alone.
      const PlannedGraph planned = plan_graph(Chain(24, 56).pw(144).dw().pw(24).finish(), options);
      ASSERT_EQ(planned.plan.steps.size(), 2u) << profile;
      const double pwdw = bytes_of({kExpand, kDepthwise}, paper::Module::kPwDw, options) +
                          bytes_of({kProject}, paper::Module::kSingle, options);
      const double dwpw = bytes_of({kExpand}, paper::Module::kSingle, options) +
                          bytes_of({kDepthwise, kProject}, paper::Module::kDwPw, options);
      double sum = 0;
      for (const Step& step : planned.plan.steps) {
        sum += step.estimate.bytes_l2;
        EXPECT_DOUBLE_EQ(step.estimate.seconds,
                         step.estimate.bytes_l2 / options.device.bytes_per_second);
      }
      EXPECT_DOUBLE_EQ(sum, std::min(pwdw, dwpw)) << profile << ' ' << to_string(precision);
    }
  }
}

TEST(PaperCost, ABatchMovesItsImagesOneByOne) {
  const PlanOptions options = by_the_paper("l4");
  const Plan one = plan_graph(Chain(32, 28).pw(64).finish(), options).plan;
  const Plan four = plan_graph(Chain(32, 28, 4).pw(64).finish(), options).plan;
  EXPECT_EQ(4 * one.steps[0].estimate.bytes_l2, four.steps[0].estimate.bytes_l2);
}

TEST(PaperCost, OthersThanItsModulesDecline) {
  const auto why = [](const Graph& graph, std::size_t nodes) {
    const PlanOptions options = by_the_paper("jetson-agx-orin");
    const Plan plan = plan_graph(graph, options).plan;
    for (const NotFused& entry : plan.not_fused) {
      if (entry.nodes.size() == nodes) return entry.reason;
    }
    return std::string("fused");
  };
  EXPECT_THAT(why(Chain(24, 56).pw(144).dw().pw(24).finish(), 3),
              HasSubstr("the paper has no such module"));
  EXPECT_THAT(why(Chain(3, 56).standard(32).dw().finish(), 2), HasSubstr("convdw"));
  EXPECT_EQ(why(Chain(24, 56).pw(144).dw().finish(), 2), "fused");
}

TEST(PaperCost, WhatThePaperDoesNotKnowKeepsConvoysEstimate) {
  for (Graph& graph :
       std::vector<Graph>{Chain(3, 56).standard(32).finish(), Chain(32, 56).dw(1, 2).finish()}) {
    PlanOptions options = by_the_paper("h200");
    const Plan theirs = plan_graph(graph, options).plan;
    options.costs = Costs::kConvoy;
    const Plan ours = plan_graph(graph, options).plan;
    EXPECT_EQ(theirs.steps[0].estimate.bytes_l2, ours.steps[0].estimate.bytes_l2);
    EXPECT_EQ(theirs.steps[0].implementation, ours.steps[0].implementation);
  }
}

// Bytes are those of the paper's model under the paper's plan, so no plan of Convoy's beats it
// there, and none is worse than layer by layer.
TEST(PaperCost, APlanIsNeverWorseThanLayerByLayer) {
  for (const char* profile : {"gtx-1660", "jetson-agx-orin"}) {
    PlanOptions options = by_the_paper(profile);
    const Graph graph = Chain(32, 56).dw().pw(64).dw(2).pw(128).dw().pw(128).dw(2).pw(256).finish();
    const auto bytes = [&] {
      double sum = 0;
      for (const Step& step : plan_graph(graph, options).plan.steps) sum += step.estimate.bytes_l2;
      return sum;
    };
    const double fused = bytes();
    options.fuse = false;
    EXPECT_LT(fused, bytes()) << profile;
  }
}

TEST(PaperCost, CpusAreRefused) {
  PlanOptions options;
  options.device = detect_cpu(1);
  options.costs = Costs::kPaper;
  try {
    plan_graph(Chain(24, 56).pw(144).finish(), options);
    ADD_FAILURE() << "planned";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("'paper' is of GPUs"));
  }
}

}  // namespace
}  // namespace convoy
