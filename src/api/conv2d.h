// What a convoy_conv2d is: one kernel of the registry, prepared for one problem.
#pragma once

#include <memory>
#include <mutex>

#include "api/conv2d_problem.h"

struct convoy_conv2d {
  explicit convoy_conv2d(const convoy_conv2d_desc& desc)
      : problem(desc), pool(problem.gpu() != nullptr ? 1 : problem.device().threads) {}

  convoy::api::Conv2dProblem problem;
  mutable convoy::ThreadPool pool;
  mutable std::mutex turn;  // of the threads that share this handle's pool
  const convoy::Implementation* implementation = nullptr;
  std::unique_ptr<convoy::Kernel> kernel;
  std::size_t workspace_bytes = 0;
  std::unique_ptr<convoy::Tensor> weights, bias;  // copies for kernels that read them again
};
