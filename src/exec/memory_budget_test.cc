// Networks that run within a memory budget: strips of rows where fused modules do not suffice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "base/error.h"
#include "exec/session.h"
#include "plan/plan_file.h"
#include "tests/support/mobilenet_v2.h"

namespace convoy {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kExtent = 96;  // a small image, so that the test is fast

CompileOptions within(std::size_t budget, bool fuse) {
  CompileOptions options;
  options.threads = 2;
  options.plan.memory_budget = budget;
  options.plan.fuse = fuse;
  return options;
}

std::vector<float> run(const std::shared_ptr<const Program>& program) {
  const Shape& in = *program->graph.value(program->graph.inputs[0]).shape;
  const Shape& out = *program->graph.value(program->graph.outputs[0]).shape;
  std::vector<float> x(static_cast<std::size_t>(in.elements()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 61) * 0.03f - 1;
  std::vector<float> y(static_cast<std::size_t>(out.elements()));
  const TensorView inputs[] = {{x.data(), DType::kF32, Layout::kNchw, in}};
  const TensorView outputs[] = {{y.data(), DType::kF32, Layout::kNchw, out}};
  Session(program).run(inputs, outputs);
  return y;
}

double seconds(const Program& program) {
  double sum = 0;
  for (const Step& step : program.plan.steps) sum += step.estimate.seconds;
  return sum;
}

TEST(MemoryBudget, IsKeptWithTheSameResultsInLessThanTwiceTheTime) {
  const testing::MobileNetV2 network(kExtent);
  for (const bool fuse : {false, true}) {
    const auto whole = compile(network.graph, within(SIZE_MAX, fuse));
    EXPECT_TRUE(whole->plan.strips.empty());
    const std::vector<float> expected = run(whole);
    bool cut = false;
    for (const double share : {0.9, 0.7, 0.5, 0.35}) {
      const auto budget =
          static_cast<std::size_t>(share * static_cast<double>(whole->plan.arena_bytes));
      const auto program = compile(network.graph, within(budget, fuse));
      EXPECT_LE(program->plan.arena_bytes, budget);
      cut = cut || !program->plan.strips.empty();
      const std::vector<float> found = run(program);
      if (!fuse) {
        EXPECT_EQ(found, expected) << share;
      }
      // Other tiles of a fused module sum in another order; the largest of these numbers is 10.
      for (std::size_t i = 0; fuse && i < found.size(); ++i) {
        EXPECT_NEAR(found[i], expected[i], 1e-4f) << share << " [" << i << "]";
      }
      // What strips cost here: halos, and weights read again.
      EXPECT_LE(seconds(*program), 2 * seconds(*whole)) << share;
    }
    EXPECT_TRUE(cut) << (fuse ? "fused" : "one by one");
  }
}

TEST(MemoryBudget, StripsAreDescribedAndShareTheirKernels) {
  const testing::MobileNetV2 network(kExtent);
  const std::size_t all = compile(network.graph, within(SIZE_MAX, false))->plan.arena_bytes;
  const auto program = compile(network.graph, within(all / 3, false));
  ASSERT_FALSE(program->plan.strips.empty());
  const StripRegion& region = program->plan.strips[0];
  EXPECT_GT(region.nodes, 1);
  EXPECT_GT(region.strips, 1);
  const std::set<std::shared_ptr<const Kernel>> kernels(program->kernels.begin(),
                                                        program->kernels.end());
  EXPECT_LT(kernels.size(), program->kernels.size());
}

TEST(MemoryBudget, APlanInStripsIsReplayedFromItsFile) {
  const testing::MobileNetV2 network(kExtent);
  const std::size_t all = compile(network.graph, within(SIZE_MAX, true))->plan.arena_bytes;
  CompileOptions options = within(all / 2, true);
  options.record_plan = true;
  const auto planned = compile(network.graph, options);
  ASSERT_FALSE(planned->plan.strips.empty());
  const std::string text = to_text(*planned->plan_file);
  auto file = std::make_shared<PlanFile>(parse_plan_file(text, "here"));
  EXPECT_EQ(to_text(*file), text);
  CompileOptions from_file = within(all / 2, true);
  from_file.replayed = file;
  const auto replayed = compile(network.graph, from_file);
  EXPECT_EQ(to_string(replayed->plan, replayed->graph), to_string(planned->plan, planned->graph));
  EXPECT_EQ(replayed->plan.strips.size(), planned->plan.strips.size());
  EXPECT_EQ(run(replayed), run(planned));
  // Another number of strips is another graph, whose steps these are not.
  for (const std::int64_t strips : {std::int64_t{1}, std::int64_t{3000}}) {
    file->patches[0].strips = strips;
    EXPECT_THROW(compile(network.graph, from_file), Error) << strips;
  }
}

TEST(MemoryBudget, OneThatNothingKeepsIsRefusedByName) {
  const testing::MobileNetV2 network(kExtent);
  const auto refusal = [&](const CompileOptions& options) -> std::string {
    try {
      compile(network.graph, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
      return error.what();
    }
    return "";
  };
  const std::string what = refusal(within(2000, true));
  EXPECT_THAT(what, HasSubstr("node '"));
  EXPECT_THAT(what, HasSubstr("more than the memory budget of 2000"));
  EXPECT_THAT(what, HasSubstr("strips of rows"));

  const std::size_t all = compile(network.graph, within(SIZE_MAX, false))->plan.arena_bytes;
  CompileOptions no_strips = within(all / 2, false);
  EXPECT_EQ(refusal(no_strips), "");
  no_strips.plan.strips = false;
  EXPECT_THAT(refusal(no_strips), HasSubstr("more than the memory budget"));
}

}  // namespace
}  // namespace convoy
