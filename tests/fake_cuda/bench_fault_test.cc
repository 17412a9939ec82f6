// The bench of fused modules on a GPU that computes nothing, or fails: what is wrong has no time,
// and what there is is kept.
#include <cuda.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "bench/cuda/counted_run.h"
#include "bench/cuda/energy.h"
#include "bench/cuda/fcm.h"
#include "bench/cuda/fcm_ours.h"
#include "kernels/fused/cuda/module.h"
#include "tests/fake_cuda/fake.h"

namespace convoy::bench {
namespace {

using testing::FakeLibrary;
using ::testing::HasSubstr;

const FakeLibrary& libcuda() {
  static const FakeLibrary library(CONVOY_FAKE_LIBCUDA);
  return library;
}
const FakeLibrary& libnvml() {
  static const FakeLibrary library(CONVOY_FAKE_LIBNVML);
  return library;
}

Options options_for(std::vector<std::string> layers, std::vector<std::string> dtypes) {
  Options options{.peers = {},
                  .layers = std::move(layers),
                  .shapes = std::string(CONVOY_SOURCE_DIR) + "/bench/shapes/fcm.txt",
                  .device = "cuda",
                  .candidates = 3};
  options.dtypes = std::move(dtypes);
  return options;
}

TEST(GraphTimer, RunsManyTimesInOneGraphAndLeavesNothing) {
  const cuda::Device& device = cuda::Device::get(0);
  int runs = 0;
  Row row;
  const int before = libcuda().live();
  {
    const GraphTimer timer(device);
    libcuda().reset();
    timer.measure([&](CUstream) { ++runs; }, row);
  }
  EXPECT_EQ(libcuda().live(), before);
  EXPECT_EQ(libcuda().calls("cuGraphLaunch"), 10);
  // Half a millisecond a run, says this GPU's clock: two for a rough look, four in a graph of 2 ms.
  EXPECT_EQ(runs, 2 + 4);
  EXPECT_DOUBLE_EQ(row.milliseconds, 0.5 / 4);
}

TEST(GraphTimer, DoesNotMeasureWhatIsBeaten) {
  const GraphTimer timer(cuda::Device::get(0));
  const auto nothing = [](CUstream) {};
  EXPECT_TRUE(timer.is_beaten(nothing, 0.3));
  EXPECT_FALSE(timer.is_beaten(nothing, 0.33));
}

TEST(EnergyMeter, CountsJoulesAndSaysWhatIsMissing) {
  const EnergyMeter meter(cuda::Device::get(0));
  const double before = meter.joules();
  EXPECT_DOUBLE_EQ(meter.joules() - before, 1);
  const std::pair<const char*, const char*> calls[] = {
      {"nvmlInit_v2", "nvmlInit: "},
      {"nvmlDeviceGetHandleByPciBusId_v2", "nvmlDeviceGetHandleByPciBusId: "},
      {"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetTotalEnergyConsumption: "}};
  for (const auto& [entry, words] : calls) {
    libnvml().reset();
    libnvml().fail(entry, 1, 3);
    try {
      const EnergyMeter other(cuda::Device::get(0));
      ADD_FAILURE() << entry;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_THAT(error.what(), HasSubstr(std::string(words) + "asked for by a test"));
    }
  }
  libnvml().reset();
}

TEST(CountedRun, IsMarkedWhileTheProfilerListens) {
  const CountedRun counted(cuda::Device::get(0));
  const GraphTimer timer(cuda::Device::get(0));
  libcuda().reset();
  int runs = 0;
  counted(
      7,
      [&](CUstream) {
        ++runs;
        EXPECT_EQ(libcuda().calls("cuProfilerStart"), 1);
        EXPECT_EQ(libcuda().calls("cuLaunchKernel"), 1);  // the mark
        EXPECT_EQ(libcuda().calls("cuProfilerStop"), 0);
      },
      timer.stream());
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(libcuda().calls("cuProfilerStop"), 1);
}

TEST(FcmSuite, WhatComputesNothingIsWrong) {
  const std::vector<Row> rows =
      device_fcm_suite(options_for({"mbv2_pwdwpw_160_960_160_7"}, {"f32", "f16", "bf16", "s8"}));
  // The unfused sequence and three tiles of the module, none of which is called the fastest.
  ASSERT_EQ(rows.size(), 4u * 4);
  for (const Row& row : rows) {
    SCOPED_TRACE(row.implementation + " " + row.dtype);
    EXPECT_THAT(row.status, HasSubstr("wrong: an error of inf"));
    EXPECT_EQ(row.milliseconds, 0);
    EXPECT_EQ(row.module, "pwdwpw");
    EXPECT_NE(row.tile, "");
  }
  EXPECT_EQ(rows[0].implementation, "unfused.pwdwpw.cuda.f32");
  EXPECT_EQ(rows[1].implementation, "fused.pwdwpw.cuda.f32");
  EXPECT_EQ(rows[1].chosen_by, "model");
}

TEST(FcmVariants, ALaunchThatFailsIsTheStatusOfItsRowAlone) {
  const cuda::Device& device = cuda::Device::get(0);
  const FcmCase fcm = parse_fcm_case("a c16 h14 w14 | dw3 relu6 | pw64");
  const FcmTiles tiles = fcm_tiles(fcm, DType::kF32, device.desc(), 3);
  FcmStep step(fcm, DType::kF32, device);
  const GraphTimer timer(device);
  const auto measure = [&] { return our_fcm_variants(step, timer, Row{}, tiles); };
  libcuda().reset();
  measure();
  const int launches = libcuda().calls("cuLaunchKernel");
  libcuda().reset();
  libcuda().fail("cuLaunchKernel", launches, CUDA_ERROR_LAUNCH_FAILED);
  const std::vector<FcmVariant> variants = measure();
  libcuda().reset();
  ASSERT_EQ(variants.size(), 4u);  // the sequence and three tiles
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_THAT(variants[i].row.status, HasSubstr(i < 3 ? "wrong: " : "cuLaunchKernel fails")) << i;
    EXPECT_EQ(variants[i].row.implementation,
              i == 0 ? "unfused.dwpw.cuda.f32" : "fused.dwpw.cuda.f32");
    EXPECT_TRUE(variants[i].enqueue == nullptr);
  }
}

TEST(FcmPrograms, AreThoseThatMeasuringCompiles) {
  const cuda::Device& device = cuda::Device::get(0);
  const FcmCase fcm = parse_fcm_case("a c16 h14 w14 | pw64 relu6 | dw3 | pw16 | residual x");
  const FcmConstants constants(fcm, DType::kF16);
  const FcmTiles tiles = fcm_tiles(fcm, DType::kF16, device.desc(), 2);
  EXPECT_EQ(tiles.whole.size(), 2u);
  ASSERT_EQ(tiles.stages.size(), 3u);
  const std::vector<cuda::Program> programs = fcm_programs(fcm, DType::kF16, tiles);
  ASSERT_EQ(programs.size(), 2u + 3);
  for (const std::size_t i : {0u, 2u}) {  // of the whole, of its first convolution
    FcmOp op(fcm, DType::kF16, Layout::kNhwc, 0, i == 0 ? 3 : 1);
    op.set_constants(constants);
    const FusedProblem problem = fused_problem(op.desc());
    const auto first = fused_cuda::candidate_tiles(problem, device.desc())[0];
    EXPECT_EQ(programs[i].source, fused_cuda::module_program(problem, first).source);
  }
}

// Before anything opens a library.
[[maybe_unused]] const bool kFakes =
    (testing::use_fake_libraries(), setenv("CONVOY_LIBNVML", CONVOY_FAKE_LIBNVML, 1), true);

}  // namespace
}  // namespace convoy::bench
