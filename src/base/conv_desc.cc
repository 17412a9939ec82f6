#include "base/conv_desc.h"

#include <charconv>
#include <limits>

#include "base/error.h"

namespace convoy {
namespace {

// Far above any real tensor, far below where sums of two such sizes overflow.
constexpr std::int64_t kMaxExtent = std::int64_t{1} << 31;

void require(bool ok, const char* field, std::int64_t found, const char* expected) {
  if (ok) return;
  fail(ErrorCode::kInvalidArgument, std::string("convolution: ") + field + " is " +
                                        std::to_string(found) + ", expected " + expected);
}

struct Field {
  std::string_view name;
  std::int64_t ConvDesc::*first;
  std::int64_t ConvDesc::*second = nullptr;
};

// Longer names first where one is a prefix of another.
constexpr Field kFields[] = {
    {"stride_h", &ConvDesc::stride_h},
    {"stride_w", &ConvDesc::stride_w},
    {"stride", &ConvDesc::stride_h, &ConvDesc::stride_w},
    {"dilation_h", &ConvDesc::dilation_h},
    {"dilation_w", &ConvDesc::dilation_w},
    {"dilation", &ConvDesc::dilation_h, &ConvDesc::dilation_w},
    {"pad_top", &ConvDesc::pad_top},
    {"pad_left", &ConvDesc::pad_left},
    {"pad_bottom", &ConvDesc::pad_bottom},
    {"pad_right", &ConvDesc::pad_right},
    {"groups", &ConvDesc::groups},
    {"n", &ConvDesc::n},
    {"c", &ConvDesc::c},
    {"h", &ConvDesc::h},
    {"w", &ConvDesc::w},
    {"k", &ConvDesc::k},
    {"r", &ConvDesc::r},
    {"s", &ConvDesc::s},
};

bool take_number(std::string_view& text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

[[noreturn]] void bad_word(std::string_view word) {
  fail(ErrorCode::kInvalidArgument,
       "convolution: cannot understand '" + std::string(word) +
           "'; expected words such as n1 c32 h112 w112 k64 r3 s3 stride2 pad1 groups1");
}

void apply_word(ConvDesc& desc, std::string_view word) {
  std::int64_t value = 0;
  if (word.starts_with("pad") && word.size() > 3 && word[3] != '_') {
    std::string_view rest = word.substr(3);
    if (!take_number(rest, value) || !rest.empty()) bad_word(word);
    desc.pad_top = desc.pad_left = desc.pad_bottom = desc.pad_right = value;
    return;
  }
  for (const Field& field : kFields) {
    if (!word.starts_with(field.name)) continue;
    std::string_view rest = word.substr(field.name.size());
    if (!take_number(rest, value) || !rest.empty()) continue;
    desc.*field.first = value;
    if (field.second) desc.*field.second = value;
    return;
  }
  bad_word(word);
}

// oneDNN: one unbroken word; dilation is zero-based, mb defaults to 2, the bottom and right pads
// follow from the output extents when those are given.
ConvDesc parse_onednn(std::string_view text) {
  ConvDesc d;
  d.n = 2;
  std::int64_t g = 1, oh = -1, ow = -1, ih = -1, iw = -1, kh = -1, kw = -1, sh = -1, sw = -1;
  std::int64_t ph = -1, pw = -1, dh = -1, dw = -1;
  struct Key {
    std::string_view name;
    std::int64_t* value;
  };
  const Key keys[] = {{"mb", &d.n}, {"ic", &d.c}, {"oc", &d.k}, {"ih", &ih},
                      {"iw", &iw},  {"oh", &oh},  {"ow", &ow},  {"kh", &kh},
                      {"kw", &kw},  {"sh", &sh},  {"sw", &sw},  {"ph", &ph},
                      {"pw", &pw},  {"dh", &dh},  {"dw", &dw},  {"g", &g}};
  const std::string_view whole = text;
  while (!text.empty() && text[0] != 'n') {
    if (text[0] == '_') {
      text.remove_prefix(1);
      continue;
    }
    bool matched = false;
    for (const Key& key : keys) {
      if (!text.starts_with(key.name)) continue;
      text.remove_prefix(key.name.size());
      if (!take_number(text, *key.value)) bad_word(whole);
      matched = true;
      break;
    }
    if (!matched) bad_word(whole);
  }
  const auto other = [](std::int64_t a, std::int64_t b, std::int64_t fallback) {
    return a >= 0 ? a : (b >= 0 ? b : fallback);
  };
  d.groups = g;
  d.h = other(ih, iw, 1), d.w = other(iw, ih, 1);
  d.r = other(kh, kw, 1), d.s = other(kw, kh, 1);
  d.stride_h = other(sh, sw, 1), d.stride_w = other(sw, sh, 1);
  d.dilation_h = other(dh, dw, 0) + 1, d.dilation_w = other(dw, dh, 0) + 1;
  d.pad_top = other(ph, pw, 0), d.pad_left = other(pw, ph, 0);
  oh = other(oh, ow, -1), ow = other(ow, oh, -1);
  const auto end_pad = [](std::int64_t out, std::int64_t in, std::int64_t filter,
                          std::int64_t stride, std::int64_t dilation, std::int64_t pad) {
    return out < 0 ? pad : (out - 1) * stride + dilation * (filter - 1) + 1 - in - pad;
  };
  d.pad_bottom = end_pad(oh, d.h, d.r, d.stride_h, d.dilation_h, d.pad_top);
  d.pad_right = end_pad(ow, d.w, d.s, d.stride_w, d.dilation_w, d.pad_left);
  // Rows the last window does not reach are legal there and show as a negative end pad.
  if (d.pad_bottom < 0 && -d.pad_bottom < d.stride_h) d.pad_bottom = 0;
  if (d.pad_right < 0 && -d.pad_right < d.stride_w) d.pad_right = 0;
  return d;
}

void print_pair(std::string& out, const char* name, std::int64_t a, std::int64_t b) {
  if (a == 1 && b == 1) return;
  const std::string base = std::string(" ") + name;
  out += a == b ? base + std::to_string(a)
                : base + "_h" + std::to_string(a) + base + "_w" + std::to_string(b);
}

}  // namespace

void ConvDesc::validate() const {
  const Field positive[] = {{"n", &ConvDesc::n},
                            {"c", &ConvDesc::c},
                            {"h", &ConvDesc::h},
                            {"w", &ConvDesc::w},
                            {"k", &ConvDesc::k},
                            {"r (kernel rows)", &ConvDesc::r},
                            {"s (kernel columns)", &ConvDesc::s},
                            {"stride_h", &ConvDesc::stride_h},
                            {"stride_w", &ConvDesc::stride_w},
                            {"dilation_h", &ConvDesc::dilation_h},
                            {"dilation_w", &ConvDesc::dilation_w},
                            {"groups", &ConvDesc::groups}};
  for (const Field& f : positive) {
    const std::int64_t v = this->*f.first;
    require(v >= 1 && v <= kMaxExtent, f.name.data(), v, "1 to 2^31");
  }
  const Field pads[] = {{"pad_top", &ConvDesc::pad_top},
                        {"pad_left", &ConvDesc::pad_left},
                        {"pad_bottom", &ConvDesc::pad_bottom},
                        {"pad_right", &ConvDesc::pad_right}};
  for (const Field& f : pads) {
    const std::int64_t v = this->*f.first;
    require(v >= 0 && v <= kMaxExtent, f.name.data(), v, "0 to 2^31");
  }
  require(c % groups == 0, "groups", groups, ("a divisor of c = " + std::to_string(c)).c_str());
  require(k % groups == 0, "groups", groups, ("a divisor of k = " + std::to_string(k)).c_str());
  // Extents are at most 2^31, so these products fit.
  require(dilation_h * (r - 1) + 1 <= padded_h(), "effective kernel height",
          dilation_h * (r - 1) + 1,
          ("at most the padded input's " + std::to_string(padded_h())).c_str());
  require(dilation_w * (s - 1) + 1 <= padded_w(), "effective kernel width",
          dilation_w * (s - 1) + 1,
          ("at most the padded input's " + std::to_string(padded_w())).c_str());
}

std::string to_string(const ConvDesc& d) {
  std::string out = "n" + std::to_string(d.n) + " c" + std::to_string(d.c) + " h" +
                    std::to_string(d.h) + " w" + std::to_string(d.w) + " k" + std::to_string(d.k) +
                    " r" + std::to_string(d.r) + " s" + std::to_string(d.s);
  print_pair(out, "stride", d.stride_h, d.stride_w);
  print_pair(out, "dilation", d.dilation_h, d.dilation_w);
  if (d.pad_top == d.pad_left && d.pad_top == d.pad_bottom && d.pad_top == d.pad_right) {
    if (d.pad_top != 0) out += " pad" + std::to_string(d.pad_top);
  } else {
    out += " pad_top" + std::to_string(d.pad_top) + " pad_left" + std::to_string(d.pad_left) +
           " pad_bottom" + std::to_string(d.pad_bottom) + " pad_right" +
           std::to_string(d.pad_right);
  }
  if (d.groups != 1) out += " groups" + std::to_string(d.groups);
  return out;
}

ConvDesc parse_conv_desc(std::string_view text) {
  ConvDesc desc;
  const bool onednn = text.find("ic") != std::string_view::npos;
  if (onednn) {
    desc = parse_onednn(text);
  } else {
    std::size_t at = 0;
    while ((at = text.find_first_not_of(" \t", at)) != std::string_view::npos) {
      const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
      apply_word(desc, text.substr(at, end - at));
      at = end;
    }
    if (text.find_first_not_of(" \t") == std::string_view::npos) bad_word(text);
  }
  desc.validate();
  return desc;
}

}  // namespace convoy
