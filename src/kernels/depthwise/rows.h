// The vector body of depthwise convolutions in NHWC with one filter per channel, one vector of
// channels at a time.
#pragma once

#include <cstdint>

#include "base/conv_desc.h"
#include "base/op.h"

namespace convoy {

// Rows [p_begin, p_end) x columns [q_begin, q_end) of y, of channel blocks [block_begin,
// block_end), for one image. x may be a part of the map, or rows of it that take turns in a ring; y
// and the residual may be parts of theirs.
struct DepthwiseRows {
  const ConvDesc* desc = nullptr;  // extents of the whole maps; c and k are the channels given
  const float* x = nullptr;        // the first channel at row x_top, column x_left of the map
  std::int64_t x_top = 0, x_left = 0;
  std::int64_t x_columns = 0;           // that there are; enough for every column of y asked for
  std::int64_t x_pixel = 0, x_row = 0;  // elements between columns, between rows
  std::int64_t x_ring = INT64_MAX;      // row h lies where row x_top + (h - x_top) % x_ring would
  const float* weights = nullptr;       // packed: block x r x s x lanes, the last block zero-padded
  const float* bias = nullptr;          // c values, or null
  float* y = nullptr;                   // the first channel at row p_begin, column q_begin
  std::int64_t y_pixel = 0, y_row = 0;
  const float* residual = nullptr;  // laid out as y, at the same row and column; or null
  std::int64_t residual_pixel = 0, residual_row = 0;
  bool residual_after = false;  // added after the activation
  Unary activation;
  std::int64_t p_begin = 0, p_end = 0;
  std::int64_t q_begin = 0, q_end = 0;
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
