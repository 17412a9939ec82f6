// The convolutions of real models (ConvBench): what the planner would choose, and one other
// implementation, against sums in double at random outputs.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "bench/conv_step.h"
#include "tests/support/convbench.h"

namespace convoy {
namespace {

using bench::ConvStep;

// A few of each stratum; everything when CONVOY_FULL=1.
std::vector<ConvDesc> choose(const std::vector<ConvDesc>& all, std::set<std::string>& strata) {
  const char* full = std::getenv("CONVOY_FULL");
  if (full != nullptr && std::string(full) == "1") {
    for (const ConvDesc& d : all) strata.insert(testing::stratum(d));
    return all;
  }
  return testing::stratified_sample(all, 400'000'000, 6, strata);
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
  const std::vector<ConvDesc> all =
      testing::read_convolutions(CONVOY_SOURCE_DIR "/tests/data/convbench/convs.csv");
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
