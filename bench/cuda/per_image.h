// im2col and a matrix product image by image, as Caffe and PyTorch without cuDNN do it.
#pragma once

#include <string>
#include <vector>

#include "bench/cuda/device_step.h"

namespace convoy::bench {

// Nothing when cuBLAS is missing.
std::vector<Row> per_image_rows(const Options& options, const std::string& layer, DeviceStep& step);

}  // namespace convoy::bench
