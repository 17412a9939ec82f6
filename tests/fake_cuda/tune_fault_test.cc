// convoy tune on a GPU that stands in for one: what is measured is nothing, but all that is around
// the measurement happens. And how contenders are timed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "cli/conv_graph.h"
#include "cli/tuner.h"
#include "plan/tuning_file.h"
#include "tests/fake_cuda/fake.h"

namespace convoy::cli {
namespace {

constexpr const char* kBlock =
    "n1 c16 h14 w14 k32 r1 s1 | n1 c32 h14 w14 k32 r3 s3 pad1 groups32 | n1 c32 h14 w14 k16 r1 s1";

class TuneFault : public ::testing::Test {
 protected:
  TuneFault() {
    testing::use_fake_libraries();
    std::string name = (std::filesystem::temp_directory_path() / "convoy-tune-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~TuneFault() override { std::filesystem::remove_all(folder_); }

  TuningOutcome tune_block(StepTimer& timer, DType dtype) const {
    const Graph graph = conv_graph(kBlock, dtype, Layout::kNhwc);
    TunerOptions options{.file = folder_ / "tuning.txt"};
    options.rule = {.seconds = 0, .least_rounds = 1, .most_rounds = 2};
    const auto tasks = tuning_tasks(graph, timer.device(), 3);
    return tune(graph, tasks, timer, options, [](const TuningTask&, std::size_t) { return false; });
  }

  std::filesystem::path folder_;
};

TEST_F(TuneFault, AGpusConvolutionsAndModulesAreMeasuredAndKept) {
  const auto timer = cuda_step_timer(0);
  for (const DType dtype : {DType::kF32, DType::kF16}) {
    const TuningOutcome outcome = tune_block(*timer, dtype);
    EXPECT_EQ(outcome.measured, 6u);
    EXPECT_EQ(outcome.left, 0u);
    EXPECT_THAT(outcome.failed, ::testing::IsEmpty());
    EXPECT_EQ(tune_block(*timer, dtype).known, 6u);
  }
  const TuningTable table = read_tuning(folder_ / "tuning.txt").table;
  ASSERT_EQ(table.devices().size(), 1u);
  EXPECT_TRUE(table.devices().begin()->first.starts_with("cuda "));
  EXPECT_EQ(table.size(), 12u);
}

TEST_F(TuneFault, AGpuThatFailsEndsTheTuningAndWhatWasMeasuredIsKept) {
  const auto timer = cuda_step_timer(0);
  const testing::FakeLibrary driver(CONVOY_FAKE_LIBCUDA);
  driver.fail("cuEventElapsedTime", 20, 719);
  EXPECT_THROW(tune_block(*timer, DType::kF32), Error);
  driver.reset();
  const std::size_t kept = read_tuning(folder_ / "tuning.txt").table.size();
  EXPECT_GT(kept, 0u);
  EXPECT_EQ(tune_block(*timer, DType::kF32).known, kept);
}

TEST(Interleave, TheLeastTimeOfEachCountsAndTheFirstRunDoesNot) {
  std::vector<int> runs(2);
  const auto run = [&](std::size_t i) {
    const int n = runs[i]++;
    return n == 0 ? 0.001 : (i == 0 ? 5.0 : 6.0) + (n % 4 == 2 ? 0 : 3);
  };
  EXPECT_THAT(interleave(2, run, {.seconds = 1e9, .most_rounds = 12}),
              ::testing::ElementsAre(5.0, 6.0));
}

TEST(Interleave, WhatIsFarSlowerDropsOut) {
  std::vector<int> runs(3);
  const auto run = [&](std::size_t i) {
    ++runs[i];
    return std::vector<double>{1, 1.2, 2}[i];
  };
  interleave(3, run, {.seconds = 1e9, .least_rounds = 3, .most_rounds = 10});
  EXPECT_THAT(runs, ::testing::ElementsAre(11, 11, 4));
}

TEST(Interleave, EndsWithItsTimeAndWhenThereIsNoNews) {
  int runs = 0;
  const auto second = [&](std::size_t) { return ++runs, 1.0; };
  interleave(1, second, {.seconds = 7, .least_rounds = 3});
  EXPECT_EQ(runs, 7);
  runs = 0;
  interleave(1, second, {.seconds = 1e9});
  EXPECT_LT(runs, 30);
  EXPECT_TRUE(interleave(0, second, {}).empty());
}

}  // namespace
}  // namespace convoy::cli
