// The steps that a pair or block of `convoy-bench fcm` is: the whole as one Op::kFusedConv, and
// each convolution of it on its own; and its weights.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "bench/fcm_case.h"
#include "kernels/fused/fused.h"

namespace convoy::bench {

// Weights, biases and (s8) scales of all stages, reproducible and such that maps keep their
// magnitude: near 1 for floating point, near y_scale's 127 steps for s8.
class FcmConstants {
 public:
  FcmConstants(const FcmCase& fcm, DType dtype);
  struct Stage {
    Tensor w, bias, scale;  // scale: f32, used in s8 alone
  };
  const std::vector<Stage>& stages() const { return stages_; }

 private:
  std::vector<Stage> stages_;
};

// A step: the stages [first, last) of a case as one Op::kFusedConv, with or without its constants'
// contents. The residual is with the last stage.
class FcmOp {
 public:
  FcmOp(const FcmCase& fcm, DType dtype, Layout layout, std::size_t first, std::size_t last);
  void set_constants(const FcmConstants& constants);
  OpDesc desc() const { return {Op::kFusedConv, &attrs_, inputs_, absent(), outputs_}; }
  // For a run: null operands filled by the caller.
  const std::vector<TensorView>& inputs() const { return inputs_; }
  const TensorView& output() const { return outputs_[0]; }

 private:
  std::span<const bool> absent() const { return {absent_.data(), inputs_.size()}; }
  Attrs attrs_;
  std::size_t first_;
  std::vector<TensorView> inputs_;
  std::array<bool, fused_residual(kMostFcmStages) + 1> absent_{};
  std::array<TensorView, 1> outputs_;
};

}  // namespace convoy::bench
