// Runs that a profiler counts: one at a time, each told from the next by a marker.
#pragma once

#include "bench/cuda/graph_timer.h"
#include "cuda/memory.h"
#include "cuda/module.h"

namespace convoy::bench {

class CountedRun {
 public:
  explicit CountedRun(const cuda::Device& device);
  // With the L2 holding nothing of the operands and the profiler on: the kernel bench_fcm_mark with
  // a grid of `row` + 1 blocks, then the run once.
  void operator()(std::size_t row, const Enqueue& enqueue, CUstream stream) const;
  // The same after one run that is not counted, as if it had been run over and over: what it wrote
  // then leaves L2 now, instead of staying there uncounted.
  void repeated(std::size_t row, const Enqueue& enqueue, CUstream stream) const;

 private:
  void count(std::size_t row, const Enqueue& enqueue, CUstream stream) const;

  const cuda::Device& device_;
  cuda::Kernel mark_;
  mutable cuda::DeviceBuffer flushed_;
};

}  // namespace convoy::bench
