// What is worth measuring of a model.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace convoy {

// A problem and the ways to compute it that are to be timed.
struct TuningTask {
  std::string problem;          // problem_text()
  Node node;                    // of the graph, or the module that a group of its nodes would be
  std::vector<Candidate> ways;  // the least estimate first
  int uses = 0;                 // groups of the graph that are this problem
  // What it could cost the model at most, in seconds: the least estimate, times uses.
  double weight() const { return ways.front().estimate.seconds * uses; }
};

// At most so many ways of one problem.
inline constexpr std::size_t kAllWays = SIZE_MAX;

// Every distinct convolution of the graph, and every distinct group of convolutions that a kernel
// computes as one step: what a search chooses among. Of each at most `top` ways: the best tile of
// each kernel that may be the fastest, then the best of all. What weighs most comes first.
std::vector<TuningTask> tuning_tasks(const Graph& graph, const DeviceDesc& device, std::size_t top);

}  // namespace convoy
