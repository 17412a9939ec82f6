// The convolutions of real models (ConvBench): what the planner would choose, and one other
// implementation, against sums in double at random outputs.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "bench/conv_step.h"

namespace convoy {
namespace {

using bench::ConvStep;

std::vector<ConvDesc> read_convolutions() {
  std::ifstream file(CONVOY_SOURCE_DIR "/tests/data/convbench/convs.csv");
  std::string line;
  std::getline(file, line);
  std::vector<ConvDesc> all;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::vector<std::int64_t> v;
    for (std::string field; std::getline(fields, field, ',');) v.push_back(std::stoll(field));
    all.push_back({.n = 1,
                   .c = v[0],
                   .h = v[1],
                   .w = v[2],
                   .k = v[3],
                   .r = v[4],
                   .s = v[5],
                   .stride_h = v[10],
                   .stride_w = v[11],
                   .dilation_h = v[12],
                   .dilation_w = v[13],
                   .pad_top = v[6],
                   .pad_left = v[7],
                   .pad_bottom = v[8],
                   .pad_right = v[9],
                   .groups = v[14]});
    EXPECT_EQ(all.back().p(), v[16]) << line;
    EXPECT_EQ(all.back().q(), v[17]) << line;
  }
  return all;
}

// Filter, stride, kind of grouping and decade of work.
std::string stratum(const ConvDesc& d) {
  const char* groups = d.groups == 1 ? "dense" : d.is_depthwise() ? "depthwise" : "grouped";
  return std::to_string(std::min<std::int64_t>(d.r, 8)) + "x" +
         std::to_string(std::min<std::int64_t>(d.s, 8)) + " stride " +
         std::to_string(std::min<std::int64_t>(d.stride_h, 4)) + " " + groups + " 1e" +
         std::to_string(std::to_string(d.flops()).size() - 1);
}

// A few of each stratum, spread over the list; everything when CONVOY_FULL=1.
std::vector<ConvDesc> choose(const std::vector<ConvDesc>& all, std::set<std::string>& strata) {
  constexpr std::int64_t kMostFlops = 400'000'000;
  constexpr std::size_t kPerStratum = 6;
  const char* full = std::getenv("CONVOY_FULL");
  if (full != nullptr && std::string(full) == "1") {
    for (const ConvDesc& d : all) strata.insert(stratum(d));
    return all;
  }
  std::map<std::string, std::vector<ConvDesc>> by_stratum;
  for (const ConvDesc& d : all) {
    if (d.flops() <= kMostFlops) by_stratum[stratum(d)].push_back(d);
  }
  std::vector<ConvDesc> chosen;
  for (const auto& [name, members] : by_stratum) {
    strata.insert(name);
    const std::size_t count = std::min(kPerStratum, members.size());
    for (std::size_t i = 0; i < count; ++i) chosen.push_back(members[i * members.size() / count]);
  }
  return chosen;
}

// The planner's rule: the least estimate among those that support the case; then all others but
// the reference.
std::vector<const Implementation*> ranked(const ConvStep& step, const DeviceDesc& device) {
  std::vector<std::pair<double, const Implementation*>> candidates;
  for (const Implementation* entry : implementations(Op::kConv)) {
    if (!can_run(*entry, step.op(), device)) continue;
    candidates.emplace_back(entry->estimate(step.op(), device).seconds, entry);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const Implementation*> order;
  for (const auto& [seconds, entry] : candidates) {
    if (order.empty() || entry->name != "conv.reference") order.push_back(entry);
  }
  return order;
}

TEST(ConvBench, ChosenAndOneOtherImplementation) {
  const std::vector<ConvDesc> all = read_convolutions();
  EXPECT_EQ(all.size(), 7630u);
  std::set<std::string> strata;
  const std::vector<ConvDesc> chosen = choose(all, strata);
  EXPECT_GE(chosen.size(), 300u);
  ThreadPool pool(2, ThreadPool::Idle::kSleep);
  const DeviceDesc device = detect_cpu(pool.threads());
  std::map<std::string_view, int> first, second;
  std::size_t turn = 0;
  double worst = 0;
  for (const ConvDesc& d : chosen) {
    for (const Layout layout : {Layout::kNhwc, Layout::kNchw}) {
      ConvStep step(d, layout, DType::kF32);
      const auto order = ranked(step, device);
      ASSERT_FALSE(order.empty());
      ++first[order[0]->name];
      EXPECT_NE(order[0]->name, "conv.reference") << to_string(d) << " " << to_string(layout);
      std::vector<const Implementation*> tried{order[0]};
      if (order.size() > 1) {
        tried.push_back(order[1 + turn++ % (order.size() - 1)]);
        ++second[tried[1]->name];
      }
      for (const Implementation* entry : tried) {
        ASSERT_TRUE(step.prepare(*entry, device));
        step.poison();
        step.run(pool);
        const double error = step.sampled_error(200);
        EXPECT_LE(error, 1) << entry->name << " on " << to_string(d) << " " << to_string(layout);
        worst = std::max(worst, error);
      }
    }
  }
  std::printf("%zu of %zu convolutions in %zu strata, largest error %.3f of its bound\n",
              chosen.size(), all.size(), strata.size(), worst);
  for (const auto& [name, count] : first) {
    std::printf("chosen  %-30.*s %d\n", static_cast<int>(name.size()), name.data(), count);
  }
  for (const auto& [name, count] : second) {
    std::printf("other   %-30.*s %d\n", static_cast<int>(name.size()), name.data(), count);
  }
}

}  // namespace
}  // namespace convoy
