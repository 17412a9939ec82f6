// cuDNN's forward convolutions, opened at run time.
#pragma once

#include <string>
#include <vector>

#include "bench/cuda/device_step.h"

namespace convoy::bench {

// Why cuDNN cannot be run here; empty when it can.
std::string cudnn_missing();

// Every forward algorithm on the step in the step's layout, in strict f32 (dtype "f32") and with
// tensor cores allowed ("tf32"). Algorithms that refuse have a status and no time. No bias: cuDNN's
// plain convolution is measured.
std::vector<Row> cudnn_rows(const Options& options, const std::string& layer, DeviceStep& step);

}  // namespace convoy::bench
