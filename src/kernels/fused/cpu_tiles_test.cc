// Tiles of the CPU's fused modules: what they hold, what they cost, which is chosen.
#include "kernels/fused/cpu_tiles.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/simd/gemm.h"

namespace convoy {
namespace {

FusedStage pointwise(const ConvDesc& x, std::int64_t k) {
  return {.desc = {.n = x.n, .c = x.c, .h = x.h, .w = x.w, .k = k}};
}

// 3 x 3, padded by 1.
FusedStage depthwise(const ConvDesc& x, std::int64_t stride) {
  ConvDesc d{.n = x.n, .c = x.c, .h = x.h, .w = x.w, .k = x.c, .r = 3, .s = 3};
  d.stride_h = d.stride_w = stride;
  d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
  d.groups = d.c;
  return {.desc = d};
}

ConvDesc result(const FusedStage& stage) {
  return {.n = stage.desc.n, .c = stage.desc.k, .h = stage.desc.p(), .w = stage.desc.q()};
}

FusedProblem block(const ConvDesc& x, std::int64_t middle, std::int64_t k, std::int64_t stride) {
  FusedProblem problem;
  problem.stages.push_back(pointwise(x, middle));
  problem.stages.push_back(depthwise(result(problem.stages.back()), stride));
  if (k > 0) problem.stages.push_back(pointwise(result(problem.stages.back()), k));
  return problem;
}

TEST(CpuTiles, RingHoldsTheRowsUnderTheFilter) {
  const FusedProblem problem = block({.c = 24, .h = 56, .w = 56}, 144, 24, 2);
  const CpuStages stages(problem);
  EXPECT_EQ(stages.channels, 144);
  const CpuScratch scratch(stages, {.rows = 28, .columns = 10, .step = 2, .channels = 48});
  EXPECT_EQ(scratch.pitch, 48);
  EXPECT_EQ(scratch.ring_rows, 5);      // 2 rows of stride 2 under 3 taps
  EXPECT_EQ(scratch.ring_columns, 21);  // 10 columns likewise
  EXPECT_EQ(scratch.tile_pixels, 20);
  EXPECT_EQ(scratch.floats(), (5 * 21 + 20) * 48);
  // Pixels a power of two apart would share few sets of the cache.
  EXPECT_EQ(CpuScratch(stages, {.channels = 128}).pitch, 144);
}

TEST(CpuTiles, AreFittedToTheProblem) {
  const FusedProblem problem = block({.c = 24, .h = 56, .w = 56}, 144, 0, 1);
  const std::int64_t lanes = gemm_kernels().lanes;
  const CpuTile wish{.rows = 100, .columns = 0, .step = 70, .channels = 1};
  EXPECT_EQ(fitted(problem, CpuModule::kPwDwR, wish),
            (CpuTile{.rows = 56, .columns = 1, .step = 56, .channels = lanes}));
  EXPECT_EQ(
      fitted(problem, CpuModule::kPwDw, {.rows = 1, .columns = 1, .step = 4, .channels = 999}),
      (CpuTile{.rows = 56, .columns = 56, .step = 4, .channels = 144}));
}

TEST(CpuTiles, CandidatesFitHalfOfL2) {
  DeviceDesc device;
  for (const std::int64_t middle : {32, 144, 1000}) {
    const FusedProblem problem = block({.c = 24, .h = 112, .w = 112}, middle, 24, 1);
    const auto tiles = cpu_tiles(problem, CpuModule::kPwDwPw, device);
    EXPECT_GT(tiles.size(), 10u);
    for (const CpuTile& tile : tiles) {
      EXPECT_EQ(tile, fitted(problem, CpuModule::kPwDwPw, tile)) << to_string(tile);
      EXPECT_LE(CpuScratch(CpuStages(problem), tile).floats() * 4, device.l2_bytes / 2)
          << to_string(tile);
    }
    const CpuTile chosen = choose_cpu_tile(problem, CpuModule::kPwDwPw, device);
    EXPECT_NE(std::find(tiles.begin(), tiles.end(), chosen), tiles.end()) << to_string(chosen);
  }
  // Where none fits there still is one.
  device.l2_bytes = 1 << 10;
  const FusedProblem problem = block({.c = 24, .h = 56, .w = 56}, 144, 24, 1);
  EXPECT_GE(cpu_tiles(problem, CpuModule::kPwDwPw, device).size(), 1u);
}

TEST(CpuTiles, HalosAreCounted) {
  const FusedProblem problem = block({.c = 24, .h = 56, .w = 56}, 144, 24, 1);
  double flops = 0;
  for (const FusedStage& stage : problem.stages) flops += static_cast<double>(stage.desc.flops());
  const double expand = static_cast<double>(problem.first().flops());
  CpuTile tile{.rows = 56, .columns = 56, .step = 4, .channels = 144};
  EXPECT_DOUBLE_EQ(cpu_flops(problem, tile), flops);
  tile.rows = 14;  // 4 strips of 16 rows instead of 56
  EXPECT_DOUBLE_EQ(cpu_flops(problem, tile), flops + expand * (4 * 16 / 56.0 - 1));
  tile.columns = 28;
  EXPECT_DOUBLE_EQ(cpu_flops(problem, tile),
                   flops + expand * (4 * 16 / 56.0 * (2 * 30 / 56.0) - 1));
}

TEST(CpuTiles, MoreThreadsGetMoreTasksAndTheSameSums) {
  const FusedProblem problem = block({.c = 64, .h = 28, .w = 28}, 384, 64, 1);
  DeviceDesc device;
  device.threads = 1;
  const CpuTile one = choose_cpu_tile(problem, CpuModule::kPwDwPw, device);
  device.threads = 8;
  const CpuTile eight = choose_cpu_tile(problem, CpuModule::kPwDwPw, device);
  EXPECT_EQ(one.channels, eight.channels);
  EXPECT_EQ(one.rows, 28);
  EXPECT_LT(eight.rows * eight.columns, 28 * 28 / 3);
}

}  // namespace
}  // namespace convoy
