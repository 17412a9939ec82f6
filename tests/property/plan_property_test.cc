// What a plan promises, tried on random networks of the kind that fusing is for: the same results
// as without fusion and on any number of threads, no more memory than allowed, no worse than layer
// by layer, and the same again from its file.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "base/error.h"
#include "exec/session.h"
#include "plan/cost_model.h"
#include "plan/plan_file.h"
#include "tests/property/error_bound.h"
#include "tests/property/memory_check.h"
#include "tests/property/random_graph.h"
#include "tests/support/graph_builder.h"

namespace convoy::testing {
namespace {

// Depthwise, pointwise and standard convolutions in chains of 2 to 10, with residuals, branches
// that meet again, activations that stay apart and results seen from outside.
class Network : public GraphBuilder {
 public:
  explicit Network(std::uint64_t seed) : random_(seed) {
    shape_ = {random_.chance(80) ? 1 : 2, random_.in(3, 24), random_.in(6, 33), random_.in(6, 33)};
    ValueId x = input("x", shape_);
    std::vector<ValueId> outputs;
    for (std::int64_t i = random_.in(2, 10); i > 0; --i) {
      x = layer(x);
      if (random_.chance(8)) outputs.push_back(x);
    }
    if (outputs.empty() || outputs.back() != x) outputs.push_back(x);
    graph = finish(outputs);
  }

 private:
  ValueId layer(ValueId x) {
    switch (random_.in(0, 6)) {
      case 0:
        return depthwise(x, random_.chance(60) ? 1 : 2);
      case 1:
        return standard(x);
      case 2:
        return inverted_residual(x);
      case 3: {  // two readers of one map
        const ValueId a = pointwise(x, shape_[1]);
        return add(Op::kBinary, BinaryAttrs{BinaryKind::kAdd, {}}, {a, depthwise(x, 1)});
      }
      default:
        return random_.chance(50) ? pointwise(x, random_.in(1, 40))
                                  : pointwise(depthwise(x, 1), random_.in(1, 40));
    }
  }

  ValueId inverted_residual(ValueId x) {
    const std::int64_t c = shape_[1];
    const std::int64_t stride = random_.chance(75) ? 1 : 2;
    const ValueId wide = pointwise(x, c * random_.in(1, 4));
    const ValueId y = pointwise(depthwise(wide, stride), c);
    if (stride != 1) return y;
    return add(Op::kBinary, BinaryAttrs{BinaryKind::kAdd, {}}, {y, x});
  }

  ValueId pointwise(ValueId x, std::int64_t k) { return conv(x, k, 1, 1, 1); }
  ValueId depthwise(ValueId x, std::int64_t stride) {
    return conv(x, shape_[1], shape_[1], random_.chance(80) ? 3 : 5, stride);
  }
  ValueId standard(ValueId x) { return conv(x, random_.in(2, 24), 1, 3, 1); }

  // Weights so small that magnitudes do not grow from layer to layer.
  ValueId conv(ValueId x, std::int64_t k, std::int64_t groups, std::int64_t size,
               std::int64_t stride) {
    ConvAttrs attrs;
    attrs.groups = groups;
    attrs.stride = {stride, stride};
    attrs.pads = {size / 2, size / 2, size / 2, size / 2};
    const std::int64_t taps = shape_[1] / groups * size * size;
    const float most = 2.0f / static_cast<float>(taps + 1);
    std::vector<ValueId> inputs{x, weights({k, shape_[1] / groups, size, size}, most)};
    if (random_.chance(70)) inputs.push_back(weights({k}, 0.5f));
    shape_[1] = k;
    for (const int axis : {2, 3}) shape_[axis] = (shape_[axis] - 1) / stride + 1;
    const ValueId y = add(Op::kConv, attrs, inputs);
    if (random_.chance(40)) return y;
    return add(Op::kUnary, Unary{UnaryKind::kClip, 0, 6}, {y});
  }

  ValueId weights(const Shape& shape, float most) {
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (float& v : values) v = random_.real(-most, most);
    return constant(make_tensor<float>(shape, values));
  }

  Random random_;
  Shape shape_;
};

using Program = std::shared_ptr<const convoy::Program>;
using Results = std::vector<std::vector<float>>;

Program planned(const Graph& graph, const PlanOptions& plan = {}, int threads = 2) {
  CompileOptions options;
  options.threads = threads;
  options.plan = plan;
  options.record_plan = true;
  return compile(graph, options);
}

ConstTensor input_of(const Graph& graph) {
  const Value& x = graph.value(graph.inputs[0]);
  std::vector<Dim> declared = x.declared;
  Shape shape;
  for (const Dim& dim : declared) shape.push_back(dim.value);
  Random random(77);
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (float& v : values) v = random.real(-2, 2);
  return make_tensor<float>(shape, values);
}

Results run(const Program& program, const ConstTensor& x, int threads) {
  Results results;
  std::vector<TensorView> views;
  for (const ValueId id : program->graph.outputs) {
    const Shape& shape = *program->graph.value(id).shape;
    results.emplace_back(static_cast<std::size_t>(shape.elements()), NAN);
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Shape& shape = *program->graph.value(program->graph.outputs[i]).shape;
    views.push_back({results[i].data(), DType::kF32, Layout::kNchw, shape});
  }
  const TensorView inputs[] = {x->view()};
  Session(program, threads).run(inputs, views);
  return results;
}

bool same_bits(const Results& a, const Results& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0) return false;
  }
  return a.size() == b.size();
}

// CONVOY_PROPERTY_SEEDS asks for more.
void for_many_networks(int seeds, const std::function<void(const Graph&, std::uint64_t)>& check) {
  if (const char* text = std::getenv("CONVOY_PROPERTY_SEEDS")) seeds = std::atoi(text);
  for (int seed = 0; seed < seeds && !::testing::Test::HasFailure(); ++seed) {
    const Network network(static_cast<std::uint64_t>(seed));
    SCOPED_TRACE("seed " + std::to_string(seed));
    check(network.graph, static_cast<std::uint64_t>(seed));
  }
}

double cost(const Plan& plan, Objective objective) {
  double sum = 0;
  for (const Step& step : plan.steps) sum += cost_of(step.estimate, objective, plan.device);
  return sum;
}

TEST(Plans, FusedNetworksComputeWhatUnfusedOnesDoOnAnyNumberOfThreads) {
  int fused = 0;
  for_many_networks(120, [&](const Graph& graph, std::uint64_t) {
    const ConstTensor x = input_of(graph);
    Graph inferred = graph;
    infer_shapes(inferred, {}, reference_evaluator());
    const ConstTensor inputs[] = {x};
    const std::vector<Bounded> expected = run_bounded(inferred, inputs);
    const Program with = planned(graph), without = planned(graph, {.fuse = false});
    const Results y = run(with, x, 1), z = run(without, x, 1);
    EXPECT_TRUE(same_bits(y, run(with, x, 2)));
    for (std::size_t o = 0; o < y.size(); ++o) {
      const Bounded& want = expected[static_cast<std::size_t>(inferred.outputs[o])];
      for (std::size_t i = 0; i < y[o].size(); ++i) {
        // Each is within the bound of the exact result, as the reference is.
        ASSERT_LE(std::fabs(y[o][i] - want.value->as<float>()[i]), 2 * want.error + 1e-30);
        ASSERT_LE(std::fabs(y[o][i] - z[o][i]), 2 * want.error + 1e-30);
      }
    }
    EXPECT_EQ(check_memory(with->plan, with->graph), "");
    fused += with->graph.nodes.size() < without->graph.nodes.size() ? 1 : 0;
  });
  EXPECT_GT(fused, 20);  // or the test would say little
}

TEST(Plans, AreNeverWorseThanLayerByLayer) {
  for_many_networks(120, [](const Graph& graph, std::uint64_t) {
    for (const Objective objective : {Objective::kTime, Objective::kBytes}) {
      const double with = cost(planned(graph, {.objective = objective})->plan, objective);
      const double without =
          cost(planned(graph, {.objective = objective, .fuse = false})->plan, objective);
      EXPECT_LE(with, without * (1 + 1e-12));
    }
    const Plan least = planned(graph, {.objective = Objective::kMemory})->plan;
    EXPECT_LE(least.arena_bytes,
              planned(graph, {.objective = Objective::kMemory, .fuse = false})->plan.arena_bytes);
    EXPECT_LE(least.arena_bytes, planned(graph)->plan.arena_bytes);
  });
}

TEST(Plans, KeepTheirBudgetOrNameTheStepAndTheMissingBytes) {
  int kept = 0, refused = 0;
  for_many_networks(120, [&](const Graph& graph, std::uint64_t seed) {
    const ConstTensor x = input_of(graph);
    const Program free = planned(graph);
    const auto most = static_cast<std::int64_t>(free->plan.arena_bytes);
    const auto least = static_cast<std::int64_t>(
        planned(graph, {.objective = Objective::kMemory})->plan.arena_bytes);
    Random random(seed);
    for (int i = 0; i < 3; ++i) {
      const std::int64_t budget = random.in(std::min(least, most), most);
      const Program within = planned(graph, {.memory_budget = static_cast<std::size_t>(budget)});
      EXPECT_LE(within->plan.arena_bytes, static_cast<std::size_t>(budget));
      EXPECT_EQ(check_memory(within->plan, within->graph), "");
      EXPECT_TRUE(same_bits(run(within, x, 1), run(within, x, 2)));
    }
    if (least == 0) return;
    const auto little = static_cast<std::size_t>(random.in(0, least - 1));
    try {
      EXPECT_LE(planned(graph, {.memory_budget = little})->plan.arena_bytes, little);
      ++kept;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
      const std::string what = error.what();
      EXPECT_NE(what.find("node '"), std::string::npos) << what;
      EXPECT_NE(what.find("more than the memory budget of " + std::to_string(little)),
                std::string::npos)
          << what;
      ++refused;
    }
  });
  EXPECT_GT(refused, 20);
}

TEST(Plans, AreTheSameAgainFromTheirFiles) {
  for_many_networks(120, [](const Graph& graph, std::uint64_t seed) {
    const ConstTensor x = input_of(graph);
    PlanOptions options;
    options.objective = static_cast<Objective>(seed % 3);
    const Program first = planned(graph, options, 1 + static_cast<int>(seed % 2));
    const std::string text = to_text(*first->plan_file);
    CompileOptions again;
    again.replayed = std::make_shared<PlanFile>(parse_plan_file(text, "a.plan"));
    again.plan_origin = "a.plan";
    again.record_plan = true;
    const Program second = compile(graph, again);
    EXPECT_EQ(to_text(*second->plan_file), text);
    EXPECT_EQ(to_string(second->plan, second->graph), to_string(first->plan, first->graph));
    EXPECT_EQ(second->plan.arena_bytes, first->plan.arena_bytes);
    EXPECT_TRUE(same_bits(run(first, x, 0), run(second, x, 0)));
  });
}

}  // namespace
}  // namespace convoy::testing
