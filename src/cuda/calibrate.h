// What a GPU reaches, measured, beside what its description says.
#pragma once

#include <vector>

#include "cuda/compile.h"
#include "cuda/device.h"

namespace convoy::cuda {

struct Calibration {
  double bytes_per_second = 0;    // device memory, read and written by a copy
  double flops_per_second = 0;    // f32 fused multiply-adds, two each, all multiprocessors
  double launch_seconds = 0;      // from one empty kernel's end to the next's, many enqueued
  double round_trip_seconds = 0;  // of one empty kernel, enqueued and waited for by the host
};

// Medians of several runs, after as many that bring the clock to where it stays; half a second.
// Takes a quarter of the free memory, 2 GiB at most, while it runs. Throws kDevice where NVRTC is
// absent or the GPU fails.
Calibration calibrate(const Device& device);

// The kernels it takes.
std::vector<Program> calibration_programs();

}  // namespace convoy::cuda
