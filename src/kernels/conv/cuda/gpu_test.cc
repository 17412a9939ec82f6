// Every CUDA convolution in f32 on a GPU, against sums in double. An executable of its own, so that
// it can be carried to a machine that has one:
//   CONVOY_GPU_GEOMETRIES  random convolutions to try (500)
//   CONVOY_GPU_SEED        of those, to repeat a run
//   CONVOY_SOURCE_DIR      where tests/data is, when not where this was built
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>

#include "base/error.h"
#include "cuda/compile.h"
#include "cuda/cublas.h"
#include "cuda/device.h"
#include "tests/support/convbench.h"
#include "tests/support/gpu_check.h"
#include "tests/support/gpu_tally.h"

namespace convoy {
namespace {

using testing::CheckOutcome;
using testing::ConvOracle;
using testing::environment;
using testing::GpuCase;
using testing::GpuChecker;
using testing::Layouts;
using testing::Tallies;

class Gpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto found = cuda::availability(); found.devices == 0) GTEST_SKIP() << found.reason;
    if (const std::string reason = cuda::compiler_missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
  }

  // Everything in `cases` through every entry, on as many threads as there are.
  static Tallies run(const std::vector<GpuCase>& cases) {
    const cuda::Device& device = cuda::Device::get(0);
    std::mutex mutex;
    Tallies tallies;
    ThreadPool pool(0, ThreadPool::Idle::kSleep);
    std::vector<std::unique_ptr<GpuChecker>> checkers;
    for (int i = 0; i < pool.threads(); ++i) {
      checkers.push_back(std::make_unique<GpuChecker>(device));
    }
    pool.parallel_for(static_cast<std::int64_t>(cases.size()), [&](std::int64_t i, int thread) {
      const GpuCase& one = cases[static_cast<std::size_t>(i)];
      const ConvOracle oracle(one.conv, one.seed);
      for (const Implementation* entry : implementations(Op::kConv)) {
        if (entry->device != DeviceDesc::Kind::kCuda) continue;
        if (entry->name.ends_with("f16")) continue;  // and bf16: kernels/fused/cuda/gpu_test.cc
        for (const Layouts layouts : one.layouts) {
          testing::ConvCase shown = one.conv;
          shown.layout = layouts.x;
          const std::string label = to_string(shown) + ", y " + std::string(to_string(layouts.y)) +
                                    ", seed " + std::to_string(one.seed);
          CheckOutcome outcome;
          try {
            outcome = checkers[static_cast<std::size_t>(thread)]->check(*entry, one.conv, layouts,
                                                                        oracle);
          } catch (const std::exception& error) {
            outcome.failure = error.what();
          }
          const std::lock_guard lock(mutex);
          tallies[std::string(entry->name)].count(outcome, label);
        }
      }
    });
    return tallies;
  }

  // Prints what was covered; fails for what went wrong, and for an entry that took nothing.
  static void report(const Tallies& tallies) {
    EXPECT_FALSE(tallies.empty());
    for (const auto& [name, tally] : tallies) {
      tally.report(name);
      const bool no_cublas = tally.declined.contains(cuda::blas_missing());
      EXPECT_TRUE(tally.checked > 0 || no_cublas) << name << " took no case";
    }
  }
};

TEST_F(Gpu, EveryListedConvolution) { report(run(testing::listed_gpu_cases())); }

TEST_F(Gpu, EveryEpilogue) { report(run(testing::epilogue_gpu_cases())); }

TEST_F(Gpu, RandomConvolutions) {
  const std::uint64_t seed =
      std::stoull(environment("CONVOY_GPU_SEED", std::to_string(std::random_device{}())));
  const int count = std::stoi(environment("CONVOY_GPU_GEOMETRIES", "500"));
  std::printf("%d random convolutions, CONVOY_GPU_SEED=%llu\n", count,
              static_cast<unsigned long long>(seed));
  testing::RandomConvolutions random(seed);
  std::vector<GpuCase> cases;
  for (int i = 0; i < count; ++i) cases.push_back(random.next());
  report(run(cases));
}

TEST_F(Gpu, ConvolutionsOfRealModels) {
  const std::string path =
      environment("CONVOY_SOURCE_DIR", CONVOY_SOURCE_DIR) + "/tests/data/convbench/convs.csv";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  std::set<std::string> strata;
  std::vector<GpuCase> cases;
  for (const ConvDesc& desc :
       testing::stratified_sample(testing::read_convolutions(path), 100'000'000, 2, strata)) {
    GpuCase one{.conv = {.desc = desc}, .seed = cases.size() + 1};
    one.layouts.assign(std::begin(testing::kPlainLayouts), std::end(testing::kPlainLayouts));
    cases.push_back(one);
  }
  EXPECT_GE(cases.size(), 100u);
  std::printf("%zu convolutions in %zu strata\n", cases.size(), strata.size());
  report(run(cases));
}

}  // namespace
}  // namespace convoy
