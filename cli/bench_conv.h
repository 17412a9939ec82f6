// One convolution through every kernel that can compute it.
#pragma once

#include <string>

#include "base/conv_desc.h"
#include "cli/report.h"

namespace convoy::cli {

struct ConvBenchOptions {
  Layout layout = Layout::kNhwc;
  DType dtype = DType::kF32;
  std::string kernels;  // substring that names must contain
  StopRule rule;
  int threads = 0;
};

// Prints a row per kernel (or the reason it declines) unless quiet; returns them as JSON.
Json bench_conv(const ConvDesc& desc, const ConvBenchOptions& options, bool quiet);

}  // namespace convoy::cli
