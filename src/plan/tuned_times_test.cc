#include "plan/tuned_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "graph/infer.h"
#include "plan/cost_model.h"
#include "plan/problem_text.h"
#include "plan/tuning_tasks.h"
#include "tests/support/graph_builder.h"

namespace convoy {
namespace {

using testing::GraphBuilder;

ValueId conv(GraphBuilder& b, ValueId x, std::int64_t c, std::int64_t k, std::int64_t r,
             std::int64_t groups) {
  const std::vector<float> weights(static_cast<std::size_t>(k * (c / groups) * r * r), 0.5f);
  const ValueId w = b.constant(testing::make_tensor({k, c / groups, r, r}, weights));
  ConvAttrs attrs;
  attrs.groups = groups;
  attrs.pads = {r / 2, r / 2, r / 2, r / 2};
  return b.add(Op::kConv, attrs, {x, w, kNoValue});
}

// Two blocks of expand, depthwise and project in NHWC, as passes leave them.
Graph blocks() {
  GraphBuilder b;
  ValueId x = b.input("x", Shape{1, 16, 28, 28});
  for (int block = 0; block < 2; ++block) {
    x = conv(b, x, 16, 64, 1, 1);
    x = conv(b, x, 64, 64, 3, 64);
    x = conv(b, x, 64, 16, 1, 1);
  }
  Graph graph = b.finish({x});
  infer_shapes(graph, {}, {});
  for (Value& value : graph.values) {
    if (!value.constant) value.layout = Layout::kNhwc;
  }
  return graph;
}

// Every way of every task, with times that `seconds` makes up.
template <class Fn>
TuningTable measured(const std::vector<TuningTask>& tasks, const DeviceDesc& device, Fn&& seconds) {
  TuningTable table;
  for (const TuningTask& task : tasks) {
    TuningRecord record{.rates = rates_text(device)};
    for (const Candidate& way : task.ways) {
      record.ways.push_back({std::string(way.implementation->name), way.tile, seconds(task, way),
                             way.estimate.seconds});
    }
    table.keep(tuning_device(device), task.problem, record);
  }
  return table;
}

TEST(TuningTasks, AreTheDistinctConvolutionsAndGroupsOfAPathWithUses) {
  const std::vector<TuningTask> tasks = tuning_tasks(blocks(), detect_cpu(1), 8);
  int uses = 0, modules = 0;
  for (const TuningTask& task : tasks) {
    uses += task.uses;
    modules += task.node.op == Op::kFusedConv ? 1 : 0;
    EXPECT_LE(task.ways.size(), 8u);
    for (std::size_t i = 1; i < task.ways.size(); ++i) {
      EXPECT_LE(task.ways[i - 1].estimate.seconds, task.ways[i].estimate.seconds);
    }
  }
  // pw, dw, pw; pwdw, dwpw, pwpw (between the blocks), pwdwpw.
  EXPECT_EQ(tasks.size(), 7u);
  EXPECT_EQ(modules, 4);
  EXPECT_EQ(uses, 6 + 5 + 2);
  for (std::size_t i = 1; i < tasks.size(); ++i) {
    EXPECT_GE(tasks[i - 1].weight(), tasks[i].weight());
  }
}

TEST(TuningTasks, AllWaysAreMoreThanTheBestFew) {
  const auto few = tuning_tasks(blocks(), detect_cpu(1), 4);
  const auto all = tuning_tasks(blocks(), detect_cpu(1), kAllWays);
  ASSERT_EQ(few.size(), all.size());
  std::size_t more = 0;
  for (std::size_t i = 0; i < all.size(); ++i) more += all[i].ways.size();
  EXPECT_GT(more, 4 * all.size());
}

TEST(TunedTimes, APlanTakesTheMeasuredWinnerEvenOneFarDownTheList) {
  const Graph graph = blocks();
  PlanOptions options;
  options.device = detect_cpu(1);
  const auto tasks = tuning_tasks(graph, options.device, kAllWays);
  // The last way of each task is the fastest, and the whole block faster than its parts.
  const auto seconds = [](const TuningTask& task, const Candidate& way) {
    const auto stages =
        static_cast<double>(std::count(task.problem.begin(), task.problem.end(), '|'));
    const double last = &way == &task.ways.back() ? 1 : 2;
    return 1e-6 * last * (stages == 2 ? 1 : 100);
  };
  const TunedTimes tuned(measured(tasks, options.device, seconds), options.device);
  options.measured = &tuned;
  const PlannedGraph planned = plan_graph(graph, options);
  ASSERT_EQ(planned.plan.steps.size(), 2u);
  for (const Step& step : planned.plan.steps) {
    EXPECT_TRUE(step.measured);
    EXPECT_DOUBLE_EQ(step.estimate.seconds, 1e-6);
    EXPECT_EQ(step.implementation->name, "fused.pwdwpw.cpu.f32");
  }
}

double total(const Plan& plan) {
  double seconds = 0;
  for (const Step& step : plan.steps) seconds += step.estimate.seconds;
  return seconds;
}

// By the measured times, of the plan that the estimates choose.
double untuned_total(const Graph& graph, PlanOptions options, const TunedTimes& tuned) {
  options.measured = nullptr;
  const PlannedGraph planned = plan_graph(graph, options);
  double seconds = 0;
  for (const Step& step : planned.plan.steps) {
    const Node& node = planned.graph.nodes[static_cast<std::size_t>(step.node)];
    const StepDesc desc(planned.graph, node);
    const auto known = tuned.seconds(problem_text(desc.desc()),
                                     {.implementation = step.implementation, .tile = step.tile});
    seconds += known.value_or(1e9);
  }
  return seconds;
}

TEST(TunedTimes, ATunedPlanIsNeverSlowerByItsOwnNumbers) {
  const Graph graph = blocks();
  PlanOptions options;
  options.device = detect_cpu(1);
  const auto tasks = tuning_tasks(graph, options.device, kAllWays);
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    std::uniform_real_distribution<double> times(1e-6, 1e-4);
    const TunedTimes tuned(
        measured(tasks, options.device, [&](auto&, auto&) { return times(random); }),
        options.device);
    options.measured = &tuned;
    const double seconds = total(plan_graph(graph, options).plan);
    EXPECT_LE(seconds, untuned_total(graph, options, tuned) * (1 + 1e-12));
  }
}

// The machine is three times slower than is estimated. Only single convolutions were measured: were
// the estimates of modules left as they are, modules would look three times faster than they are.
TEST(TunedTimes, EstimatesAreScaledToWhatWasMeasured) {
  const Graph graph = blocks();
  PlanOptions options;
  options.device = detect_cpu(1);
  const auto untuned = plan_graph(graph, options);
  auto tasks = tuning_tasks(graph, options.device, kAllWays);
  std::erase_if(tasks, [](const TuningTask& task) { return task.node.op == Op::kFusedConv; });
  const auto slower = [](const TuningTask&, const Candidate& way) {
    return 3 * way.estimate.seconds;
  };
  const TunedTimes tuned(measured(tasks, options.device, slower), options.device);
  EXPECT_NEAR(tuned.scale({.implementation = find_implementation("fused.dwpw.cpu.f32")}), 3, 0.01);
  options.measured = &tuned;
  const auto planned = plan_graph(graph, options);
  EXPECT_NEAR(total(planned.plan), 3 * total(untuned.plan), 0.01 * total(untuned.plan));
  ASSERT_EQ(planned.plan.steps.size(), untuned.plan.steps.size());
  for (std::size_t i = 0; i < planned.plan.steps.size(); ++i) {
    EXPECT_EQ(planned.plan.steps[i].implementation, untuned.plan.steps[i].implementation);
  }
}

TEST(TunedTimes, EstimatesThatRestOnOtherRatesScaleNothing) {
  DeviceDesc device = detect_cpu(1);
  const auto tasks = tuning_tasks(blocks(), device, 4);
  const auto slower = [](const TuningTask&, const Candidate& way) {
    return 3 * way.estimate.seconds;
  };
  const TuningTable table = measured(tasks, device, slower);
  device.flops_per_second_core *= 1.1;
  const TunedTimes tuned(table, device);
  EXPECT_FALSE(tuned.empty());
  EXPECT_EQ(tuned.scale({.implementation = find_implementation("fused.dwpw.cpu.f32")}), 1);
}

TEST(TunedTimes, AnotherDevicesTimesAreNotUsed) {
  DeviceDesc device = detect_cpu(1);
  const auto tasks = tuning_tasks(blocks(), device, 4);
  const auto one = [](const TuningTask&, const Candidate&) { return 1.0; };
  const TuningTable table = measured(tasks, device, one);
  device.threads = 2;
  const TunedTimes tuned(table, device);
  EXPECT_TRUE(tuned.empty());
  EXPECT_FALSE(tuned.knows(tasks.front().problem));
  EXPECT_FALSE(tuned.seconds(tasks.front().problem, tasks.front().ways.front()));
}

}  // namespace
}  // namespace convoy
