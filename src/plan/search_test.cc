// Which convolutions become one step, and which must not: side outputs, branches, residuals,
// strides, budgets, forced kernels; and that what is chosen is the best there is.
#include "plan/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "device/profile.h"
#include "graph/infer.h"
#include "plan/not_fused.h"
#include "tests/support/graph_builder.h"

namespace convoy {
namespace {

using ::testing::ElementsAre;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Convolutions in NHWC, as the layout pass would leave them.
class ConvGraph {
 public:
  ValueId input(std::int64_t channels, std::int64_t size) {
    return b.input("x", Shape{1, channels, size, size});
  }
  ValueId pw(ValueId x, std::int64_t c, std::int64_t k, std::int64_t stride = 1,
             ValueId residual = kNoValue) {
    ConvAttrs attrs;
    attrs.stride = {stride, stride};
    if (residual != kNoValue) attrs.epilogue.residual = Epilogue::Residual::kBeforeActivation;
    return conv(attrs, x, Shape{k, c, 1, 1}, residual);
  }
  ValueId dw(ValueId x, std::int64_t c, std::int64_t stride = 1) {
    ConvAttrs attrs;
    attrs.stride = {stride, stride};
    attrs.pads = {1, 1, 1, 1};
    attrs.groups = c;
    return conv(attrs, x, Shape{c, 1, 3, 3}, kNoValue);
  }
  ValueId standard(ValueId x, std::int64_t c, std::int64_t k) {
    ConvAttrs attrs;
    attrs.pads = {1, 1, 1, 1};
    return conv(attrs, x, Shape{k, c, 3, 3}, kNoValue);
  }
  Graph finish(std::vector<ValueId> outputs) {
    Graph graph = b.finish(std::move(outputs));
    infer_shapes(graph, {}, {});
    for (Value& value : graph.values) {
      if (!value.constant) value.layout = Layout::kNhwc;
    }
    return graph;
  }

  GraphBuilder b;

 private:
  ValueId conv(const ConvAttrs& attrs, ValueId x, const Shape& w, ValueId residual) {
    std::vector<float> values(static_cast<std::size_t>(w.elements()), 0.5f);
    std::vector<ValueId> inputs{x, b.constant(testing::make_tensor<float>(w, values))};
    if (residual != kNoValue) inputs.insert(inputs.end(), {kNoValue, residual});
    return b.add(Op::kConv, attrs, inputs);
  }
};

// Costs made up by the test: of a group's convolutions, "pw", "dw" or "conv" each.
class TableCost final : public CostModel {
 public:
  using Table = std::function<double(const std::string& kinds)>;  // < 0: cannot be run
  explicit TableCost(Table table) : table_(std::move(table)) {}
  const std::vector<Candidate>& candidates(const OpDesc& desc) const override {
    std::string kinds;
    const auto kind = [](const ConvAttrs& a, const Shape& w) {
      return a.groups > 1 ? "dw" : w[2] == 1 ? "pw" : "conv";
    };
    if (desc.op == Op::kConv) {
      kinds = kind(desc.as<ConvAttrs>(), desc.inputs[1].shape);
    } else {
      for (std::size_t i = 0; i < desc.as<FusedConvAttrs>().stages.size(); ++i) {
        kinds += kind(desc.as<FusedConvAttrs>().stages[i].conv, desc.inputs[1 + 3 * i].shape);
      }
    }
    Candidate c{.implementation = implementations(desc.op).front()};
    c.estimate.seconds = table_(kinds);
    if (c.estimate.seconds < 0) c.declined = "the table has no " + kinds;
    return found_ = {c};
  }

 private:
  Table table_;
  mutable std::vector<Candidate> found_;
};

PlanOptions on_cpu() {
  PlanOptions options;
  options.device = detect_cpu(1);
  options.keep_candidates = true;
  return options;
}

PlanOptions on(const char* profile) {
  PlanOptions options;
  options.device = load_profile(profile);
  options.what_if = true;
  options.keep_candidates = true;
  return options;
}

std::vector<Group> groups_of(const Graph& graph, const PlanOptions& options) {
  const RegistryCost model(options);
  return search_groups(graph, options, model).groups;
}

TEST(Search, AnInvertedResidualBecomesOneStep) {
  ConvGraph g;
  const ValueId x = g.input(24, 56);
  const ValueId first = g.pw(x, 24, 24);
  const ValueId y = g.pw(g.dw(g.pw(first, 24, 144), 144), 144, 24, 1, first);
  const Graph graph = g.finish({y});
  EXPECT_THAT(groups_of(graph, on_cpu()), ElementsAre(Group{1, 2, 3}));
  PlanOptions gpu = on("h200");
  gpu.precision = DType::kF16;
  EXPECT_THAT(groups_of(graph, gpu), ElementsAre(Group{1, 2, 3}));
}

TEST(Search, WhatSomeoneElseReadsIsNotFusedAway) {
  for (const bool output : {true, false}) {
    ConvGraph g;
    const ValueId x = g.input(64, 56);
    const ValueId between = g.dw(x, 64);
    const ValueId y = g.pw(between, 64, 128);
    const ValueId other =
        output ? between : g.b.add(Op::kUnary, Unary{UnaryKind::kTanh, 0, 0}, {between});
    const Graph graph = g.finish({y, other});
    const PlanOptions options = on_cpu();
    const RegistryCost model(options);
    const Grouping grouping = search_groups(graph, options, model);
    EXPECT_THAT(grouping.groups, IsEmpty());
    ASSERT_EQ(grouping.not_fused.size(), 1u);
    EXPECT_THAT(grouping.not_fused[0].reason,
                HasSubstr(output ? "is a result of the model" : "is read 2 times"));
  }
}

TEST(Search, AResidualWithinAPairKeepsItApart) {
  ConvGraph g;
  const ValueId x = g.input(64, 56);
  const ValueId sum = g.pw(x, 64, 64, 1, x);
  const Graph graph = g.finish({g.dw(sum, 64)});
  const PlanOptions options = on_cpu();
  const RegistryCost model(options);
  const Grouping grouping = search_groups(graph, options, model);
  EXPECT_THAT(grouping.groups, IsEmpty());
  ASSERT_EQ(grouping.not_fused.size(), 1u);
  EXPECT_THAT(grouping.not_fused[0].reason, HasSubstr("a residual is added"));
}

TEST(Search, StridedPointwiseAndStandardConvolutionsStayAlone) {
  ConvGraph g;
  const ValueId x = g.input(64, 56);
  const ValueId strided = g.pw(g.dw(x, 64), 64, 64, 2);
  const Graph graph = g.finish({g.standard(strided, 64, 32)});
  const PlanOptions options = on_cpu();
  const RegistryCost model(options);
  const Grouping grouping = search_groups(graph, options, model);
  EXPECT_THAT(grouping.groups, IsEmpty());
  std::vector<std::string> reasons;
  for (const NotFused& one : grouping.not_fused) reasons.push_back(one.reason);
  EXPECT_THAT(reasons, ElementsAre(HasSubstr("without strides"), "no kernel computes pwconv in f32",
                                   "no kernel computes dwpwconv in f32"));
}

TEST(Search, SharedMemoryTooSmallForAnyTileKeepsAPairApart) {
  ConvGraph g;
  const ValueId x = g.input(64, 56);
  const Graph graph = g.finish({g.pw(g.dw(x, 64), 64, 128)});
  PlanOptions options = on("h200");
  EXPECT_THAT(groups_of(graph, options), ElementsAre(Group{0, 1}));
  options.device.cuda.shared_bytes_block = 2 << 10;
  const RegistryCost model(options);
  const Grouping grouping = search_groups(graph, options, model);
  EXPECT_THAT(grouping.groups, IsEmpty());
  ASSERT_EQ(grouping.not_fused.size(), 1u);
  EXPECT_THAT(grouping.not_fused[0].reason, HasSubstr("shared memory"));
}

TEST(Search, AForcedKernelIsNotHiddenInAModule) {
  ConvGraph g;
  const ValueId x = g.input(64, 56);
  const Graph graph = g.finish({g.pw(g.dw(x, 64), 64, 128)});
  PlanOptions options = on_cpu();
  options.force["conv"] = "reference";
  EXPECT_THAT(groups_of(graph, options), IsEmpty());
  options.force = {{"fused", "dwpw.cpu.f32"}};
  EXPECT_THAT(groups_of(graph, options), ElementsAre(Group{0, 1}));
  options.force.clear();
  options.fuse = false;
  EXPECT_THAT(groups_of(graph, options), IsEmpty());
}

// Greedy pairs would take the first pair, which leaves the rest with the worse one.
TEST(Search, TheWholePathCountsNotTheFirstPair) {
  ConvGraph g;
  const ValueId x = g.input(32, 28);
  const Graph graph = g.finish({g.pw(g.dw(g.pw(x, 32, 64), 64), 64, 32)});
  const TableCost model([](const std::string& kinds) {
    return kinds == "pw" || kinds == "dw" ? 10.0
           : kinds == "pwdw"              ? 15.0
           : kinds == "dwpw"              ? 11.0
                                          : -1.0;
  });
  EXPECT_THAT(search_groups(graph, on_cpu(), model).groups, ElementsAre(Group{1, 2}));
}

// Every way to cut a path, by brute force.
double least_by_brute_force(const TableCost::Table& table, const std::vector<std::string>& kinds,
                            std::size_t at) {
  if (at == kinds.size()) return 0;
  double least = 1e30;
  std::string together;
  for (std::size_t n = 1; n <= kLongestGroup && at + n <= kinds.size(); ++n) {
    together += kinds[at + n - 1];
    const double own = table(together);
    if (own >= 0) {
      least = std::min(least, own + least_by_brute_force(table, kinds, at + n));
    }
  }
  return least;
}

TEST(Search, IsNeverWorseThanAnyOtherGrouping) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    // Costs that differ from sequence to sequence and from seed to seed.
    const TableCost::Table table = [seed](const std::string& kinds) {
      std::size_t hash = std::hash<std::string>()(kinds + std::to_string(seed));
      const double parts = static_cast<double>(kinds.size()) / 2;
      if (parts > 1 && hash % 5 == 0) return -1.0;
      return parts * (parts > 1 ? 0.4 : 0.7) + static_cast<double>(hash / 5 % 100) / 100;
    };
    ConvGraph g;
    ValueId v = g.input(32, 14);
    std::vector<std::string> kinds;
    for (unsigned i = 0; i < 3 + seed % 6; ++i) {
      const bool depthwise = (seed >> i) % 2 == 1;
      v = depthwise ? g.dw(v, 32) : g.pw(v, 32, 32);
      kinds.push_back(depthwise ? "dw" : "pw");
    }
    const Graph graph = g.finish({v});
    const TableCost model(table);
    const Grouping grouping = search_groups(graph, on_cpu(), model);
    double cost = 0;
    std::vector<bool> covered(kinds.size(), false);
    for (const Group& group : grouping.groups) {
      std::string together;
      for (const std::int32_t at : group) {
        together += kinds[static_cast<std::size_t>(at)];
        covered[static_cast<std::size_t>(at)] = true;
      }
      cost += table(together);
    }
    for (std::size_t i = 0; i < kinds.size(); ++i) cost += covered[i] ? 0 : table(kinds[i]);
    EXPECT_NEAR(cost, least_by_brute_force(table, kinds, 0), 1e-9) << "seed " << seed;
  }
}

TEST(Search, ABudgetIsKeptOrTheStepAndTheMissingBytesAreNamed) {
  ConvGraph g;
  const ValueId x = g.input(24, 56);
  const ValueId first = g.pw(x, 24, 24);
  const ValueId y = g.pw(g.dw(g.pw(first, 24, 144), 144), 144, 24);
  const Graph graph = g.finish({g.pw(y, 24, 24)});
  PlanOptions options = on_cpu();
  options.fuse = false;
  const std::size_t apart = plan_graph(graph, options).plan.arena_bytes;
  EXPECT_EQ(apart, 2 * 4u * 144 * 56 * 56);
  options.fuse = true;
  options.objective = Objective::kMemory;
  const std::size_t least = plan_graph(graph, options).plan.arena_bytes;
  EXPECT_LT(least, apart / 2);
  options.objective = Objective::kTime;
  options.memory_budget = least;
  EXPECT_LE(plan_graph(graph, options).plan.arena_bytes, least);
  options.memory_budget = 2 * 4 * 24 * 56 * 56 - 1;
  options.strips = false;
  try {
    plan_graph(graph, options);
    FAIL() << "a budget below what operand and result take was kept";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.what(), HasSubstr("more than the memory budget of 602111"));
    EXPECT_THAT(error.what(), HasSubstr("node '"));
  }
}

TEST(Search, TheLeastBytesAreNoMoreThanThoseOfTheFastest) {
  ConvGraph g;
  ValueId v = g.input(32, 56);
  for (int i = 0; i < 3; ++i) v = g.pw(g.dw(g.pw(v, 32, 128), 128), 128, 32);
  const Graph graph = g.finish({v});
  PlanOptions options = on("rtx-a4000");
  const auto bytes = [&](Objective objective) {
    options.objective = objective;
    double sum = 0;
    for (const Step& step : plan_graph(graph, options).plan.steps) sum += step.estimate.bytes_l2;
    return sum;
  };
  EXPECT_LE(bytes(Objective::kBytes), bytes(Objective::kTime));
}

TEST(Search, EveryPrecisionOfAGpuIsPlannedAndNoneOfACpu) {
  ConvGraph g;
  const ValueId x = g.input(64, 28);
  const Graph graph = g.finish({g.standard(g.pw(g.dw(x, 64), 64, 128), 128, 32)});
  PlanOptions options = on("h200");
  for (const DType precision : {DType::kF32, DType::kF16, DType::kBF16, DType::kS8}) {
    options.precision = precision;
    const Plan plan = plan_graph(graph, options).plan;
    ASSERT_EQ(plan.steps.size(), 2u);
    EXPECT_EQ(plan.steps[0].implementation->name,
              "fused.dwpw.cuda." + std::string(to_string(precision)));
  }
  options = on_cpu();
  options.precision = DType::kF16;
  EXPECT_THROW(plan_graph(graph, options), Error);
}

}  // namespace
}  // namespace convoy
