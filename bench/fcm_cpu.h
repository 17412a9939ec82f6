// The fused modules of the CPU beside the same convolutions one after the other.
#pragma once

#include <vector>

#include "bench/suite.h"

namespace convoy::bench {

// `convoy-bench fcm`: on a GPU device_fcm_suite(), else cpu_fcm_suite().
std::vector<Row> fcm_suite(const Options& options);

// Of every selected pair and block, in f32 and NHWC, interleaved in one process: "unfused"
// (depthwise.direct and pointwise.gemm in sequence), each fused module with the tile it chooses,
// and with the fastest of options.candidates tiles ("… best"). `error`: the largest difference to
// "unfused" over the largest value.
std::vector<Row> cpu_fcm_suite(const Options& options);

}  // namespace convoy::bench
