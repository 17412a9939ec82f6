#include "kernels/conv/window_order.h"

#include <algorithm>
#include <cstring>

namespace convoy {
namespace {

// Columns of `part` that lie in the input: [begin, end) counted from part.w; `left` is the input
// column of part.w, negative inside the padding.
struct Columns {
  std::int64_t left, begin, end;
  Columns(const ConvDesc& d, const WindowPart& part)
      : left(part.w - d.pad_left),
        begin(std::clamp<std::int64_t>(-left, 0, part.columns)),
        end(std::clamp<std::int64_t>(d.w - left, begin, part.columns)) {}
};

template <class T>
void copy(const T* from, std::int64_t count, T* to) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
}

template <class T>
void zero(T* to, std::int64_t count) {
  std::memset(to, 0, static_cast<std::size_t>(count) * sizeof(T));
}

// kChannels is the number of channels where it is small enough to unroll, 0 elsewhere.
template <class T, int kChannels>
void nhwc(const ConvDesc& d, const WindowPart& part, const T* image, T* out) {
  const std::int64_t channels = kChannels > 0 ? kChannels : part.channels;
  const Columns columns(d, part);
  const std::int64_t step = d.r * channels;
  for (std::int64_t row = 0; row < part.rows; ++row) {
    for (std::int64_t r = 0; r < d.r; ++r) {
      const std::int64_t h = (part.p + row) * d.stride_h - d.pad_top + r * d.dilation_h;
      T* to = out + row * part.columns * step + r * channels;
      const bool inside = h >= 0 && h < d.h;
      const std::int64_t begin = inside ? columns.begin : part.columns;
      const std::int64_t end = inside ? columns.end : part.columns;
      for (std::int64_t w = 0; w < begin; ++w) zero(to + w * step, channels);
      const T* from = image + (h * d.w + columns.left) * d.c + part.c;
      for (std::int64_t w = begin; w < end; ++w) copy(from + w * d.c, channels, to + w * step);
      for (std::int64_t w = end; w < part.columns; ++w) zero(to + w * step, channels);
    }
  }
}

}  // namespace

template <class T>
void window_order_nhwc(const ConvDesc& d, const WindowPart& part, const T* image, T* out) {
  switch (part.channels) {
    case 1:
      return nhwc<T, 1>(d, part, image, out);
    case 2:
      return nhwc<T, 2>(d, part, image, out);
    case 3:
      return nhwc<T, 3>(d, part, image, out);
    case 4:
      return nhwc<T, 4>(d, part, image, out);
    default:
      return nhwc<T, 0>(d, part, image, out);
  }
}

template <class T>
void window_order_nchw(const ConvDesc& d, const WindowPart& part, const T* image,
                       std::int64_t plane, T* out) {
  const Columns columns(d, part);
  for (std::int64_t c = 0; c < part.channels; ++c) {
    for (std::int64_t row = 0; row < part.rows; ++row) {
      for (std::int64_t r = 0; r < d.r; ++r) {
        const std::int64_t h = (part.p + row) * d.stride_h - d.pad_top + r * d.dilation_h;
        T* to = out + c * plane + row * part.columns * d.r + r;
        const bool inside = h >= 0 && h < d.h;
        const std::int64_t begin = inside ? columns.begin : part.columns;
        const std::int64_t end = inside ? columns.end : part.columns;
        for (std::int64_t w = 0; w < begin; ++w) to[w * d.r] = 0;
        const T* from = image + ((part.c + c) * d.h + h) * d.w + columns.left;
        for (std::int64_t w = begin; w < end; ++w) to[w * d.r] = from[w];
        for (std::int64_t w = end; w < part.columns; ++w) to[w * d.r] = 0;
      }
    }
  }
}

template <class T>
void window_order_chwn(const ConvDesc& d, const WindowPart& part, const T* image,
                       std::int64_t inner, std::int64_t first, std::int64_t lanes,
                       std::int64_t plane, T* out) {
  const Columns columns(d, part);
  const std::int64_t step = d.r * lanes;
  for (std::int64_t c = 0; c < part.channels; ++c) {
    for (std::int64_t row = 0; row < part.rows; ++row) {
      for (std::int64_t r = 0; r < d.r; ++r) {
        const std::int64_t h = (part.p + row) * d.stride_h - d.pad_top + r * d.dilation_h;
        T* to = out + c * plane + row * part.columns * step + r * lanes;
        const bool inside = h >= 0 && h < d.h;
        const std::int64_t begin = inside ? columns.begin : part.columns;
        const std::int64_t end = inside ? columns.end : part.columns;
        for (std::int64_t w = 0; w < begin; ++w) zero(to + w * step, lanes);
        const T* from = image + (((part.c + c) * d.h + h) * d.w + columns.left) * inner + first;
        for (std::int64_t w = begin; w < end; ++w) copy(from + w * inner, lanes, to + w * step);
        for (std::int64_t w = end; w < part.columns; ++w) zero(to + w * step, lanes);
      }
    }
  }
}

template void window_order_nhwc(const ConvDesc&, const WindowPart&, const float*, float*);
template void window_order_nhwc(const ConvDesc&, const WindowPart&, const double*, double*);
template void window_order_nchw(const ConvDesc&, const WindowPart&, const float*, std::int64_t,
                                float*);
template void window_order_nchw(const ConvDesc&, const WindowPart&, const double*, std::int64_t,
                                double*);
template void window_order_chwn(const ConvDesc&, const WindowPart&, const float*, std::int64_t,
                                std::int64_t, std::int64_t, std::int64_t, float*);
template void window_order_chwn(const ConvDesc&, const WindowPart&, const double*, std::int64_t,
                                std::int64_t, std::int64_t, std::int64_t, double*);

}  // namespace convoy
