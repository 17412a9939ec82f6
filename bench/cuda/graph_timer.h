// Times of sequences of kernels that are launched by the GPU itself: recorded into a graph many
// times over, so that what the host does between launches does not count.
#pragma once

#include <functional>

#include "bench/suite.h"
#include "cuda/stream.h"

namespace convoy::bench {

// Puts one run on the stream; waits for nothing.
using Enqueue = std::function<void(CUstream)>;

class GraphTimer {
 public:
  explicit GraphTimer(const cuda::Device& device);

  CUstream stream() const { return stream_.get(); }
  void synchronize() const { stream_.synchronize(); }
  // Milliseconds of one run after one that does not count, launched by the host.
  double rough_milliseconds(const Enqueue& enqueue) const;
  // Whether a rough look shows that it is not worth measuring beside what takes `best`
  // milliseconds: half as long again, what the host takes to launch set aside.
  bool is_beaten(const Enqueue& enqueue, double best) const;
  // Median and least of at least nine replays, per run, after one replay that does not count. A
  // graph holds 20 runs; fewer, but at least two, where they take longer than 2 ms.
  void measure(const Enqueue& enqueue, Row& row) const;
  // Replays for `seconds`; how many runs that were.
  double replay_for(double seconds, const Enqueue& enqueue) const;

 private:
  const cuda::Device& device_;
  cuda::Stream stream_;
  cuda::Event start_, stop_;
};

}  // namespace convoy::bench
