// Fused convolutional modules (FCM): depthwise (DW) and pointwise (PW) convolutions that follow
// each other and run as one kernel, what lies between them never meeting memory. After "Fusing
// Depthwise and Pointwise Convolutions for Efficient Inference on GPUs", and beyond it.
//
//   dwpw     DW then PW
//   pwdw     PW then DW, each block with its channels' whole maps: nothing computed twice
//   pwdw_r   PW then DW in spatial tiles, the halo of the PW recomputed
//   pwpw     PW then PW
//   pwdwpw   PW, DW, PW and a residual: the inverted-residual block
//
// One DW or PW on its own is a module of one stage ("dw", "pw"): layer by layer.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/registry.h"

namespace convoy {

// Operands of Op::kFusedConv: x, three of each stage, the residual last.
inline constexpr std::size_t kFusedX = 0;
constexpr std::size_t fused_w(std::size_t stage) { return 1 + 3 * stage; }
constexpr std::size_t fused_bias(std::size_t stage) { return 2 + 3 * stage; }
constexpr std::size_t fused_scale(std::size_t stage) { return 3 + 3 * stage; }  // s8 alone
constexpr std::size_t fused_residual(std::size_t stages) { return 1 + 3 * stages; }

struct FusedStage {
  ConvDesc desc;  // its x is the result of the stage before
  Unary activation;
  float y_scale = 1;  // s8
  bool has_bias = false;
  const void* weights = nullptr;  // k x c/groups x r x s; null unless known when planning
  const void* bias = nullptr;     // k values; null when absent or only known when running
  const float* scale = nullptr;   // k values, s8; null unless known when planning

  // A filter of its own (or several) for every input channel. With one channel both are true of a
  // 1x1 filter, and it counts as pointwise.
  bool is_depthwise() const { return desc.groups == desc.c && !is_pointwise(); }
  bool is_pointwise() const {
    return desc.is_pointwise() && desc.pad_top == 0 && desc.pad_left == 0 && desc.pad_bottom == 0 &&
           desc.pad_right == 0;
  }
};

struct FusedProblem {
  DType dtype = DType::kF32;  // of x, every w, the residual, y and what lies between
  Layout x_layout = Layout::kNchw, y_layout = Layout::kNchw, residual_layout = Layout::kNchw;
  std::vector<FusedStage> stages;
  Epilogue::Residual residual = Epilogue::Residual::kNone;
  float residual_scale = 1;  // s8
  // kSplit where x is f32 and there are pointwise stages, which all permit it.
  Precision precision = Precision::kStrict;
  // Every weight, bias and scale is known when planning.
  bool constant_operands = true;

  const ConvDesc& first() const { return stages.front().desc; }
  const ConvDesc& last() const { return stages.back().desc; }
  bool has_residual() const { return residual != Epilogue::Residual::kNone; }
};

// The one place where an OpDesc becomes a module: an Op::kFusedConv, or an Op::kConv as a module of
// one stage. Throws kInvalidArgument naming what does not fit: operands missing, of the wrong type
// (see FusedConvAttrs) or shape, stages that do not follow each other.
FusedProblem fused_problem(const OpDesc& op);

enum class Module : std::uint8_t { kDw, kPw, kDwPw, kPwDw, kPwPw, kPwDwPw };
std::string_view to_string(Module module);  // "dwpw"
// Which module the stages are; none when they are another sequence, or a PW within it has strides.
std::optional<Module> module_of(const FusedProblem& problem);

}  // namespace convoy
