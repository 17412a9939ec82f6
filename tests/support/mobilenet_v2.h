// MobileNetV2 (width 1, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", table 2) with
// weights of no meaning and batch normalisation already folded, for tests of whole networks.
#pragma once

#include <cmath>
#include <cstdint>

#include "tests/support/graph_builder.h"

namespace convoy::testing {

class MobileNetV2 : public GraphBuilder {
 public:
  explicit MobileNetV2(std::int64_t extent) {
    ValueId x = conv(input("image", Shape{1, 3, extent, extent}), 3, 32, 3, 2, 1, true);
    std::int64_t c = 32;
    struct Stage {
      std::int64_t expansion, channels, blocks, stride;
    };
    for (const Stage& s : {Stage{1, 16, 1, 1},
                           {6, 24, 2, 2},
                           {6, 32, 3, 2},
                           {6, 64, 4, 2},
                           {6, 96, 3, 1},
                           {6, 160, 3, 2},
                           {6, 320, 1, 1}}) {
      for (std::int64_t i = 0; i < s.blocks; ++i) {
        const std::int64_t stride = i == 0 ? s.stride : 1, wide = c * s.expansion;
        ValueId y = s.expansion == 1 ? x : conv(x, c, wide, 1, 1, 1, true);
        y = conv(y, wide, wide, 3, stride, wide, true);
        y = conv(y, wide, s.channels, 1, 1, 1, false);
        const bool adds = stride == 1 && c == s.channels;
        x = adds ? add(Op::kBinary, BinaryAttrs{BinaryKind::kAdd, {}}, {y, x}) : y;
        c = s.channels;
      }
    }
    x = conv(x, c, 1280, 1, 1, 1, true);
    ReduceAttrs mean;
    mean.spatial = true;
    x = add(Op::kReduce, mean, {x});
    graph = finish({conv(x, 1280, 100, 1, 1, 1, false)});
  }

 private:
  ValueId conv(ValueId x, std::int64_t c, std::int64_t k, std::int64_t r, std::int64_t stride,
               std::int64_t groups, bool clipped) {
    ConvAttrs attrs;
    attrs.stride = {stride, stride};
    attrs.pads = {r / 2, r / 2, r / 2, r / 2};
    attrs.groups = groups;
    const Shape w{k, c / groups, r, r};
    const ValueId y = add(Op::kConv, attrs, {x, weights(w), weights({k})});
    return clipped ? add(Op::kUnary, Unary{UnaryKind::kClip, 0, 6}, {y}) : y;
  }

  // Keeps the magnitude of what passes through.
  ValueId weights(const Shape& shape) {
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    const auto taps = static_cast<float>(shape.elements() / shape[0]);
    for (float& v : values) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      v = (static_cast<float>(state_ >> 40) * 0x1p-23f - 1) * 2.4f / std::sqrt(taps);
    }
    return constant(make_tensor(shape, values));
  }

  std::uint64_t state_ = 1;
};

}  // namespace convoy::testing
