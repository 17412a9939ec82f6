// The cost model of the fused modules against the device: every tile that is measured with what was
// predicted of it.
#pragma once

#include <vector>

#include "bench/suite.h"

namespace convoy::bench {

// One row per tile of each pair or block that the options name: the first of options.candidates by
// estimate ("model"), and as many again drawn from all others whose estimate is within three times
// the least ("sample"); tiles that spill registers are left out. With options.once the first tile
// alone, launched while a profiler counts and not timed. Throws as device_fcm_suite() does.
std::vector<Row> device_planner_suite(const Options& options);

}  // namespace convoy::bench
