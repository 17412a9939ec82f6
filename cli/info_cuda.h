// The GPUs part of `convoy info`.
#pragma once

#include "cli/report.h"

namespace convoy::cli {

// GPUs, the compiler of their kernels and where its results are kept, or why there is none of each.
// With `calibrate`, what every GPU reaches beside what its description says. Prints unless `quiet`.
Json show_cuda(bool calibrate, bool quiet);

// Throws kDevice, with the reason, where there is no GPU.
void require_gpu_to_calibrate();

}  // namespace convoy::cli
