// Fused modules compiled for every architecture, on machines without a GPU too, in the tile that is
// chosen and in others. What a kernel takes is read from what the compiler says: a spill, or an
// array indexed at run time, is memory traffic that nobody wrote. In the chosen tile it fails. In
// others, and before sm_80, where registers are foretold roughly, few bytes may spill.
// CONVOY_VERBOSE=1 prints a line per kernel.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "cuda/compile.h"
#include "kernels/fused/cuda/describe.h"
#include "kernels/fused/cuda/module.h"
#include "tests/support/fused_cases.h"
#include "tests/support/gpu_profiles.h"

namespace convoy::fused_cuda {
namespace {

using testing::FusedCase;

// What differs in the code that is generated: modules, filters, strides, remainders of channels.
constexpr const char* kSequences[] = {
    "n1 c96 h28 w28 | dw1 r3 s3 pad1",
    "n1 c17 h13 w11 | dw2 r5 s4 stride2 pad2",
    "n1 c96 h28 w28 | pw24",
    "n2 c33 h9 w7 | pw19 stride2",
    "n1 c512 h14 w14 | dw1 r3 s3 pad1 | pw512",
    "n1 c19 h9 w10 | dw1 r3 s3 stride2 pad1 dilation2 | pw35",
    "n1 c96 h14 w14 | pw576 | dw1 r5 s5 stride2 pad2",
    "n1 c3 h15 w13 | pw18 | dw3 r7 s7 pad3",
    "n1 c64 h28 w28 | pw256 | pw64",
    "n1 c160 h7 w7 | pw960 | dw1 r3 s3 pad1 | pw320",
    "n1 c17 h9 w11 | pw33 | dw1 r3 s3 stride2 pad1 | pw31",
};

bool has_pointwise(const FusedProblem& problem) {
  return std::any_of(problem.stages.begin(), problem.stages.end(),
                     [](const FusedStage& stage) { return stage.is_pointwise(); });
}

// One kernel to compile.
struct Case {
  std::string what;
  bool chosen = true;
  Tile tile;
  TileReport report;
  cuda::Program program;
  cuda::Binary binary;
  std::exception_ptr error;
};

class FusedKernels : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (const std::string reason = cuda::compiler_missing(); !reason.empty())
      GTEST_SKIP() << reason;
    device_ = testing::gpu_profile(GetParam());
  }

  void add(const FusedProblem& problem, const Tile& tile, bool chosen, std::string what) {
    cases_.push_back(
        {.what = std::move(what) + (chosen ? ", " : ", not chosen: ") + to_string(tile),
         .chosen = chosen,
         .tile = tile,
         .report = report(problem, tile, device_),
         .program = module_program(problem, tile)});
  }

  void compile_and_judge() {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i; (i = next.fetch_add(1)) < cases_.size();) {
        try {
          cases_[i].binary = cuda::compile_uncached(cases_[i].program, GetParam());
        } catch (...) {
          cases_[i].error = std::current_exception();
        }
      }
    };
    {
      std::vector<std::jthread> others;
      for (int t = 1; t < available_threads(); ++t) others.emplace_back(work);
      work();
    }
    for (const Case& one : cases_) judge(one);
  }

  DeviceDesc device_;
  std::vector<Case> cases_;

 private:
  void judge(const Case& one) {
    SCOPED_TRACE(GetParam() + " " + one.what);
    ASSERT_NO_THROW(if (one.error) std::rethrow_exception(one.error));
    EXPECT_EQ(one.report.reason, "");
    const cuda::Resources& r = one.binary.resources;
    if (verbose_) {
      std::printf(
          "%-8s %3d threads x%d %3d registers %4lld spilt %4lld stack %6lld shared %5.2f s  %s\n",
          GetParam().c_str(), one.report.threads, one.tile.blocks, r.registers,
          static_cast<long long>(r.spill_bytes), static_cast<long long>(r.stack_bytes),
          static_cast<long long>(r.shared_bytes + one.report.shared_bytes), one.binary.seconds,
          one.what.c_str());
    }
    EXPECT_FALSE(one.binary.cubin.empty());
    constexpr std::int64_t kFewBytes = 128;
    const std::int64_t most = one.chosen && device_.cuda.compute_major >= 8 ? 0 : kFewBytes;
    EXPECT_LE(r.spill_bytes, most);
    EXPECT_LE(r.stack_bytes, most);
    EXPECT_GT(r.registers, 0);
    EXPECT_LE(r.registers * one.report.threads * one.tile.blocks,
              device_.cuda.registers_multiprocessor);
    EXPECT_EQ(r.shared_bytes, 0) << "all of it is dynamic";
    EXPECT_LE(one.report.shared_bytes, device_.cuda.shared_bytes_block);
  }

  const bool verbose_ = std::getenv("CONVOY_VERBOSE") != nullptr;
};

// The tile of the least estimate for each module and type, each in an epilogue and layouts of its
// own; for one type, in turn, another tile of the best.
TEST_P(FusedKernels, CompileWithoutSpills) {
  testing::FusedCaseMaker maker(1);
  std::mt19937 random(1);
  const float known = 0;  // contents do not matter to descriptions
  constexpr std::size_t kBest = 20;
  std::size_t turn = 0;
  for (const char* text : kSequences) {
    for (const auto [dtype, precision] : testing::kArithmetics) {
      FusedCase c = maker.dress(testing::chain(text), dtype, precision);
      if (precision == Precision::kSplit && !has_pointwise(c.module)) continue;
      for (FusedStage& stage : c.module.stages) {
        stage.weights = stage.bias = &known, stage.scale = &known;
      }
      if (const Support support = supports(c.module, device_); !support) {
        EXPECT_TRUE(dtype == DType::kBF16 || precision == Precision::kSplit) << support.reason;
        EXPECT_LT(device_.cuda.compute_major, 8) << support.reason;
        continue;
      }
      const std::vector<Tile> tiles = candidate_tiles(c.module, device_);
      ASSERT_FALSE(tiles.empty()) << to_string(c);
      add(c.module, tiles[0], true, to_string(c));
      const auto [turns, at_turn] = testing::kArithmetics[turn % std::size(testing::kArithmetics)];
      const bool another = dtype == turns && precision == at_turn;
      if (another && tiles.size() > 1) {
        const std::size_t at = 1 + random() % (std::min(kBest, tiles.size()) - 1);
        add(c.module, tiles[at], false, to_string(c));
      }
    }
    ++turn;
  }
  compile_and_judge();
}

std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const DeviceDesc& profile : testing::gpu_profiles()) names.push_back(profile.cuda.arch);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Architectures, FusedKernels, ::testing::ValuesIn(architectures()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace convoy::fused_cuda
