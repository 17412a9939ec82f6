// Which of several is the fastest, on a machine that others use as well.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace convoy::cli {

struct InterleaveRule {
  double seconds = 0.2;  // of all contenders together; a round that has begun is ended
  int least_rounds = 3;
  int most_rounds = 200;
};

// The least time of each of `count` contenders. They run in turn, so that whatever disturbs the
// machine for a while disturbs all of them; the least, since a disturbance only ever adds. A first
// run of each is not counted. One that is half as slow again as the fastest drops out after
// `least_rounds`. Ends early when further rounds have stopped to find lesser times.
std::vector<double> interleave(std::size_t count, const std::function<double(std::size_t)>& run,
                               const InterleaveRule& rule);

}  // namespace convoy::cli
