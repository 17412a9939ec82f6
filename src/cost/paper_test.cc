#include "cost/paper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "device/profile.h"

namespace convoy::paper {
namespace {

using testing::HasSubstr;

Layer pw(std::int64_t c, std::int64_t k, std::int64_t h, std::int64_t stride = 1) {
  const std::int64_t p = (h + stride - 1) / stride;
  return {Layer::Kind::kPointwise, c, h, h, k, p, p, 1, 1, stride};
}

Layer dw(std::int64_t c, std::int64_t h, std::int64_t stride = 1, std::int64_t filter = 3) {
  const std::int64_t p = (h + stride - 1) / stride;
  return {Layer::Kind::kDepthwise, c, h, h, c, p, p, filter, filter, stride};
}

// Everything fits, one multiprocessor: the formulas alone.
DeviceDesc vast() {
  DeviceDesc device = load_profile("h200");
  device.cores = 1;
  device.l1_bytes = device.cuda.shared_bytes_multiprocessor = std::int64_t{1} << 40;
  return device;
}

constexpr Rules kAnything{.powers_of_two = true, .most_redundant = 1e9, .halo_every_slice = true};

double bytes_of(const std::vector<Layer>& layers, Module module, const Tile& tile,
                std::int64_t element_bytes = 4, const Rules& rules = kAnything) {
  const Cost cost = cost_of(layers, module, tile, element_bytes, vast(), rules);
  EXPECT_EQ(cost.infeasible, "");
  return cost.bytes;
}

TEST(PaperCost, FormulasByHand) {
  // PW 64 -> 128 at 16 x 16, tiles of 8 x 8 and 32 channels: 4 slices, 4 tiles.
  EXPECT_EQ(bytes_of({pw(64, 128, 16)}, Module::kSingle, {8, 8, 32}),
            4 * (4 * 64 * 256 + 128 * 256 + 4 * 64 * 128));
  // DW of 64 channels, tiles of 8 x 8: two tiles a side read 9 rows each of the 16.
  EXPECT_EQ(bytes_of({dw(64, 16)}, Module::kSingle, {8, 8, 1}, 1),
            64 * 18 * 18 + 64 * 256 + 4 * 9 * 64);
  EXPECT_EQ(bytes_of({dw(32, 16), pw(32, 128, 16)}, Module::kDwPw, {8, 16, 64}, 1),
            2 * 32 * 18 * 16 + 128 * 256 + 2 * (9 * 32 + 32 * 128));
  EXPECT_EQ(bytes_of({pw(32, 128, 16), dw(128, 16)}, Module::kPwDw, {8, 16, 64}, 1),
            2 * 32 * 18 * 16 + 128 * 256 + 2 * (32 * 128 + 9 * 128));
  EXPECT_EQ(bytes_of({pw(32, 128, 16), pw(128, 64, 16)}, Module::kPwPw, {8, 8, 32}, 1),
            2 * 32 * 256 + 64 * 256 + 4 * (2 * 32 * 128 + 128 * 64));
  EXPECT_EQ(
      bytes_of({pw(32, 128, 16), dw(128, 16), pw(128, 64, 16)}, Module::kPwDwPw, {8, 16, 32}, 1),
      2 * 32 * 18 * 16 + 64 * 256 + 2 * (2 * (32 * 128 + 9 * 128) + 128 * 64));
}

TEST(PaperCost, TheHaloIsReadByEverySliceOrCountedOnce) {
  const std::vector<Layer> pair = {pw(32, 128, 16), dw(128, 16)};
  Rules once = kAnything;
  once.halo_every_slice = false;
  const double halo = 32 * (18 * 16 - 256);
  EXPECT_EQ(bytes_of(pair, Module::kPwDw, {8, 16, 32}, 1) -
                bytes_of(pair, Module::kPwDw, {8, 16, 32}, 1, once),
            3 * halo);
}

// Loads and stores counted one by one, as blocks would issue them: an independent account of the
// formulas for every module, with maps and channels that tiles do not divide.
double counted(const std::vector<Layer>& layers, const Tile& tile) {
  const Layer& first = layers.front();
  const Layer& last = layers.back();
  const bool dw_alone = layers.size() == 1 && last.kind == Layer::Kind::kDepthwise;
  double count = static_cast<double>(last.k * last.p * last.q);
  for (std::int64_t top = 0; top < last.p; top += tile.h) {
    for (std::int64_t left = 0; left < last.q; left += tile.w) {
      for (std::int64_t k = 0; k < last.k; k += tile.k) {
        const std::int64_t slice = std::min(tile.k, last.k - k);
        // Which pixels of the input this block's pixels come from.
        std::vector<bool> needed(static_cast<std::size_t>(first.h * first.w));
        for (std::int64_t y = top; y < std::min(last.p, top + tile.h); ++y) {
          for (std::int64_t x = left; x < std::min(last.q, left + tile.w); ++x) {
            std::int64_t stride = 1, window = 1;
            for (const Layer& l : layers) {
              stride *= l.stride;
              window = std::max(window, l.r);
            }
            const std::int64_t before =
                std::max<std::int64_t>(0, ((last.p - 1) * stride + window - first.h) / 2);
            for (std::int64_t r = 0; r < window; ++r) {
              for (std::int64_t s = 0; s < window; ++s) {
                const std::int64_t row = y * stride - before + r, column = x * stride - before + s;
                if (row < 0 || row >= first.h || column < 0 || column >= first.w) continue;
                needed[static_cast<std::size_t>(row * first.w + column)] = true;
              }
            }
          }
        }
        const auto pixels = static_cast<double>(std::ranges::count(needed, true));
        count += pixels * static_cast<double>(dw_alone ? slice : first.c);
        for (std::size_t i = 0; i < layers.size(); ++i) {
          const Layer& l = layers[i];
          const bool is_dw = l.kind == Layer::Kind::kDepthwise;
          // Channels of this layer that the block makes: its slice of the last and of a DW's, all
          // channels of what comes before a PW.
          const bool sliced = i + 1 == layers.size() ||
                              (layers.size() == 2 && layers.back().kind == Layer::Kind::kDepthwise);
          const std::int64_t made = sliced ? slice : l.k;
          count += static_cast<double>(made * (is_dw ? l.r * l.s : l.c));
        }
      }
    }
  }
  return count;
}

TEST(PaperCost, FormulasAreWhatBlocksLoadAndStore) {
  const struct {
    Module module;
    std::vector<Layer> layers;
  } kCases[] = {
      {Module::kSingle, {pw(5, 7, 9)}},
      {Module::kSingle, {dw(6, 13)}},
      {Module::kSingle, {dw(6, 14, 2)}},
      {Module::kSingle, {dw(6, 13, 1, 5)}},
      {Module::kPwDw, {pw(3, 10, 11), dw(10, 11)}},
      {Module::kPwDw, {pw(3, 10, 12), dw(10, 12, 2)}},
      {Module::kPwPw, {pw(3, 10, 7), pw(10, 9, 7)}},
      {Module::kPwDwPw, {pw(3, 10, 11), dw(10, 11), pw(10, 8, 11)}},
      {Module::kPwDwPw, {pw(3, 10, 12), dw(10, 12, 2, 5), pw(10, 8, 6)}},
  };
  for (const auto& each : kCases) {
    for (const Tile& tile : {Tile{1, 1, 1}, {2, 3, 4}, {4, 4, 3}, {5, 7, 2}, {13, 13, 10}}) {
      Tile one = tile;
      if (each.layers.size() == 1 && each.layers[0].kind == Layer::Kind::kDepthwise) one.k = 1;
      EXPECT_EQ(bytes_of(each.layers, each.module, one, 1), counted(each.layers, one))
          << to_string(each.module) << ' ' << tile.h << ' ' << tile.w << ' ' << tile.k;
    }
  }
}

// The paper counts the weights of DW once per tile and module, though every slice of the PW that
// follows reads them again: less than blocks load by exactly that.
TEST(PaperCost, WeightsOfADepthwiseBeforeAPointwiseAreCountedOncePerTile) {
  const std::vector<Layer> pair = {dw(6, 13), pw(6, 10, 13)};
  const double tiles = 4 * 4, slices = 3;
  EXPECT_EQ(counted(pair, {4, 4, 4}) - bytes_of(pair, Module::kDwPw, {4, 4, 4}, 1),
            (slices - 1) * tiles * 9 * 6);
}

TEST(PaperCost, RedundantArithmeticIsAPartOfTheNecessary) {
  const std::vector<Layer> pair = {pw(32, 64, 16), dw(64, 16)};
  EXPECT_EQ(cost_of(pair, Module::kPwDw, {16, 16, 8}, 4, vast(), kAnything).redundant, 0);
  const double necessary = 256.0 * 64 * (32 + 9), extra = 64.0 * 32 * (18 * 18 - 256);
  EXPECT_NEAR(cost_of(pair, Module::kPwDw, {8, 8, 8}, 4, vast(), kAnything).redundant,
              extra / necessary, 1e-12);
  // Each of four slices computes the first PW.
  EXPECT_NEAR(
      cost_of({{pw(32, 64, 16), pw(64, 32, 16)}}, Module::kPwPw, {8, 8, 8}, 4, vast(), kAnything)
          .redundant,
      3.0 / 2, 1e-12);
  EXPECT_EQ(cost_of({{pw(32, 64, 16)}}, Module::kSingle, {1, 1, 1}, 4, vast()).redundant, 0);
}

TEST(PaperCost, WhatDoesNotFitIsSaidInWords) {
  const std::vector<Layer> pair = {pw(64, 128, 56), dw(128, 56)};
  const DeviceDesc gpu = load_profile("gtx-1660");
  EXPECT_THAT(cost_of(pair, Module::kPwDw, {56, 56, 64}, 4, gpu).infeasible,
              HasSubstr("KiB, exceed the shared memory of 64 KiB"));
  DeviceDesc little = vast();
  little.l1_bytes = 96 << 10;
  EXPECT_THAT(cost_of(pair, Module::kPwDw, {56, 56, 64}, 4, little).infeasible,
              HasSubstr("exceeds the L1 of 96 KiB"));
  EXPECT_THAT(cost_of({{pw(8, 8, 7)}}, Module::kSingle, {7, 7, 1}, 4, gpu).infeasible,
              HasSubstr("8 blocks for 22 multiprocessors"));
  EXPECT_THAT(cost_of(pair, Module::kPwDw, {2, 2, 8}, 4, gpu).infeasible,
              HasSubstr("% redundant arithmetic, tolerable are 60 %"));
  DeviceDesc tiny = gpu;
  tiny.cuda.shared_bytes_multiprocessor = 64;
  const Cost none = best_cost(pair, Module::kPwDw, 4, tiny);
  EXPECT_FALSE(none);
  EXPECT_THAT(none.infeasible, HasSubstr("exceed the shared memory"));
}

TEST(PaperCost, TheBestTileIsFeasibleAndNoOtherMovesLess) {
  const DeviceDesc gpu = load_profile("jetson-agx-orin");
  const std::vector<Layer> pair = {pw(24, 144, 56), dw(144, 56)};
  const Cost best = best_cost(pair, Module::kPwDw, 4, gpu);
  ASSERT_TRUE(best);
  EXPECT_EQ(best.bytes, cost_of(pair, Module::kPwDw, best.tile, 4, gpu).bytes);
  for (std::int64_t h : {1, 2, 4, 8, 16, 32, 56}) {
    for (std::int64_t w : {1, 2, 4, 8, 16, 32, 56}) {
      for (std::int64_t k : {1, 2, 4, 8, 16, 32, 64, 128, 144}) {
        const Cost other = cost_of(pair, Module::kPwDw, {h, w, k}, 4, gpu);
        EXPECT_TRUE(!other || other.bytes >= best.bytes) << h << ' ' << w << ' ' << k;
      }
    }
  }
  const Cost any = best_cost(pair, Module::kPwDw, 4, gpu, {.powers_of_two = false});
  EXPECT_LT(any.bytes, best.bytes);
  EXPECT_EQ(best_cost(pair, Module::kPwDwWide, 4, gpu).tile.w, 56);
}

TEST(PaperCost, OtherLayersAreRefused) {
  const DeviceDesc gpu = load_profile("l4");
  for (const auto& [layers, module] :
       {std::pair<std::vector<Layer>, Module>{{pw(8, 8, 8)}, Module::kPwDw},
        {{dw(8, 8), pw(8, 8, 8)}, Module::kPwDw},
        {{pw(8, 16, 8), dw(8, 8)}, Module::kPwDw},    // 16 channels into 8
        {{pw(8, 8, 8), dw(8, 7)}, Module::kPwDw},     // 8 rows into 7
        {{pw(8, 8, 8, 2), dw(8, 4)}, Module::kPwDw},  // strided PW
        {{}, Module::kSingle},
        {{Layer{}}, Module::kSingle}}) {
    EXPECT_THROW(best_cost(layers, module, 4, gpu), Error);
  }
  EXPECT_THROW(cost_of({{pw(8, 8, 8)}}, Module::kSingle, {0, 1, 1}, 4, gpu), Error);
  EXPECT_THROW(parse_module("dwdw"), Error);
  for (const Module module : {Module::kSingle, Module::kDwPw, Module::kPwDw, Module::kPwDwWide,
                              Module::kPwPw, Module::kPwDwPw}) {
    EXPECT_EQ(parse_module(to_string(module)), module);
  }
}

}  // namespace
}  // namespace convoy::paper
