// The second half of an overlapping transposed convolution: products added up where they fall.
#pragma once

#include <cstdint>

#include "base/op.h"

namespace convoy::conv_transpose {

struct GatherRow {
  const ConvTransposeAttrs* attrs;
  std::int64_t r, s;          // filter extents
  std::int64_t h, w;          // input extents
  const float* products;      // [h][w][r][s][k] of one image
  std::int64_t pixel_stride;  // r * s * k
  const float* bias;          // k values, or null
  float* y;                   // result row p: [q][k]
  std::int64_t p, q_extent, k;
};

// The input coordinate that tap `tap` brings to result coordinate `out`, or -1.
inline std::int64_t source(std::int64_t out, std::int64_t pad, std::int64_t tap,
                           std::int64_t dilation, std::int64_t stride, std::int64_t extent) {
  const std::int64_t scaled = out + pad - tap * dilation;
  if (scaled < 0 || scaled % stride != 0) return -1;
  return scaled / stride < extent ? scaled / stride : -1;
}

void gather_row(const GatherRow& row);

}  // namespace convoy::conv_transpose
