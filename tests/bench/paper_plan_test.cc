// The FCM paper's networks under its own cost model: what it publishes to fuse follows from the
// rules, but for the deviations that are named here, and the optimum is never worse.
#include "bench/paper_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "device/profile.h"

namespace convoy::bench {
namespace {

const std::string kFolder = CONVOY_SOURCE_DIR "/tests/data/fcm_paper";
constexpr const char* kGpus[] = {"gtx-1660", "rtx-a4000", "jetson-agx-orin"};
constexpr std::pair<const char*, std::int64_t> kPrecisions[] = {{"f32", 4}, {"s8", 1}};

using IdPair = std::pair<int, int>;

std::set<IdPair> ids_of(const std::vector<PaperPair>& pairs) {
  std::set<IdPair> ids;
  for (const PaperPair& pair : pairs) ids.emplace(pair.first, pair.second);
  return ids;
}

Agreement agreement(const PaperNetwork& network, const std::string& precision,
                    std::int64_t element_bytes, const std::string& gpu, bool halo_every_slice) {
  static const PaperPairs published = read_paper_pairs(kFolder);
  return compare_pairs(
      published.at({precision, network.name}),
      pairs_by_rules(network, {element_bytes, load_profile(gpu), halo_every_slice}));
}

TEST(PaperNetworks, AreReadWhole) {
  const std::vector<PaperNetwork> networks = read_paper_networks(kFolder);
  ASSERT_EQ(networks.size(), 4u);
  const std::size_t layers[] = {26, 51, 72, 42};
  for (std::size_t i = 0; i < 4; ++i) {
    const PaperNetwork& network = networks[i];
    EXPECT_EQ(network.layers.size(), layers[i]) << network.name;
    // A layer takes what one other makes; where nothing but pads lies between, of the same extents.
    std::set<std::size_t> taken;
    for (const PaperLink& link : network.links) {
      EXPECT_LT(link.from, link.to);
      EXPECT_TRUE(taken.insert(link.to).second);
      EXPECT_EQ(network.layers[link.from].k, network.layers[link.to].c);
      EXPECT_EQ(network.layers[link.from].p, network.layers[link.to].h);
    }
  }
  // Every published pair is a link.
  for (const auto& [key, pairs] : read_paper_pairs(kFolder)) {
    const auto network = std::ranges::find(networks, key.second, &PaperNetwork::name);
    ASSERT_NE(network, networks.end());
    for (const PaperPair& pair : pairs) {
      EXPECT_TRUE(std::ranges::any_of(network->links,
                                      [&](const PaperLink& link) {
                                        return network->ids[link.from] == pair.first &&
                                               network->ids[link.to] == pair.second;
                                      }))
          << key.second << ' ' << pair.first;
    }
  }
  EXPECT_THROW(read_paper_networks("nowhere"), Error);
}

// Which of the published fusions the rules miss, and which they make beyond, on the Orin. Halves of
// a reason go together: where the rules fuse another pair, the published one has lost its layer.
TEST(PaperDecisions, AreReproducedButForNamedDeviations) {
  const struct {
    const char *precision, *network;
    std::set<IdPair> missing, extra;
    const char* why;
  } kDeviations[] = {
      {"f32",
       "mobilenet_v1",
       {{3, 5}},
       {{2, 3}, {11, 12}, {29, 30}},
       "of the eight PW -> DW with padding as an operator between them the paper fuses this one; "
       "DW -> PW is never fused in f32 there; 28 x 28 and 7 x 7 are not, other networks' are"},
      {"f32",
       "mobilenet_v2",
       {},
       {{2, 3}, {6, 7}, {10, 12}, {14, 15}, {22, 24}},
       "neither DW -> PW nor PW -> PW is ever fused in f32 there"},
      {"f32", "xception", {}, {{20, 21}}, "28 x 28: fused there in s8 alone"},
      {"f32", "proxylessnas", {}, {{4, 5}, {12, 13}, {16, 17}}, "DW -> PW in f32; maps of 28 x 28"},
      {"s8",
       "mobilenet_v1",
       {{5, 6}, {7, 8}},
       {{6, 7}, {11, 12}, {29, 30}},
       "in s8 the paper prefers DW -> PW in large maps; PW -> DW moves less"},
      {"s8",
       "mobilenet_v2",
       {{3, 4}, {7, 8}, {15, 16}, {18, 20}},
       {{2, 3}, {6, 7}, {8, 9}, {14, 15}, {16, 17}, {20, 21}},
       "in s8 the paper prefers PW -> PW in large maps; PW -> DW moves less"},
      {"s8", "xception", {}, {}, ""},
      {"s8",
       "proxylessnas",
       {{5, 6}, {7, 8}, {10, 11}},
       {{4, 5}, {6, 7}, {9, 10}, {12, 13}, {16, 17}},
       "in s8 the paper prefers PW -> PW and DW -> PW in large maps; PW -> DW moves less"},
  };
  Agreement all;
  for (const PaperNetwork& network : read_paper_networks(kFolder)) {
    for (const auto& [precision, bytes] : kPrecisions) {
      const Agreement found = agreement(network, precision, bytes, "jetson-agx-orin", false);
      std::printf("%-4s %-13s %2zu agreed (%2zu as the same module), %zu missing, %zu extra\n",
                  precision, network.name.c_str(), found.both.size(), found.same_module,
                  found.only_first.size(), found.only_second.size());
      for (const auto& expected : kDeviations) {
        if (expected.precision != std::string(precision) || expected.network != network.name)
          continue;
        EXPECT_EQ(ids_of(found.only_first), expected.missing) << expected.why;
        EXPECT_EQ(ids_of(found.only_second), expected.extra) << expected.why;
      }
      all.add(found);
    }
  }
  EXPECT_EQ(all.both.size(), 96u);
  EXPECT_EQ(all.same_module, 86u);
  EXPECT_EQ(all.only_first.size(), 10u);
  EXPECT_EQ(all.only_second.size(), 26u);
}

// How much depends on the GPU, and on how the halo is accounted for.
TEST(PaperDecisions, VariantsOfTheModelAgreeLess) {
  const struct {
    const char* gpu;
    bool halo_every_slice;
    std::size_t agreed, missing, extra;
  } kVariants[] = {
      {"gtx-1660", false, 94, 12, 24},       {"rtx-a4000", false, 95, 11, 24},
      {"gtx-1660", true, 86, 20, 23},        {"rtx-a4000", true, 51, 55, 22},
      {"jetson-agx-orin", true, 96, 10, 25},
  };
  const std::vector<PaperNetwork> networks = read_paper_networks(kFolder);
  for (const auto& variant : kVariants) {
    Agreement all;
    for (const PaperNetwork& network : networks) {
      for (const auto& [precision, bytes] : kPrecisions) {
        all.add(agreement(network, precision, bytes, variant.gpu, variant.halo_every_slice));
      }
    }
    std::printf("%-16s halo %-12s %zu agreed, %zu missing, %zu extra\n", variant.gpu,
                variant.halo_every_slice ? "every slice" : "once", all.both.size(),
                all.only_first.size(), all.only_second.size());
    EXPECT_EQ(all.both.size(), variant.agreed) << variant.gpu;
    EXPECT_EQ(all.only_first.size(), variant.missing) << variant.gpu;
    EXPECT_EQ(all.only_second.size(), variant.extra) << variant.gpu;
  }
}

std::vector<PaperNetwork> all_networks() {
  std::vector<PaperNetwork> networks = read_paper_networks(kFolder);
  for (PaperNetwork& block : paper_transformers(CONVOY_SOURCE_DIR "/bench/shapes/fcm.txt")) {
    networks.push_back(std::move(block));
  }
  return networks;
}

void expect_each_layer_once(const PaperNetwork& network, const PaperPlan& plan) {
  std::multiset<std::size_t> layers;
  for (const PaperGroup& group : plan.groups) {
    EXPECT_TRUE(group.cost) << group.cost.infeasible;
    layers.insert(group.layers.begin(), group.layers.end());
  }
  EXPECT_EQ(layers.size(), network.layers.size());
  for (std::size_t i = 0; i < network.layers.size(); ++i) EXPECT_EQ(layers.count(i), 1u) << i;
}

TEST(PaperPlans, TheOptimumIsNeverWorse) {
  const PaperPairs published = read_paper_pairs(kFolder);
  for (const PaperNetwork& network : all_networks()) {
    for (const char* gpu : kGpus) {
      for (const auto& [precision, bytes] : kPrecisions) {
        for (const bool every_slice : {false, true}) {
          const PaperSetting setting{bytes, load_profile(gpu), every_slice};
          const PaperPlan best = optimal(network, setting);
          const PaperPlan apart = layer_by_layer(network, setting);
          expect_each_layer_once(network, best);
          expect_each_layer_once(network, apart);
          EXPECT_LE(best.bytes(), apart.bytes());
          const auto by_rules = with_pairs(network, pairs_by_rules(network, setting), setting);
          EXPECT_LE(best.bytes(), by_rules.bytes());
          const auto pairs = published.find({precision, network.name});
          if (pairs == published.end()) continue;
          const PaperPlan theirs = with_pairs(network, pairs->second, setting);
          expect_each_layer_once(network, theirs);
          EXPECT_THAT(theirs.impossible, testing::IsEmpty());
          EXPECT_LE(best.bytes(), theirs.bytes()) << gpu << ' ' << precision << ' ' << network.name;
        }
      }
    }
  }
}

// The least of all ways to cut a network, one by one: what dynamic programming must find.
double least_by_trial(const PaperNetwork& network, const PaperSetting& setting,
                      std::set<std::size_t> done = {}) {
  std::size_t first = 0;
  while (done.contains(first)) ++first;
  if (first == network.layers.size()) return 0;
  double least = 1e300;
  const auto attempt = [&](const auto& self, std::vector<std::size_t> path, double side) -> void {
    std::vector<paper::Layer> layers;
    for (const std::size_t i : path) layers.push_back(network.layers[i]);
    std::vector<paper::Module> modules = paper::modules_of(layers);
    if (path.size() == 1) modules = {paper::Module::kSingle};
    std::set<std::size_t> after = done;
    after.insert(path.begin(), path.end());
    for (const paper::Module module : modules) {
      const paper::Cost cost =
          paper::best_cost(layers, module, setting.element_bytes, setting.device,
                           {.powers_of_two = false, .halo_every_slice = setting.halo_every_slice});
      if (cost)
        least = std::min(least, cost.bytes + side + least_by_trial(network, setting, after));
    }
    if (path.size() == 3) return;
    for (const PaperLink& link : network.links) {
      if (link.from != path.back() || done.contains(link.to)) continue;
      std::vector<std::size_t> longer = path;
      longer.push_back(link.to);
      const paper::Layer& l = network.layers[link.from];
      self(self, longer,
           side + (link.shared ? static_cast<double>(l.k * l.p * l.q * setting.element_bytes) : 0));
    }
  };
  attempt(attempt, {first}, 0);
  return least;
}

TEST(PaperPlans, TheOptimumIsTheLeastOfAllWays) {
  const PaperSetting setting{1, load_profile("jetson-agx-orin")};
  for (const PaperNetwork& whole : all_networks()) {
    // Stretches of seven layers, links that leave them dropped.
    for (std::size_t begin = 0; begin < whole.layers.size(); begin += 11) {
      const std::size_t end = std::min(whole.layers.size(), begin + 7);
      PaperNetwork part;
      part.layers.assign(whole.layers.begin() + static_cast<std::ptrdiff_t>(begin),
                         whole.layers.begin() + static_cast<std::ptrdiff_t>(end));
      part.ids.resize(part.layers.size());
      for (PaperLink link : whole.links) {
        if (link.from < begin || link.to >= end) continue;
        link.from -= begin;
        link.to -= begin;
        part.links.push_back(link);
      }
      EXPECT_DOUBLE_EQ(optimal(part, setting).bytes(), least_by_trial(part, setting))
          << whole.name << ' ' << begin;
    }
  }
}

// Two layers take what one makes: it is written, whatever is fused.
TEST(PaperPlans, WhatOthersTakeIsWrittenAsWell) {
  const paper::Layer pw{paper::Layer::Kind::kPointwise, 16, 28, 28, 96, 28, 28};
  const paper::Layer dw{paper::Layer::Kind::kDepthwise, 96, 28, 28, 96, 28, 28, 3, 3};
  PaperNetwork network{"fork", {0, 1, 2}, {pw, dw, dw}, {{0, 1}, {0, 2}}};
  const PaperSetting setting{4, load_profile("l4")};
  const double alone = optimal(network, setting).bytes();
  for (PaperLink& link : network.links) link.shared = true;
  const PaperPlan shared = optimal(network, setting);
  EXPECT_GT(shared.bytes(), alone);
  for (const PaperGroup& group : shared.groups) {
    EXPECT_EQ(group.side_bytes, group.layers.size() > 1 ? 4.0 * 96 * 28 * 28 : 0);
  }
}

}  // namespace
}  // namespace convoy::bench
