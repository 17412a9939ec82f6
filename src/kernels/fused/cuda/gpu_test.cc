// Every fused module on a GPU, against sums in double, in the tiles that are chosen and in others.
// An executable of its own, so that it can be carried to a machine that has one:
//   CONVOY_GPU_GEOMETRIES  random modules to try, of each module and type (250)
//   CONVOY_GPU_SEED        of those, to repeat a run
#include <gtest/gtest.h>
#include <algorithm>

#include <cstdio>
#include <mutex>
#include <random>
#include <set>

#include "cuda/compile.h"
#include "cuda/device.h"
#include "kernels/fused/cuda/module.h"
#include "tests/support/fused_gpu_check.h"
#include "tests/support/gpu_tally.h"

namespace convoy {
namespace {

using testing::CheckOutcome;
using testing::environment;
using testing::FusedCase;
using testing::FusedCaseMaker;
using testing::FusedGpuChecker;
using testing::FusedOperands;
using testing::FusedOracle;
using testing::Step;
using testing::Tallies;
using Residual = Epilogue::Residual;

// How a case is run: by every entry that takes it, as a convolution of a graph by every entry that
// takes that, or in tiles drawn from all that can be used.
struct GpuRun {
  FusedCase module;
  bool entries = true;
  bool as_conv = false;
  int tiles = 0;
};

class FusedGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto found = cuda::availability(); found.devices == 0) GTEST_SKIP() << found.reason;
    if (const std::string reason = cuda::compiler_missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
  }

  // On as many threads as there are, each compiling and checking kernels of its own.
  static Tallies run(const std::vector<GpuRun>& runs) {
    const cuda::Device& device = cuda::Device::get(0);
    std::mutex mutex;
    Tallies tallies;
    ThreadPool pool(0, ThreadPool::Idle::kSleep);
    std::vector<std::unique_ptr<FusedGpuChecker>> checkers;
    for (int i = 0; i < pool.threads(); ++i) {
      checkers.push_back(std::make_unique<FusedGpuChecker>(device));
    }
    pool.parallel_for(static_cast<std::int64_t>(runs.size()), [&](std::int64_t i, int thread) {
      FusedGpuChecker& checker = *checkers[static_cast<std::size_t>(thread)];
      each_way(runs[static_cast<std::size_t>(i)], device, checker,
               [&](const std::string& name, const CheckOutcome& outcome, const std::string& label) {
                 const std::lock_guard lock(mutex);
                 tallies[name].count(outcome, label);
               });
    });
    EXPECT_FALSE(tallies.empty());
    for (const auto& [name, tally] : tallies) tally.report(name);
    return tallies;
  }

  static std::uint64_t seed() {
    static const std::uint64_t seed =
        std::stoull(environment("CONVOY_GPU_SEED", std::to_string(std::random_device{}())));
    return seed;
  }

 private:
  template <class Count>
  static void each_way(const GpuRun& run, const cuda::Device& device, FusedGpuChecker& checker,
                       Count&& count) {
    const FusedCase& c = run.module;
    const FusedOperands operands(c);
    const FusedOracle oracle(c, operands);
    const std::string label = to_string(c);
    const auto attempt = [&](const std::string& name, const std::string& how, auto&& check) {
      CheckOutcome outcome;
      try {
        outcome = check();
      } catch (const std::exception& error) {
        outcome.failure = error.what();
      }
      count(name, outcome, label + how);
    };
    // pwdw is taken by an entry that recomputes halos or by one that does not, or by both.
    const auto through_entries = [&](const Step& step) {
      bool taken = false;
      const testing::BoundStep described(step, testing::Edge::kEnd);
      for (const Implementation* entry : implementations(step.op)) {
        const bool ours =
            entry->device == DeviceDesc::Kind::kCuda && !entry->name.starts_with("conv.");
        if (!ours || !can_run(*entry, described.desc(), device.desc())) continue;
        taken = true;
        attempt(std::string(entry->name), "", [&] { return checker.check(*entry, step, oracle); });
      }
      if (!taken) count("no entry", {.failure = "nobody takes it"}, label);
    };
    const Step step = testing::step_of(c, operands);
    if (run.entries) through_entries(step);
    if (run.as_conv) through_entries(testing::conv_step_of(c, operands));
    if (run.tiles == 0) return;

    const testing::BoundStep host(step, testing::Edge::kEnd);
    // Half of them as for a device of one multiprocessor, on which a few blocks are many: they
    // walk.
    DeviceDesc one = device.desc();
    one.cores = 1;
    const bool walking = c.seed % 2 == 0;
    const DeviceDesc& seen = walking ? one : device.desc();
    std::vector<fused_cuda::Tile> tiles =
        fused_cuda::candidate_tiles(fused_problem(host.desc()), seen);
    const auto is_still = [](const fused_cuda::Tile& tile) { return !tile.walks; };
    if (walking && !std::all_of(tiles.begin(), tiles.end(), is_still)) {
      std::erase_if(tiles, is_still);
    }
    const std::string name =
        "tiles of " + std::string(to_string(module_of(c.module).value_or(Module::kDw))) + " " +
        to_string(testing::Arithmetic{c.module.dtype, c.module.precision}) +
        (!tiles.empty() && tiles[0].walks ? ", walking" : "");
    if (tiles.empty()) return count(name, {.failure = "no tile can be used"}, label);
    std::mt19937_64 random(c.seed);
    for (int i = 0; i < run.tiles; ++i) {
      const fused_cuda::Tile tile = tiles[random() % tiles.size()];
      attempt(name, ", tile " + to_string(tile), [&] {
        return checker.check(
            [&](const OpDesc& op) { return fused_cuda::make_module(op, seen, tile); }, step,
            oracle);
      });
    }
  }
};

TEST_F(FusedGpu, EveryListedModule) {
  FusedCaseMaker maker(1);
  std::vector<GpuRun> runs;
  for (const std::string_view text : testing::kModuleCases) {
    for (const auto [dtype, precision] : testing::kArithmetics) {
      runs.push_back({.module = maker.dress(testing::chain(text), dtype, precision)});
    }
  }
  run(runs);
}

// Every activation in every stage, with every residual, in both layouts of y.
TEST_F(FusedGpu, EveryEpilogue) {
  FusedCaseMaker maker(2);
  std::vector<GpuRun> runs;
  for (int kind = 0; kind <= static_cast<int>(UnaryKind::kMish); ++kind) {
    for (const auto [dtype, precision] : testing::kArithmetics) {
      for (int residual = 0; residual < 3; ++residual) {
        FusedCase c = maker.dress(testing::chain("n1 c20 h6 w7 | pw33 | dw1 r3 s3 pad1 | pw17"),
                                  dtype, precision);
        c.data = testing::ConvCase::Data::kReals;
        for (FusedStage& stage : c.module.stages) {
          stage.activation = testing::usual(UnaryKind(kind));
          stage.has_bias = (kind + residual) % 4 != 0;
        }
        c.module.residual = Residual(residual);
        runs.push_back({.module = c});
      }
    }
  }
  run(runs);
}

// Of networks, where slices and clusters are many: the entries and tiles of every kind.
TEST_F(FusedGpu, ModulesOfRealNetworks) {
  constexpr const char* kNetworks[] = {
      "n1 c32 h112 w112 | dw1 r3 s3 pad1 | pw64",                 // MobileNetV1
      "n1 c512 h14 w14 | dw1 r3 s3 pad1 | pw512",                 //
      "n1 c1024 h7 w7 | dw1 r3 s3 pad1 | pw1024",                 //
      "n1 c24 h56 w56 | pw144 | dw1 r3 s3 pad1 | pw24",           // MobileNetV2
      "n1 c96 h14 w14 | pw576 | dw1 r3 s3 stride2 pad1 | pw160",  //
      "n1 c160 h7 w7 | pw960 | dw1 r3 s3 pad1 | pw320",           //
      "n1 c96 h14 w14 | pw576 | dw1 r3 s3 pad1",                  //
      "n3 c160 h7 w7 | pw960 | dw1 r7 s7 pad3",                   // ProxylessNAS
      "n1 c192 h14 w14 | pw768 | dw1 r5 s5 pad2 | pw192",         // CeiT
      "n1 c64 h28 w28 | pw256 | pw64",                            // CMT
      "n1 c728 h19 w19 | dw1 r3 s3 pad1 | pw728",                 // Xception
      "n2 c576 h14 w14 | dw1 r5 s5 stride2 pad2",
      "n1 c960 h7 w7 | pw320"};
  FusedCaseMaker maker(3);
  std::vector<GpuRun> runs;
  for (const char* text : kNetworks) {
    for (const auto [dtype, precision] : testing::kArithmetics) {
      runs.push_back({.module = maker.dress(testing::chain(text), dtype, precision), .tiles = 3});
    }
  }
  run(runs);
}

// Sums of thousands of products, whose errors' mean square is what multiply-adds would have.
TEST_F(FusedGpu, LongSumsAreAccurate) {
  FusedCaseMaker maker(4);
  std::vector<GpuRun> runs;
  for (const char* text : {"n1 c64 h30 w40 | pw40", "n1 c576 h14 w14 | pw64",
                           "n1 c4608 h6 w6 | pw64", "n2 c16 h30 w40 | pw24"}) {
    for (const Precision precision : {Precision::kStrict, Precision::kSplit}) {
      FusedCase c = maker.dress(testing::chain(text), DType::kF32, precision);
      c.data = testing::ConvCase::Data::kReals;
      c.with_nan = false;
      c.module.residual = Residual::kNone;
      c.module.stages[0].has_bias = false;
      c.module.stages[0].activation = {};
      runs.push_back({.module = c, .tiles = 4});
    }
  }
  run(runs);
}

struct Kind {
  Module module;
  testing::Arithmetic arithmetic;
};

class RandomModules : public FusedGpu, public ::testing::WithParamInterface<Kind> {};

TEST_P(RandomModules, AgreeWithSumsInDouble) {
  const auto [module, arithmetic] = GetParam();
  const auto [dtype, precision] = arithmetic;
  const int count = std::stoi(environment("CONVOY_GPU_GEOMETRIES", "250"));
  std::printf("%d random modules, CONVOY_GPU_SEED=%llu\n", count,
              static_cast<unsigned long long>(seed()));
  FusedCaseMaker maker(seed() + 100 * static_cast<std::uint64_t>(module) +
                       static_cast<std::uint64_t>(dtype) + 50 * (precision == Precision::kSplit));
  const bool single = module == Module::kDw || module == Module::kPw;
  std::vector<GpuRun> runs;
  for (int i = 0; i < count; ++i) {
    GpuRun one{.module = maker.random(module, dtype, 3'000'000, precision)};
    one.as_conv = single && dtype != DType::kS8 && i % 4 == 3;
    one.tiles = !one.as_conv && i % 2 == 1 ? 1 : 0;
    one.entries = !one.as_conv && one.tiles == 0;
    runs.push_back(std::move(one));
  }
  const Tallies tallies = run(runs);
  if (count < 50) return;
  // Whoever is made for these took some.
  const std::string kind = std::string(to_string(module)) + " " + to_string(arithmetic);
  std::set<std::string> found, expected = {"tiles of " + kind, "tiles of " + kind + ", walking"};
  for (const auto& [name, tally] : tallies) found.insert(name);
  // A strict kernel is what kSplit permits as well.
  const auto expect = [&](const std::string& algorithm) {
    expected.insert(algorithm + ".cuda." + std::string(to_string(dtype)));
    if (precision == Precision::kSplit) expected.insert(algorithm + ".cuda.f32_split");
  };
  expect("fused." + std::string(to_string(module)));
  if (module == Module::kPwDw) expect("fused.pwdw_r");
  if (single && dtype != DType::kS8) {
    expect(module == Module::kDw ? "depthwise.direct" : "pointwise.gemm");
  }
  EXPECT_EQ(found, expected);
}

std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (const Module module : testing::kModules) {
    for (const testing::Arithmetic arithmetic : testing::kArithmetics) {
      if (arithmetic.precision == Precision::kSplit && module == Module::kDw) continue;
      all.push_back({module, arithmetic});
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(All, RandomModules, ::testing::ValuesIn(kinds()), [](const auto& info) {
  return std::string(to_string(info.param.module)) + "_" + to_string(info.param.arithmetic);
});

}  // namespace
}  // namespace convoy
