// What a planner goes by, against what happens.
#pragma once

#include <vector>

#include "bench/suite.h"

namespace convoy::bench {

// `convoy-bench planner`: on a GPU device_planner_suite(), else cpu_planner_suite().
std::vector<Row> planner_suite(const Options& options);

// Of every selected pair and block, in f32 and NHWC: its convolutions one by one, and each fused
// module with the tile that the model chooses and options.candidates others, the same draw for the
// same problem. Time: all interleaved in one process, the best run of each counts. Bytes: those of
// one thread's run through simulated caches (kernels/fused/cpu_count.h).
std::vector<Row> cpu_planner_suite(const Options& options);

}  // namespace convoy::bench
