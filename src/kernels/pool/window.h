// Which input elements one pooled element sees.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/op.h"
#include "kernels/feature_map.h"

namespace convoy::pool {

// Window positions along one axis, as far as they lie inside [low, high).
struct Positions {
  std::int64_t first, dilation, begin, end;

  Positions(std::int64_t start, std::int64_t kernel, std::int64_t step, std::int64_t low,
            std::int64_t high)
      : first(start), dilation(step) {
    begin = start >= low ? 0 : (low - start + step - 1) / step;
    end = start >= high ? 0 : std::min(kernel, (high - start + step - 1) / step);
    end = std::max(begin, end);
  }
  std::int64_t count() const { return end - begin; }
  std::int64_t at(std::int64_t i) const { return first + i * dilation; }
};

struct WindowOf {
  Positions rows, columns;  // inside the input
  bool average;
  std::int64_t divisor;  // of an average: positions counted, padding included where asked

  std::int64_t inside() const { return rows.count() * columns.count(); }
};

inline WindowOf window_of(const PoolAttrs& attrs, const FeatureMap& in, std::int64_t p,
                          std::int64_t q) {
  const std::int64_t h = p * attrs.stride[0] - attrs.pads.top;
  const std::int64_t w = q * attrs.stride[1] - attrs.pads.left;
  WindowOf window{{h, attrs.kernel[0], attrs.dilation[0], 0, in.h},
                  {w, attrs.kernel[1], attrs.dilation[1], 0, in.w},
                  attrs.kind == PoolAttrs::Kind::kAverage,
                  0};
  window.divisor = window.inside();
  if (attrs.count_include_pad) {
    const Positions rows(h, attrs.kernel[0], attrs.dilation[0], -attrs.pads.top,
                         in.h + attrs.pads.bottom);
    const Positions columns(w, attrs.kernel[1], attrs.dilation[1], -attrs.pads.left,
                            in.w + attrs.pads.right);
    window.divisor = rows.count() * columns.count();
  }
  return window;
}

}  // namespace convoy::pool
