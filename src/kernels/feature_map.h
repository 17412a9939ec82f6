// Feature maps of rank 3 (n, c, w) and 4 (n, c, h, w) in one form, in any layout with strides.
#pragma once

#include <cstdint>
#include <string>

#include "base/tensor.h"
#include "kernels/registry.h"

namespace convoy {

// Extents and element strides; rank 3 has h = 1.
struct FeatureMap {
  std::int64_t n = 0, c = 0, h = 0, w = 0;
  std::int64_t stride_n = 0, stride_c = 0, stride_h = 0, stride_w = 0;

  std::int64_t offset(std::int64_t in, std::int64_t ic, std::int64_t ih, std::int64_t iw) const {
    return in * stride_n + ic * stride_c + ih * stride_h + iw * stride_w;
  }
};

inline Support is_feature_map(const TensorView& view) {
  if (view.shape.rank() != 3 && view.shape.rank() != 4) {
    return Support::no("needs rank 3 or 4, not " + std::to_string(view.shape.rank()));
  }
  if (view.layout == Layout::kChwn8) return Support::no("layout chwn8 has no strides");
  return Support::yes();
}

inline FeatureMap feature_map(const TensorView& view) {
  const Shape& x = view.shape;
  const Strides s = strides_of(x, view.layout);
  if (x.rank() == 3) return {x[0], x[1], 1, x[2], s[0], s[1], 0, s[2]};
  return {x[0], x[1], x[2], x[3], s[0], s[1], s[2], s[3]};
}

}  // namespace convoy
