// One convolution through every kernel of a device.
#pragma once

#include <string>

#include "base/conv_desc.h"
#include "cli/report.h"
#include "device/name.h"

namespace convoy::cli {

struct ConvBenchOptions {
  Layout layout = Layout::kNhwc;
  DType dtype = DType::kF32;
  std::string kernels;  // substring that names must contain
  StopRule rule;
  DeviceName device;
  int threads = 0;  // of the CPU
};

// Prints a row per kernel (or the reason it declines) unless quiet; returns them as JSON. Throws
// kDevice when there is no such device.
Json bench_conv(const ConvDesc& desc, const ConvBenchOptions& options, bool quiet);

}  // namespace convoy::cli
