#include "cli/interleave.h"

#include <algorithm>
#include <limits>

namespace convoy::cli {
namespace {

constexpr double kHopeless = 1.5;   // times the fastest: dropped
constexpr double kNews = 0.005;     // a lesser time that is no less is none
constexpr int kRoundsWithout = 20;  // without news: settled

}  // namespace

std::vector<double> interleave(std::size_t count, const std::function<double(std::size_t)>& run,
                               const InterleaveRule& rule) {
  std::vector<double> least(count, std::numeric_limits<double>::infinity());
  std::vector<std::size_t> running;
  double spent = 0;
  for (std::size_t i = 0; i < count; ++i) {
    spent += run(i);
    running.push_back(i);
  }
  int quiet = 0;
  for (int round = 1; round <= rule.most_rounds && count > 0; ++round) {
    bool news = false;
    for (const std::size_t i : running) {
      const double seconds = run(i);
      spent += seconds;
      news = news || seconds < (1 - kNews) * least[i];
      least[i] = std::min(least[i], seconds);
    }
    if (round < rule.least_rounds) continue;
    const double fastest = *std::min_element(least.begin(), least.end());
    std::erase_if(running, [&](std::size_t i) { return least[i] > kHopeless * fastest; });
    quiet = news ? 0 : quiet + 1;
    if (spent >= rule.seconds || quiet >= kRoundsWithout) break;
  }
  return least;
}

}  // namespace convoy::cli
