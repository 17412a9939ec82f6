// Putting rows of an input in window order: Win[.][p][w][r] = Xpad[.][p * stride_h + r *
// dilation_h][w].
#pragma once

#include <cstdint>

#include "base/conv_desc.h"

namespace convoy {

// How a convolution finds its windows: in the input itself, in a tile per thread, or in a copy of
// the whole batch.
enum class WindowForm : std::uint8_t { kDirect, kImplicit, kExplicit };

// The part to be copied: output rows [p, p + rows), padded columns [w, w + columns), channels
// [c, c + channels). Rows and columns of padding become zeros.
struct WindowPart {
  std::int64_t p = 0, rows = 0;
  std::int64_t w = 0, columns = 0;
  std::int64_t c = 0, channels = 0;
};

// image: [h][w][c] -> out: [rows][columns][r][channels]
template <class T>
void window_order_nhwc(const ConvDesc& desc, const WindowPart& part, const T* image, T* out);

// image: [c][h][w] -> out: [channels, `plane` elements apart][rows][columns][r]
template <class T>
void window_order_nchw(const ConvDesc& desc, const WindowPart& part, const T* image,
                       std::int64_t plane, T* out);

// image: [c][h][w][inner] -> out: [channels, `plane` apart][rows][columns][r][lanes], the images
// [first, first + lanes) of the `inner` ones.
template <class T>
void window_order_chwn(const ConvDesc& desc, const WindowPart& part, const T* image,
                       std::int64_t inner, std::int64_t first, std::int64_t lanes,
                       std::int64_t plane, T* out);

}  // namespace convoy
