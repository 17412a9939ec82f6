// What a convoy_conv2d is: one kernel of the registry, prepared for one problem: a convolution, or
// some that follow each other.
#pragma once

#include <memory>
#include <mutex>

#include "api/conv2d_problem.h"

struct convoy_conv2d {
  explicit convoy_conv2d(std::span<const convoy_conv2d_desc> stages)
      : problem(stages), pool(problem.gpu() != nullptr ? 1 : problem.device().threads) {}

  convoy::api::Conv2dProblem problem;
  mutable convoy::ThreadPool pool;
  mutable std::mutex turn;  // of the threads that share this handle's pool
  const convoy::Implementation* implementation = nullptr;
  std::unique_ptr<convoy::Kernel> kernel;
  std::size_t workspace_bytes = 0;
  // By operand: copies for kernels that read them again.
  std::unique_ptr<convoy::Tensor> constants[convoy::api::Conv2dProblem::kMostInputs];
};
