// Tiles are chosen on the host: whatever is chosen must be a tile that the device can launch.
#include "kernels/conv/cuda/window_tiles.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/conv/cuda/tuned_tiles.h"
#include "kernels/conv/cuda/window.h"
#include "tests/support/conv_cases.h"
#include "tests/support/gpu_profiles.h"

namespace convoy {
namespace {

using conv_cuda::Tile;

ConvProblem problem_of(std::string_view text, Layout layout) {
  ConvProblem problem;
  problem.desc = parse_conv_desc(text);
  problem.x_layout = problem.y_layout = problem.residual_layout = layout;
  return problem;
}

constexpr std::string_view kLayers[] = {"n128 c3 h227 w227 k96 r11 s11 stride4",
                                        "n16 c64 h224 w224 k64 r7 s7 stride2",
                                        "n1 c96 h24 w24 k256 r5 s5",
                                        "n128 c3 h224 w224 k64 r3 s3",
                                        "n128 c64 h56 w56 k64 r3 s3",
                                        "n128 c512 h7 w7 k512 r3 s3",
                                        "n1 c3 h224 w224 k32 r3 s3 stride2 pad1",
                                        "n8 c192 h28 w28 k192 r7 s7 pad3 groups192",
                                        "n1 c16 h200 w200 k16 r31 s31 pad15",
                                        "n2 c256 h64 w64 k256 r3 s3 pad18 dilation18"};

template <class Visit>
void for_each_problem(Visit&& visit) {
  for (const Layout layout : {Layout::kNchw, Layout::kNhwc}) {
    for (const std::string_view text : kLayers) visit(problem_of(text, layout));
    for (const std::string_view text : testing::kConvCases) visit(problem_of(text, layout));
  }
}

TEST(WindowTiles, TheChosenTileCanBeLaunchedOnEveryArchitecture) {
  for (const DeviceDesc& device : testing::gpu_profiles()) {
    for_each_problem([&](const ConvProblem& problem) {
      SCOPED_TRACE(device.cuda.arch + " " + to_string(problem.desc));
      const std::optional<Tile> tile = conv_cuda::choose_tile(problem, device);
      ASSERT_TRUE(tile.has_value());
      const conv_cuda::Problem cut = conv_cuda::window_problem(problem);
      const conv_cuda::TileSizes sizes = sizes_of(cut, *tile);
      EXPECT_TRUE(launchable(cut, *tile, sizes, device)) << to_string(*tile);
      EXPECT_EQ(sizes.threads % 32, 0);
    });
  }
}

TEST(WindowTiles, RankedTilesAreFeasibleAndFastestFirst) {
  const DeviceDesc device = testing::gpu_profile("sm_90a");
  for (const std::string_view text : kLayers) {
    const conv_cuda::Problem cut = conv_cuda::window_problem(problem_of(text, Layout::kNchw));
    const auto ranked = conv_cuda::rank_tiles(cut, device, 50);
    ASSERT_FALSE(ranked.empty()) << text;
    for (std::size_t i = 0; i < ranked.size(); ++i) {
      EXPECT_TRUE(feasible(cut, ranked[i].tile, sizes_of(cut, ranked[i].tile), device));
      EXPECT_GT(ranked[i].seconds, 0);
      if (i > 0) {
        EXPECT_LE(ranked[i - 1].seconds, ranked[i].seconds);
      }
    }
  }
}

// Removing a technique leaves a tile that can be launched, without that technique.
TEST(WindowTiles, EveryAblationCanBeLaunched) {
  for (const DeviceDesc& device : testing::gpu_profiles()) {
    for_each_problem([&](const ConvProblem& problem) {
      if (problem.desc.r > 11) return;  // larger filters than the papers' are not ablated
      const conv_cuda::Problem cut = conv_cuda::window_problem(problem);
      const Tile full = *conv_cuda::choose_tile(problem, device);
      for (int mask = 0; mask < 64; ++mask) {
        const auto on = [&](int bit) { return (mask >> bit & 1) != 0; };
        const Tile tile = reduced(full, {on(0), on(1), on(2), on(3), on(4), on(5)}, cut, device);
        if (!launchable(cut, tile, sizes_of(cut, tile), device)) {
          // What is left stages more than this GPU has room for.
          EXPECT_LT(device.cuda.shared_bytes_block, 128 << 10)
              << device.cuda.arch << " " << to_string(problem.desc) << " mask " << mask << ": "
              << to_string(tile);
        }
        EXPECT_EQ(tile.shared_memory, on(0));
        if (!on(1)) {
          EXPECT_EQ(tile.k_threads, 1);
        }
        if (!on(2)) {
          EXPECT_EQ(tile.q * tile.k, 1);
        }
        if (!on(4)) {
          EXPECT_EQ(tile.buffers, 1);
        }
      }
    });
  }
}

// Steps and paddings whose sizes or offsets no int holds have a tile that stays within, or none.
TEST(WindowTiles, EnormousGeometriesDoNotOverflow) {
  const DeviceDesc device = testing::gpu_profile("sm_90a");
  for (const Layout layout : {Layout::kNchw, Layout::kNhwc}) {
    for (const char* text :
         {"n1 c4 h1 w1500000000 k4 r1 s3 dilation_h1 dilation_w700000000",
          "n1 c4 h100000000 w8 k4 r3 s3 dilation_h40000000 dilation_w1",
          "n1 c4 h100000000 w8 k4 r3 s3 stride_h40000000 stride_w1",
          "n1 c4 h3 w1000000000 k4 r1 s1 stride_h1 stride_w100000000",
          "n1 c64 h64 w1024 k4 r3 s3 pad_top0 pad_left0 pad_bottom2000000 pad_right0"}) {
      const ConvProblem problem = problem_of(text, layout);
      const std::optional<Tile> tile = conv_cuda::choose_tile(problem, device);
      if (!tile) continue;
      const conv_cuda::Problem cut = conv_cuda::window_problem(problem);
      EXPECT_TRUE(countable(cut, *tile)) << text << ": " << to_string(*tile);
      EXPECT_GT(sizes_of(cut, *tile).shared_bytes, 0) << text << ": " << to_string(*tile);
    }
  }
  const conv_cuda::Problem below = conv_cuda::window_problem(problem_of(
      "n1 c64 h64 w1024 k4 r3 s3 pad_top0 pad_left0 pad_bottom2000000 pad_right0", Layout::kNchw));
  EXPECT_FALSE(countable(below, Tile{}));
}

TEST(WindowTiles, TileTextIsReadBack) {
  Tile tile;
  tile.q = 14, tile.k_threads = 2, tile.separate_windows = true, tile.back_and_forth = false;
  const std::string text = conv_cuda::to_string(tile);
  EXPECT_EQ(text, "q14 k_threads2 separate_windows one_way");
  EXPECT_EQ(conv_cuda::to_string(conv_cuda::parse_tile(text)), text);
  EXPECT_EQ(conv_cuda::to_string(Tile{}), "");
  for (const char* wrong : {"q", "q0", "q-1", "z3", "q3x", "separate", "q99999999999"}) {
    EXPECT_THROW(conv_cuda::parse_tile(wrong), Error) << wrong;
  }
}

TEST(WindowTiles, TunedProblemsUseTheirTile) {
  const DeviceDesc device = testing::gpu_profile("sm_90a");
  const ConvProblem conv9 = problem_of("n128 c64 h56 w56 k64 r3 s3", Layout::kNchw);
  const std::optional<Tile> tuned = conv_cuda::tuned_tile(conv9, device);
  ASSERT_TRUE(tuned.has_value());
  EXPECT_EQ(to_string(*conv_cuda::choose_tile(conv9, device)), to_string(*tuned));
  EXPECT_FALSE(
      conv_cuda::tuned_tile(problem_of("n127 c64 h56 w56 k64 r3 s3", Layout::kNchw), device));
  EXPECT_FALSE(conv_cuda::tuned_tile(conv9, testing::gpu_profile("sm_80")));
}

}  // namespace
}  // namespace convoy
