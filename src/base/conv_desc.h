// One convolution problem, in the field's letters, and its one textual form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace convoy {

// Input n x c x h x w, filter k x c/groups x r x s, output n x k x p x q.
struct ConvDesc {
  std::int64_t n = 1, c = 1, h = 1, w = 1;
  std::int64_t k = 1, r = 1, s = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t groups = 1;

  std::int64_t padded_h() const { return h + pad_top + pad_bottom; }
  std::int64_t padded_w() const { return w + pad_left + pad_right; }
  std::int64_t p() const { return (padded_h() - dilation_h * (r - 1) - 1) / stride_h + 1; }
  std::int64_t q() const { return (padded_w() - dilation_w * (s - 1) - 1) / stride_w + 1; }
  // 2 * multiply-adds, padding counted as work, as every peer reports it.
  std::int64_t flops() const { return 2 * n * k * p() * q() * (c / groups) * r * s; }
  bool is_depthwise() const { return groups == c && groups > 1; }  // k / c is the multiplier
  bool is_pointwise() const { return r == 1 && s == 1 && groups == 1; }

  // Throws kInvalidArgument naming the field, its value and what was expected.
  void validate() const;
  bool operator==(const ConvDesc&) const = default;
};

// "n128 c3 h227 w227 k96 r11 s11 stride4 pad0". Fields at their default are left out, but for the
// sizes; stride, dilation and pad split into h/w (or top/left/bottom/right) when they differ:
// "stride_h2 stride_w1", "pad_top0 pad_left1 pad_bottom1 pad_right2".
std::string to_string(const ConvDesc& desc);

// Parses that form, and oneDNN's "mb1_ic3ih227iw227oc96oh55ow55kh11kw11sh4sw4ph0pw0_n\"conv1\"".
// Throws kInvalidArgument naming the word it does not understand. The result is validated.
ConvDesc parse_conv_desc(std::string_view text);

}  // namespace convoy
