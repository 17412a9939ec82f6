#include "plan/plan_diff.h"

#include <gtest/gtest.h>

namespace convoy {
namespace {

PlanFile::Step step(std::vector<PlanFile::Node> nodes, std::string kernel, double seconds = 1) {
  PlanFile::Step s;
  s.nodes = std::move(nodes);
  s.kernel = std::move(kernel);
  s.estimate.seconds = seconds;
  return s;
}

PlanFile chain() {
  PlanFile file;
  file.model = "m";
  file.arena_bytes = 640;
  file.steps = {step({{0, "a"}}, "conv.x"), step({{1, "b"}, {2, "c"}}, "fused.y"),
                step({{3, "d"}}, "pool.z")};
  file.values = {{1, "v", {Place::Kind::kArena, 0, 64, 128}}};
  return file;
}

TEST(PlanDiff, EqualPlansHaveNone) {
  PlanFile other = chain();
  other.version = "later";
  const PlanDiff found = diff(chain(), other);
  EXPECT_TRUE(found.equal());
  EXPECT_EQ(found.equal_steps, 3u);
}

TEST(PlanDiff, NamesWhatAStepHasOtherwise) {
  PlanFile other = chain();
  other.steps[0].kernel = "conv.w";
  other.steps[2].tile = "2x2";
  other.steps[2].estimate.seconds = 2;
  const PlanDiff found = diff(chain(), other);
  ASSERT_EQ(found.steps.size(), 2u);
  ASSERT_EQ(found.steps[0].fields.size(), 1u);
  EXPECT_EQ(found.steps[0].fields[0].name, "kernel");
  EXPECT_EQ(found.steps[0].fields[0].before, "conv.x");
  EXPECT_EQ(found.steps[0].fields[0].after, "conv.w");
  ASSERT_EQ(found.steps[1].fields.size(), 2u);
  EXPECT_EQ(found.steps[1].fields[0].before, "its own");
  EXPECT_EQ(found.steps[1].fields[1].after, "2");
  EXPECT_EQ(found.equal_steps, 1u);
}

TEST(PlanDiff, StepsThatShareNodesAreOneSet) {
  PlanFile other = chain();
  other.steps = {step({{0, "a"}, {1, "b"}}, "fused.y"), step({{2, "c"}}, "conv.x"),
                 step({{3, "d"}}, "pool.z")};
  const PlanDiff found = diff(chain(), other);
  ASSERT_EQ(found.steps.size(), 1u);
  EXPECT_EQ(found.steps[0].before.size(), 2u);
  EXPECT_EQ(found.steps[0].after.size(), 2u);
  EXPECT_TRUE(found.steps[0].fields.empty());
  EXPECT_EQ(found.equal_steps, 1u);
}

TEST(PlanDiff, NodesOfOtherModelsGoByTheirNames) {
  PlanFile other = chain();
  other.model = "n";
  for (PlanFile::Step& s : other.steps) {
    for (PlanFile::Node& node : s.nodes) node.index += 7;
  }
  other.steps.push_back(step({{20, "e"}}, "pool.z"));
  other.steps.erase(other.steps.begin());
  const PlanDiff found = diff(chain(), other);
  ASSERT_EQ(found.fields.size(), 1u);
  EXPECT_EQ(found.fields[0].name, "model");
  ASSERT_EQ(found.steps.size(), 2u);
  EXPECT_TRUE(found.steps[0].after.empty());   // a is gone
  EXPECT_TRUE(found.steps[1].before.empty());  // e is new
  EXPECT_EQ(found.equal_steps, 2u);
}

TEST(PlanDiff, TellsWhatOnlyMoved) {
  PlanFile other = chain();
  other.values[0].place.offset = 0;
  PlanDiff found = diff(chain(), other);
  EXPECT_TRUE(found.steps.empty());
  EXPECT_EQ(found.moved, 1u);
  EXPECT_FALSE(found.equal());
  other = chain();
  other.steps[1].workspace_offset = 64;
  EXPECT_EQ(diff(chain(), other).moved, 1u);
}

TEST(PlanDiff, ComparesWhatWasAskedFor) {
  PlanFile other = chain();
  other.objective = Objective::kMemory;
  other.memory_budget = 1000;
  other.arena_bytes = 512;
  other.device.threads = 3;
  const PlanDiff found = diff(chain(), other);
  ASSERT_EQ(found.fields.size(), 4u);
  EXPECT_EQ(found.fields[0].after, "memory");
  EXPECT_EQ(found.fields[1].before, "none");
  EXPECT_EQ(found.fields[2].name, "device");
  EXPECT_EQ(found.fields[3].after, "512");
}

}  // namespace
}  // namespace convoy
