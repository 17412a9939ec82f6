// A window sliding along one axis of a convolution or pool, and the padding that ONNX asks for.
#pragma once

#include <cstdint>

#include "base/op.h"
#include "graph/rules/node_context.h"

namespace convoy::rules {

// No extent, stride, dilation or pad above this makes sense; below it, their sums and the products
// of two of them fit 64 bits.
inline constexpr std::int64_t kMaxWindowNumber = std::int64_t{1} << 31;

struct Window {
  const char* axis = "h";  // for messages
  std::int64_t in = 1, kernel = 1, stride = 1, dilation = 1;
  std::int64_t pad_begin = 0, pad_end = 0;

  std::int64_t span() const {
    return dilation * (kernel - 1) + 1;
  }  // inputs from first to last tap

  // Refuses non-positive or absurd numbers and negative pads.
  void check() const;
  // Sets the pads that `auto_pad` asks for; leaves explicit ones alone.
  void resolve(AutoPad auto_pad);
  // Windows that fit the padded input; refuses a window larger than it. With `ceil_mode` a last
  // window may reach past the end, if it starts before the end padding.
  std::int64_t outputs(bool ceil_mode) const;
};

// Distributes `total` over both ends: the odd one goes to the end for kSameUpper, else to the
// begin.
void distribute_pads(std::int64_t total, bool odd_at_end, std::int64_t& begin, std::int64_t& end);

// The two windows of x (n x c x h x w, or n x c x w) under a filter or kernel; for rank 3 the first
// is the trivial one. Refuses other ranks and empty x.
struct Windows {
  Window h, w;
  Pads pads() const { return {h.pad_begin, w.pad_begin, h.pad_end, w.pad_end}; }
};
Windows make_windows(const NodeContext& context, const Pair& kernel, const Pair& stride,
                     const Pair& dilation, const Pads& pads);

// n x k x p x q, without p for rank 3.
Shape feature_map(const Shape& x, std::int64_t k, std::int64_t p, std::int64_t q);

}  // namespace convoy::rules
