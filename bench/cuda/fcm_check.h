// Kernels that fill and check the maps of `convoy-bench fcm`, whatever library made them.
#pragma once

#include <vector>

#include "base/conv_desc.h"
#include "base/dtype.h"
#include "base/op.h"
#include "base/tensor.h"
#include "cuda/memory.h"
#include "cuda/module.h"

namespace convoy::bench {

// One convolution that was run, on the device.
struct RanConv {
  ConvDesc desc;
  Layout layout = Layout::kNhwc;  // of x, y and the residual
  Unary activation;
  Epilogue::Residual residual_kind = Epilogue::Residual::kNone;
  float y_scale = 1, residual_scale = 1;  // s8
  float uniform_scale = 1;                // s8, of all channels where there is no scale
  bool split = false;                     // f32 in two parts
  const void* x = nullptr;
  const void* w = nullptr;  // k x c/groups x r x s
  const void* bias = nullptr;
  const void* scale = nullptr;
  const void* residual = nullptr;
  const void* y = nullptr;
};

// What an FcmChecker compiles.
std::vector<cuda::Program> fcm_check_programs(DType dtype);

class FcmChecker {
 public:
  FcmChecker(const cuda::Device& device, DType dtype);

  // Reproducible values spread evenly over [-1, 1], or -127..127.
  void fill(const cuda::DeviceBuffer& to, unsigned seed) const;
  // Largest error over its bound of some thousand outputs against sums in double; infinite for NaN.
  // Floating point: the bound of one long sum in f32 (2^-23 a step where tensor cores may
  // truncate, and 3 * 2^-22 a product in two parts), through the activation, and the rounding of
  // what is stored. s8: half a step, one step behind an activation that is computed in floating
  // point.
  double error(const RanConv& conv) const;
  // Largest difference of two maps of `bytes` over what sums in another order may make: 2e-5 (f32),
  // 4e-3 (f16), 3e-2 (bf16) of the largest value, or half a step of s8. Infinite for NaN and for
  // nothing but zeros.
  double difference(const void* a, const void* b, std::size_t bytes) const;

 private:
  const cuda::Device& device_;
  DType dtype_;
  cuda::Kernel fill_, check_, difference_;
  mutable cuda::DeviceBuffer result_;
};

}  // namespace convoy::bench
