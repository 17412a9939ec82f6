// What a planner goes by, against what happens.
#pragma once

#include <vector>

#include "bench/suite.h"

namespace convoy::bench {

// `convoy-bench planner`: on a GPU device_planner_suite(). Throws kUnsupported elsewhere.
std::vector<Row> planner_suite(const Options& options);

}  // namespace convoy::bench
