#include "graph/rules/window.h"

#include <algorithm>

namespace convoy::rules {
namespace {

void check_range(std::int64_t value, std::int64_t least, const char* what, const char* axis) {
  if (value >= least && value <= kMaxWindowNumber) return;
  invalid(std::string(what) + " along " + axis + " is " + std::to_string(value) + ", expected " +
          std::to_string(least) + " to 2^31");
}

}  // namespace

void Window::check() const {
  check_range(in, 1, "the input's extent", axis);
  check_range(kernel, 1, "the kernel's extent", axis);
  check_range(stride, 1, "the stride", axis);
  check_range(dilation, 1, "the dilation", axis);
  check_range(pad_begin, 0, "the padding at the begin", axis);
  check_range(pad_end, 0, "the padding at the end", axis);
}

void Window::resolve(AutoPad auto_pad) {
  if (auto_pad == AutoPad::kNotSet) return;
  pad_begin = pad_end = 0;
  if (auto_pad == AutoPad::kValid) return;
  const std::int64_t out = (in + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * stride + span() - in);
  distribute_pads(total, auto_pad == AutoPad::kSameUpper, pad_begin, pad_end);
}

std::int64_t Window::outputs(bool ceil_mode) const {
  const std::int64_t padded = in + pad_begin + pad_end;
  if (span() > padded) {
    invalid("the kernel covers " + std::to_string(span()) + " elements along " + axis +
            " (extent " + std::to_string(kernel) + ", dilation " + std::to_string(dilation) +
            "), more than the padded input's " + std::to_string(padded));
  }
  const std::int64_t room = padded - span();
  if (!ceil_mode) return room / stride + 1;
  const std::int64_t out = (room + stride - 1) / stride + 1;
  return (out - 1) * stride >= in + pad_begin ? out - 1 : out;
}

void distribute_pads(std::int64_t total, bool odd_at_end, std::int64_t& begin, std::int64_t& end) {
  const std::int64_t half = total / 2;
  begin = odd_at_end ? half : total - half;
  end = total - begin;
}

Windows make_windows(const NodeContext& context, const Pair& kernel, const Pair& stride,
                     const Pair& dilation, const Pads& pads) {
  const Shape x = context.shape(0);
  if (x.rank() != 3 && x.rank() != 4) {
    unsupported(context.describe(0) + ": only one- and two-dimensional windows (rank 3 or 4)");
  }
  if (x.elements() == 0) unsupported(context.describe(0) + " is empty");
  const bool flat = x.rank() == 3;
  Windows windows;
  windows.h = {"h", flat ? 1 : x[2], kernel[0], stride[0], dilation[0], pads.top, pads.bottom};
  windows.w = {"w", x[flat ? 2 : 3], kernel[1], stride[1], dilation[1], pads.left, pads.right};
  windows.h.check();
  windows.w.check();
  return windows;
}

Shape feature_map(const Shape& x, std::int64_t k, std::int64_t p, std::int64_t q) {
  return x.rank() == 3 ? Shape{x[0], k, q} : Shape{x[0], k, p, q};
}

}  // namespace convoy::rules
