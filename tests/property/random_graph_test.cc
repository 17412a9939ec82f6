// Properties that hold for every graph, tried on a few hundred random ones.
#include "tests/property/random_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "exec/session.h"
#include "tests/property/error_bound.h"
#include "tests/property/memory_check.h"

namespace convoy::testing {
namespace {

constexpr int kSteps = 12;

// CONVOY_PROPERTY_SEEDS asks for more; CONVOY_PROPERTY_FIRST moves the window.
int from_environment(const char* name, int fallback) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : fallback;
}

using Property = std::string (*)(std::uint64_t seed, int steps);

// Empty when the property holds; else what is wrong.
std::string outcome(Property property, std::uint64_t seed, int steps) {
  try {
    return property(seed, steps);
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
}

void for_many_graphs(Property property, int seeds) {
  seeds = from_environment("CONVOY_PROPERTY_SEEDS", seeds);
  const int first = from_environment("CONVOY_PROPERTY_FIRST", 0);
  int failures = 0;
  for (int seed = first; seed < first + seeds && failures < 5; ++seed) {
    const auto at = static_cast<std::uint64_t>(seed);
    std::string wrong = outcome(property, at, kSteps);
    if (wrong.empty()) continue;
    ++failures;
    int steps = 0;
    for (; steps < kSteps; ++steps) {
      const std::string smaller = outcome(property, at, steps);
      if (smaller.empty()) continue;
      wrong = smaller;
      break;
    }
    Graph graph = random_graph(at, steps, reference_evaluator());
    infer_shapes(graph, {}, reference_evaluator());
    ADD_FAILURE() << "seed " << seed << ", " << steps << " steps: " << wrong << "\n"
                  << to_string(graph);
  }
}

std::vector<ConstTensor> random_inputs(const Graph& graph, std::uint64_t seed) {
  Random random(seed + 1000003);
  std::vector<ConstTensor> inputs;
  for (ValueId id : graph.inputs) {
    auto tensor = std::make_shared<Tensor>(DType::kF32, *graph.value(id).shape);
    for (std::int64_t i = 0; i < tensor->shape().elements(); ++i) {
      tensor->as<float>()[i] = random.real(-2, 2);
    }
    inputs.push_back(tensor);
  }
  return inputs;
}

std::vector<std::shared_ptr<Tensor>> run(const std::shared_ptr<const Program>& program,
                                         const std::vector<ConstTensor>& inputs, int threads) {
  std::vector<TensorView> in, out;
  std::vector<std::shared_ptr<Tensor>> results;
  for (const ConstTensor& t : inputs) in.push_back(t->view());
  for (ValueId id : program->graph.outputs) {
    const Value& v = program->graph.value(id);
    results.push_back(std::make_shared<Tensor>(v.dtype, *v.shape));
    out.push_back(results.back()->view());
    // What a kernel forgets to write must not look like a result.
    std::memset(out.back().data, 0xff, out.back().bytes());
  }
  Session session(program, threads);
  session.run(in, out);
  return results;
}

std::string compare(const Program& program, const std::vector<std::shared_ptr<Tensor>>& results,
                    const Graph& reference, const std::vector<Bounded>& expected) {
  for (std::size_t o = 0; o < results.size(); ++o) {
    const Bounded& want = expected[static_cast<std::size_t>(reference.outputs[o])];
    if (!(results[o]->shape() == want.value->shape())) return "an output changed its shape";
    for (std::int64_t i = 0; i < results[o]->shape().elements(); ++i) {
      const double y = results[o]->as<float>()[i];
      const double exact = want.value->as<float>()[i];
      // Both sides round.
      if (std::fabs(y - exact) <= 2 * want.error + 1e-30) continue;
      return "output " + std::to_string(o) + " [" + std::to_string(i) + "] is " +
             std::to_string(y) + ", expected " + std::to_string(exact) + " within " +
             std::to_string(2 * want.error) + "\n" + to_string(program.graph) +
             to_string(program.plan, program.graph);
    }
  }
  return {};
}

// A bound so wide that wrong results fit would test nothing: such graphs are counted, and must be
// few.
int wide_bounds = 0;

bool is_wide(const Graph& graph, const std::vector<Bounded>& values) {
  return std::any_of(graph.outputs.begin(), graph.outputs.end(), [&](ValueId id) {
    const Bounded& v = values[static_cast<std::size_t>(id)];
    return !(v.error <= 1e-3 * (1 + v.magnitude));
  });
}

std::string infers(std::uint64_t seed, int steps) {
  Graph graph = random_graph(seed, steps, reference_evaluator());
  verify(graph, false);
  infer_shapes(graph, {}, reference_evaluator());
  verify(graph, true);
  // What is inferred stays as it is.
  Graph again = graph;
  infer_shapes(again, {}, reference_evaluator());
  return to_string(again) == to_string(graph) ? "" : "inferring twice changes the graph";
}

std::string computes(std::uint64_t seed, int steps, const CompileOptions& options) {
  Graph graph = random_graph(seed, steps, reference_evaluator());
  const auto program = compile(graph, options);
  infer_shapes(graph, {}, reference_evaluator());
  const std::vector<ConstTensor> inputs = random_inputs(graph, seed);
  const std::vector<Bounded> expected = run_bounded(graph, inputs);
  const auto results = run(program, inputs, 1);
  if (std::string wrong = compare(*program, results, graph, expected); !wrong.empty()) return wrong;
  // More threads than the program is compiled for are not taken.
  const auto threaded = run(program, inputs, 4);
  for (std::size_t o = 0; o < results.size(); ++o) {
    if (std::memcmp(results[o]->view().data, threaded[o]->view().data,
                    results[o]->view().bytes())) {
      return "several threads compute other bits than one";
    }
  }
  if (is_wide(graph, expected)) ++wide_bounds;
  return check_memory(program->plan, program->graph);
}

// `property` for as many graphs as asked, few of them with bounds that say nothing.
void compute_many_graphs(Property property, int seeds) {
  wide_bounds = 0;
  for_many_graphs(property, seeds);
  EXPECT_LE(wide_bounds, from_environment("CONVOY_PROPERTY_SEEDS", seeds) / 5);
}

TEST(RandomGraphs, InferAndVerify) { for_many_graphs(infers, 300); }

TEST(RandomGraphs, ComputeTheSameOnReferenceKernels) {
  compute_many_graphs(
      [](std::uint64_t seed, int steps) {
        return computes(seed, steps, {.threads = 2, .reference_only = true});
      },
      100);
}

TEST(RandomGraphs, ComputeTheSameAfterAllPasses) {
  compute_many_graphs(
      [](std::uint64_t seed, int steps) { return computes(seed, steps, {.threads = 3}); }, 300);
}

}  // namespace
}  // namespace convoy::testing
