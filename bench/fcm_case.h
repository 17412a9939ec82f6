// Pairs and blocks of depthwise and pointwise convolutions that `convoy-bench fcm` measures.
#pragma once

#include <string>
#include <vector>

#include "base/conv_desc.h"
#include "base/op.h"
#include "bench/suite.h"

namespace convoy::bench {

inline constexpr std::size_t kMostFcmStages = 4;

struct FcmCase {
  std::string name;
  std::string module;            // "dwpw": the stages in their order
  std::vector<ConvDesc> stages;  // each takes what the one before makes
  FusedConvAttrs attrs;          // of them all
  bool residual_is_x = false;    // else another map
  std::vector<std::string> marks;

  double flops() const;
  // Each byte that must move, once: x, weights, biases (and scales), y, a residual that is not x.
  double bytes(DType dtype) const;
  // Of what lies between the stages, which fusion does not move.
  double intermediate_bytes(DType dtype) const;
};

// One line of bench/shapes/fcm.txt, which says what its words mean; batch 1. Throws
// kInvalidArgument naming the word it does not understand, or more than kMostFcmStages stages.
FcmCase parse_fcm_case(const std::string& line);

// Throws Error naming the file and the line.
std::vector<FcmCase> read_fcm_cases(const std::string& path);

// Those that options.layers names, all when it is empty, each at each of options.batches. A case is
// named by its name, its module, one of its marks, or its model ("mbv2", what its name begins
// with). Throws kNotFound when a name is nobody's.
std::vector<FcmCase> selected_fcm_cases(const Options& options);

FcmCase with_batch(FcmCase fcm, std::int64_t batch);

// f32 that may be multiplied in two parts.
FcmCase with_split(FcmCase fcm);
// "f16", or "f32_split" of what with_split() made.
std::string arithmetic_name(const FcmCase& fcm, DType dtype);

}  // namespace convoy::bench
