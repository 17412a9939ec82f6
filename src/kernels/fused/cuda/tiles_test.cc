// The tiles that fused modules are cut by: what is refused and why, that candidates keep to their
// device, and that they cover the map.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/fused/cuda/cost.h"
#include "kernels/fused/cuda/describe.h"
#include "kernels/fused/cuda/module.h"
#include "tests/support/described_step.h"
#include "tests/support/fused_cases.h"
#include "tests/support/gpu_profiles.h"

namespace convoy::fused_cuda {
namespace {

using ::testing::HasSubstr;

const float kSomething = 0;  // stands for weights: nothing here reads them

ConvDesc depthwise(std::int64_t c, std::int64_t extent, std::int64_t r, std::int64_t stride) {
  return {.c = c,
          .h = extent,
          .w = extent,
          .k = c,
          .r = r,
          .s = r,
          .stride_h = stride,
          .stride_w = stride,
          .pad_top = r / 2,
          .pad_left = r / 2,
          .pad_bottom = r / 2,
          .pad_right = r / 2,
          .groups = c};
}

ConvDesc pointwise(std::int64_t c, std::int64_t extent, std::int64_t k) {
  return {.c = c, .h = extent, .w = extent, .k = k};
}

FusedProblem problem(DType dtype, std::vector<ConvDesc> descs) {
  FusedProblem p{.dtype = dtype,
                 .x_layout = convoy::Layout::kNhwc,
                 .y_layout = convoy::Layout::kNhwc,
                 .residual_layout = convoy::Layout::kNhwc};
  for (const ConvDesc& d : descs) {
    p.stages.push_back({.desc = d, .weights = &kSomething, .scale = &kSomething});
  }
  return p;
}

// One problem of every module.
std::vector<FusedProblem> problems(DType dtype) {
  return {
      problem(dtype, {depthwise(96, 28, 3, 1)}),
      problem(dtype, {pointwise(96, 28, 24)}),
      problem(dtype, {depthwise(512, 14, 3, 1), pointwise(512, 14, 512)}),
      problem(dtype, {pointwise(96, 14, 576), depthwise(576, 14, 5, 2)}),
      problem(dtype, {pointwise(64, 28, 256), pointwise(256, 28, 64)}),
      problem(dtype, {pointwise(160, 7, 960), depthwise(960, 7, 3, 1), pointwise(960, 7, 320)})};
}

std::string reason(const FusedProblem& p, const Tile& tile) {
  return report(p, tile, testing::gpu_profile("sm_90a")).reason;
}

TEST(FusedTiles, CandidatesKeepToEveryDevice) {
  for (const DeviceDesc& device : testing::gpu_profiles()) {
    for (const auto [dtype, precision] : testing::kArithmetics) {
      for (FusedProblem& p : problems(dtype)) {
        p.precision = precision;
        if (device.cuda.compute_major < 8 &&
            (dtype == DType::kBF16 || precision == Precision::kSplit)) {
          continue;
        }
        SCOPED_TRACE(device.cuda.arch + " " + std::string(to_string(*module_of(p))));
        const std::vector<Tile> tiles = candidate_tiles(p, device);
        ASSERT_FALSE(tiles.empty());
        double last = 0;
        for (const Tile& tile : tiles) {
          const TileReport r = report(p, tile, device);
          ASSERT_EQ(r.reason, "") << to_string(tile);
          ASSERT_EQ(parse_tile(to_string(tile)), tile) << to_string(tile);
          ASSERT_LE(r.shared_bytes, device.cuda.shared_bytes_block);
          ASSERT_GT(r.registers, 36);
          ASSERT_LE(r.registers * tile.blocks * r.threads, device.cuda.registers_multiprocessor);
          ASSERT_LE(tile.blocks * r.threads, device.cuda.threads_multiprocessor);
          ASSERT_GE(r.estimate.seconds, last) << "candidates come by their estimates";
          last = r.estimate.seconds;
          const Cut c = cut(describe(p), tile);
          ASSERT_GE(c.tiles_h * tile.rows, p.last().p());
          ASSERT_GE(c.tiles_w * tile.columns, p.last().q());
          ASSERT_GE(c.slices * tile.outputs, p.last().k);
          ASSERT_EQ(r.blocks,
                    static_cast<std::int64_t>(c.tiles_h) * c.tiles_w * c.slices * tile.blocks_sums);
        }
      }
    }
  }
}

TEST(FusedTiles, AreRefusedWithTheirReason) {
  const FusedProblem dwpw = problem(DType::kF32, {depthwise(64, 14, 3, 1), pointwise(64, 14, 64)});
  const Tile good{.rows = 7, .columns = 7, .outputs = 64, .middle = 64, .inputs = 64, .strip = 7};
  ASSERT_EQ(reason(dwpw, good), "");
  const auto with = [&](auto member, auto value) {
    Tile tile = good;
    tile.*member = value;
    return tile;
  };
  EXPECT_THAT(reason(dwpw, with(&Tile::rows, 0)), HasSubstr("outside 1 to 4096"));
  EXPECT_THAT(reason(dwpw, with(&Tile::outputs, 40)), HasSubstr("slices of 16 channels"));
  EXPECT_THAT(reason(dwpw, with(&Tile::strip, 4)), HasSubstr("strips that divide"));
  EXPECT_THAT(reason(dwpw, with(&Tile::warps_sums, 16)), HasSubstr("32 warps"));
  EXPECT_THAT(reason(dwpw, with(&Tile::blocks_sums, 16)), HasSubstr("clusters"));
  EXPECT_THAT(reason(dwpw, with(&Tile::blocks_sums, 2)), HasSubstr("fewer slices"));
  EXPECT_THAT(reason(dwpw, with(&Tile::blocks, 32)), HasSubstr("does not fit 32 times"));
  EXPECT_THAT(reason(dwpw, with(&Tile::middle, 4096)), HasSubstr("bytes of shared memory"));
  Tile wide = good;
  wide.rows = wide.columns = wide.strip = 14;
  wide.warps_outputs = 1, wide.warps_sums = 4;
  EXPECT_THAT(reason(dwpw, wide), HasSubstr("registers"));

  EXPECT_THAT(reason(dwpw, with(&Tile::walks, true)), HasSubstr("cannot walk"));
  Tile walking = good;
  walking.warps_sums = 1, walking.walks = true;
  EXPECT_EQ(reason(dwpw, walking), "");
  walking.middle = 32;
  EXPECT_THAT(reason(dwpw, walking), HasSubstr("cannot walk"));

  const FusedProblem dw = problem(DType::kF32, {depthwise(64, 14, 3, 1)});
  EXPECT_THAT(reason(dw, with(&Tile::stage_weights, true)), HasSubstr("no project"));
  const FusedProblem s8 = problem(DType::kS8, {depthwise(64, 14, 3, 1), pointwise(64, 14, 64)});
  EXPECT_THAT(reason(s8, with(&Tile::middle, 48)), HasSubstr("slices of 32 channels"));
  EXPECT_THAT(report(dwpw, with(&Tile::blocks_sums, 2), testing::gpu_profile("sm_80")).reason,
              HasSubstr("from sm_90 on"));
}

TEST(FusedTiles, ModulesAreRefusedWithTheirReason) {
  const DeviceDesc h200 = testing::gpu_profile("sm_90a"), t4 = testing::gpu_profile("sm_75");
  const auto refusal = [&](const FusedProblem& p, const DeviceDesc& device) {
    return supports(p, device).reason;
  };
  EXPECT_THAT(refusal(problem(DType::kBF16, {pointwise(8, 4, 8)}), t4), HasSubstr("needs sm_80"));
  EXPECT_EQ(refusal(problem(DType::kBF16, {pointwise(8, 4, 8)}), h200), "");
  FusedProblem split = problem(DType::kF32, {pointwise(8, 4, 8)});
  split.precision = Precision::kSplit;
  EXPECT_THAT(refusal(split, t4), HasSubstr("needs tensor cores for tf32"));
  EXPECT_EQ(refusal(split, h200), "");
  EXPECT_THAT(refusal(problem(DType::kF64, {pointwise(8, 4, 8)}), h200), HasSubstr("f64"));
  ConvDesc dense = pointwise(8, 4, 8);
  dense.r = dense.s = 3;
  EXPECT_THAT(refusal(problem(DType::kF32, {dense}), h200), HasSubstr("pwdwpw"));
  EXPECT_THAT(refusal(problem(DType::kS8, {depthwise(8, 64, 33, 1)}), h200),
              HasSubstr("1023 taps"));
  FusedProblem unknown = problem(DType::kF32, {pointwise(8, 4, 8)});
  unknown.constant_operands = false;
  EXPECT_THAT(refusal(unknown, h200), HasSubstr("constant weights"));
  FusedProblem mixed = problem(DType::kF32, {pointwise(8, 4, 8)});
  mixed.x_layout = convoy::Layout::kChwn;
  EXPECT_THAT(refusal(mixed, h200), HasSubstr("nchw or nhwc"));
}

// Bytes from L2 count what blocks read again; those from memory do not.
TEST(FusedCost, CountsHalosAndSlices) {
  const FusedProblem p = problem(DType::kF16, {depthwise(64, 28, 3, 1), pointwise(64, 28, 128)});
  const DeviceDesc h200 = testing::gpu_profile("sm_90a");
  Tile tile{.rows = 14,
            .columns = 14,
            .outputs = 128,
            .middle = 64,
            .inputs = 64,
            .warps_outputs = 8,
            .warps_sums = 1,
            .strip = 7};
  const auto bytes = [&] { return report(p, tile, h200).estimate; };
  // Of a halo of 16 x 16 one row and one column lie outside the map.
  const double x_tiles = 4 * 15 * 15 * 64 * 2, y = 28 * 28 * 128 * 2;
  const double taps = 64 * 9 * 4, weights = 64 * 128 * 2;
  ASSERT_EQ(report(p, tile, h200).reason, "");
  EXPECT_DOUBLE_EQ(bytes().bytes_l2, x_tiles + y + 4 * (weights + taps));
  EXPECT_DOUBLE_EQ(bytes().bytes_dram, 28 * 28 * 64 * 2 + weights + taps + y);
  EXPECT_DOUBLE_EQ(bytes().flops, 2.0 * 28 * 28 * 64 * (9 + 128));
  tile.outputs = 64;
  EXPECT_DOUBLE_EQ(bytes().bytes_l2, 2 * x_tiles + y + 4 * (weights + 2 * taps));
}

// Blocks that walk fetch what does not depend on the place once each, and x as often as others do.
TEST(FusedCost, CountsConstantsOncePerBlockThatWalks) {
  const FusedProblem p = problem(DType::kF16, {depthwise(32, 112, 3, 1), pointwise(32, 112, 64)});
  const DeviceDesc h200 = testing::gpu_profile("sm_90a");
  Tile tile{.rows = 4,
            .columns = 4,
            .outputs = 64,
            .middle = 32,
            .inputs = 32,
            .warps_outputs = 4,
            .warps_sums = 1,
            .strip = 4,
            .blocks = 2,
            .stage_weights = true};
  const auto report_of = [&] { return report(p, tile, h200); };
  ASSERT_EQ(report_of().reason, "");
  const double still = report_of().estimate.bytes_l2;
  EXPECT_EQ(report_of().walking_slices, 0);
  tile.walks = true;
  ASSERT_EQ(report_of().reason, "");
  EXPECT_EQ(report_of().walking_slices, 1);
  constexpr double kConstants = 32 * 64 * 2 + 32 * 9 * 4;
  EXPECT_DOUBLE_EQ(still - report_of().estimate.bytes_l2, (28 * 28 - 2 * h200.cores) * kConstants);
}

// A product's operand has lines an odd number of 16 bytes apart: every second pixel's sectors lie
// across two of shared memory's, and are asked for twice.
TEST(FusedCost, CountsSectorsThatAreAskedForTwice) {
  const FusedProblem p = problem(DType::kF16, {pointwise(64, 28, 128)});
  const DeviceDesc h200 = testing::gpu_profile("sm_90a");
  const Tile tile{.rows = 14,
                  .columns = 14,
                  .outputs = 128,
                  .middle = 64,
                  .inputs = 64,
                  .warps_outputs = 8,
                  .warps_sums = 1,
                  .strip = 7,
                  .stage_weights = true};
  ASSERT_EQ(report(p, tile, h200).reason, "");
  EXPECT_DOUBLE_EQ(report(p, tile, h200).estimate.bytes_l2,
                   1.5 * 28 * 28 * 64 * 2 + 28 * 28 * 128 * 2 + 4 * 64 * 128 * 2);
}

// What permits two parts is computed strictly as well; the device decides which are offered.
TEST(FusedEntries, TakeTwoPartsWhereTheyArePermitted) {
  const DeviceDesc h200 = testing::gpu_profile("sm_90a"), t4 = testing::gpu_profile("sm_75");
  testing::ConvCase conv{.desc = parse_conv_desc("n1 c256 h14 w14 k256 r1 s1")};
  testing::DescribedStep step(conv, {convoy::Layout::kNhwc, convoy::Layout::kNhwc});
  Attrs permitting = *step.op().attrs;
  std::get<ConvAttrs>(permitting).precision = Precision::kSplit;
  OpDesc permits = step.op();
  permits.attrs = &permitting;
  const Implementation* strict = find_implementation("pointwise.gemm.cuda.f32");
  const Implementation* split = find_implementation("pointwise.gemm.cuda.f32_split");
  ASSERT_NE(split, nullptr);
  EXPECT_THAT(can_run(*split, step.op(), h200).reason, HasSubstr("do not permit"));
  EXPECT_EQ(can_run(*split, permits, h200).reason, "");
  EXPECT_EQ(can_run(*strict, permits, h200).reason, "");
  EXPECT_THAT(can_run(*split, permits, t4).reason, HasSubstr("sm_80"));
  EXPECT_EQ(can_run(*strict, permits, t4).reason, "");
  EXPECT_LT(split->estimate(permits, h200).seconds, strict->estimate(permits, h200).seconds);
}

// A single pointwise convolution beside those of the other cells.
TEST(FusedCost, LargePointwiseConvolutionsAreLeftToTheWindowKernel) {
  const DeviceDesc h200 = testing::gpu_profile("sm_90a");
  const auto faster = [&](const char* text) {
    testing::ConvCase conv{.desc = parse_conv_desc(text)};
    testing::DescribedStep step(conv, {convoy::Layout::kNhwc, convoy::Layout::kNhwc});
    const auto seconds = [&](const char* name) {
      const Implementation* entry = find_implementation(name);
      EXPECT_EQ(can_run(*entry, step.op(), h200).reason, "") << name;
      return entry->estimate(step.op(), h200).seconds;
    };
    return seconds("pointwise.gemm.cuda.f32") < seconds("conv.im2win.cuda.f32");
  };
  EXPECT_TRUE(faster("n1 c256 h14 w14 k256 r1 s1"));
  EXPECT_FALSE(faster("n128 c512 h14 w14 k512 r1 s1"));
}

}  // namespace
}  // namespace convoy::fused_cuda
