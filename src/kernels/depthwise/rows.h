// The vector body of depthwise convolutions in NHWC with one filter per channel, one vector of
// channels at a time.
#pragma once

#include <cstdint>

#include "base/conv_desc.h"
#include "base/op.h"

namespace convoy {

// Rows [p_begin, p_end) and channel blocks [block_begin, block_end) of one image.
struct DepthwiseRows {
  const ConvDesc* desc = nullptr;
  const float* x = nullptr;         // h x w x c
  const float* weights = nullptr;   // packed: block x r x s x lanes, the last block zero-padded
  const float* bias = nullptr;      // c values, or null
  const float* residual = nullptr;  // p x q x c, or null
  float* y = nullptr;               // p x q x c
  bool residual_after = false;      // added after the activation
  Unary activation;
  std::int64_t p_begin = 0, p_end = 0;
  std::int64_t block_begin = 0, block_end = 0;
};

// The functions compiled for one instruction set. Keep the reference: packed data belong to it.
struct DepthwiseKernels {
  const char* target;  // "AVX3"
  std::int64_t lanes;  // channels per block
  // Packs c x r x s weights into ceil(c / lanes) blocks of r x s x lanes floats.
  void (*pack)(const ConvDesc& desc, const float* weights, float* packed);
  void (*rows)(const DepthwiseRows& rows);
};

const DepthwiseKernels& depthwise_kernels();

}  // namespace convoy
