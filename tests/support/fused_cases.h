// Fused modules for tests: the listed ones, which meet every remainder, and random odd ones.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/fused/fused.h"
#include "tests/support/conv_check.h"

namespace convoy::testing {

inline constexpr Module kModules[] = {Module::kDw,   Module::kPw,   Module::kDwPw,
                                      Module::kPwDw, Module::kPwPw, Module::kPwDwPw};
inline constexpr DType kModuleTypes[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kS8};

// A type and how it is multiplied: "f32_split".
struct Arithmetic {
  DType dtype = DType::kF32;
  Precision precision = Precision::kStrict;
};
inline constexpr Arithmetic kArithmetics[] = {
    {DType::kF32}, {DType::kF32, Precision::kSplit}, {DType::kF16}, {DType::kBF16}, {DType::kS8}};
inline std::string to_string(Arithmetic a) {
  return std::string(convoy::to_string(a.dtype)) +
         (a.precision == Precision::kSplit ? "_split" : "");
}

// One module, its operands drawn from `seed` (fused_check.h).
struct FusedCase {
  FusedProblem module;  // its operands are null
  // Integers: small enough that most sums and results are exact in every type; in s8 half steps,
  // which must be rounded to even, are common.
  ConvCase::Data data = ConvCase::Data::kReals;
  bool with_nan = false;  // one element of x, which must reach whatever it is part of, and no more
  std::uint64_t seed = 1;
};

inline std::string to_string(const FusedCase& c) {
  const FusedProblem& m = c.module;
  const auto module = module_of(m);
  std::string text = std::string(module ? convoy::to_string(*module) : "?") + " " +
                     to_string(Arithmetic{m.dtype, m.precision}) + " " +
                     std::string(convoy::to_string(m.x_layout)) + "->" +
                     std::string(convoy::to_string(m.y_layout));
  for (const FusedStage& stage : m.stages) {
    text += " | " + convoy::to_string(stage.desc) + (stage.has_bias ? " bias " : " ") +
            std::string(convoy::to_string(stage.activation.kind));
  }
  return text + " | residual" + std::to_string(static_cast<int>(m.residual)) +
         (c.data == ConvCase::Data::kIntegers ? " integers" : " reals") +
         (c.with_nan ? " with a NaN" : "") + " seed" + std::to_string(c.seed);
}

// Multiply-adds of all stages.
inline std::int64_t multiplies(const FusedProblem& module) {
  std::int64_t sum = 0;
  for (const FusedStage& stage : module.stages) sum += stage.desc.flops() / 2;
  return sum;
}

// "n2 c17 h9 w11 | dw1 r3 s3 pad1 | pw33": x, then stages. dwM has M filters for each channel, pwK
// has K of them for all; the rest of a stage is as in a convolution's textual form.
inline std::vector<FusedStage> chain(std::string_view text) {
  std::vector<FusedStage> stages;
  Shape map;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('|', at), text.size());
    std::string part(text.substr(at, end - at));
    part.erase(0, part.find_first_not_of(' '));
    at = end + 1;
    if (map.rank() == 0) {
      map = conv_x_shape(parse_conv_desc(part + " k1 r1 s1"));
      continue;
    }
    const std::size_t name_end = std::min(part.find(' '), part.size());
    const std::int64_t number = std::stoll(part.substr(2, name_end - 2));
    std::string words = "n" + std::to_string(map[0]) + " c" + std::to_string(map[1]) + " h" +
                        std::to_string(map[2]) + " w" + std::to_string(map[3]);
    words += part.starts_with("dw")
                 ? " k" + std::to_string(number * map[1]) + " groups" + std::to_string(map[1])
                 : " k" + std::to_string(number) + " r1 s1";
    stages.push_back({.desc = parse_conv_desc(words + part.substr(name_end))});
    map = conv_y_shape(stages.back().desc);
  }
  return stages;
}

inline constexpr std::string_view kModuleCases[] = {
    // dw: strides 1-3, dilation, padding on one side alone, even filters, one row, one column
    "n1 c16 h9 w9 | dw1 r3 s3 pad1",
    "n2 c17 h10 w11 | dw1 r3 s3 stride2 pad1",
    "n3 c3 h13 w14 | dw1 r3 s3 stride3 pad_top0 pad_left0 pad_bottom1 pad_right1",
    "n1 c33 h8 w12 | dw1 r5 s5 pad2",
    "n1 c31 h9 w9 | dw1 r5 s5 stride2 pad_top1 pad_left1 pad_bottom2 pad_right2",
    "n1 c20 h11 w9 | dw1 r7 s7 pad3",
    "n1 c8 h12 w12 | dw1 r3 s3 pad2 dilation2",
    "n1 c64 h1 w9 | dw1 r1 s3 pad_top0 pad_left1 pad_bottom0 pad_right1",
    "n1 c18 h9 w1 | dw1 r4 s1 pad_top1 pad_left0 pad_bottom2 pad_right0",
    "n1 c7 h8 w9 | dw1 r2 s4 pad_top1 pad_left2 pad_bottom0 pad_right1",
    "n1 c1 h7 w8 | dw1 r3 s3 pad1",
    "n1 c5 h6 w7 | dw2 r3 s3 pad1",
    "n2 c17 h6 w5 | dw3 r5 s3 stride_h1 stride_w2 pad2",
    "n1 c100 h14 w14 | dw1 r3 s3 pad1",
    "n1 c64 h30 w40 | dw1 r3 s3 stride2 pad1",
    "n1 c9 h4 w5 | dw1 r1 s1 stride2",
    "n2 c6 h3 w3 | dw1 r3 s3 pad4",  // whole windows of padding
    "n1 c3 h4 w4 | dw1 r6 s6 pad3",
    // pw: channels of every remainder, strides, single pixels
    "n1 c1 h1 w1 | pw1",
    "n1 c16 h7 w7 | pw32",
    "n2 c17 h5 w6 | pw19",
    "n1 c3 h30 w40 | pw17",
    "n1 c300 h3 w3 | pw65",
    "n1 c24 h9 w9 | pw40 stride2",
    "n1 c64 h1 w1 | pw100",
    "n3 c31 h7 w7 | pw64 stride_h1 stride_w3",
    "n5 c100 h4 w9 | pw33",
    "n1 c1 h6 w5 | pw3",
    // dwpw
    "n1 c16 h9 w9 | dw1 r3 s3 pad1 | pw16",
    "n2 c17 h9 w11 | dw1 r3 s3 stride2 pad1 | pw33",
    "n1 c31 h14 w13 | dw1 r5 s5 pad2 | pw64",
    "n3 c33 h8 w9 | dw1 r3 s3 stride3 pad_top0 pad_left1 pad_bottom1 pad_right0 | pw3",
    "n1 c100 h7 w7 | dw1 r7 s7 pad3 | pw100",
    "n1 c64 h28 w28 | dw1 r3 s3 pad1 | pw130",
    "n1 c3 h30 w40 | dw1 r3 s3 pad1 | pw17",
    "n1 c1 h5 w6 | dw1 r3 s3 pad1 | pw1",
    "n1 c40 h1 w1 | dw1 r3 s3 pad1 | pw20",
    "n1 c12 h9 w8 | dw2 r3 s3 pad1 dilation2 | pw31",
    "n2 c5 h7 w9 | dw3 r4 s2 pad_top2 pad_left1 pad_bottom1 pad_right0 | pw18",
    "n1 c17 h6 w10 | dw1 r1 s5 pad_top0 pad_left2 pad_bottom0 pad_right2 | pw24",
    "n1 c260 h5 w5 | dw1 r3 s3 pad1 | pw48",
    // pwdw
    "n1 c16 h9 w9 | pw16 | dw1 r3 s3 pad1",
    "n2 c17 h9 w11 | pw33 | dw1 r3 s3 stride2 pad1",
    "n1 c64 h14 w13 | pw31 | dw1 r5 s5 pad2",
    "n3 c3 h8 w9 | pw17 | dw1 r3 s3 stride3 pad_top0 pad_left1 pad_bottom1 pad_right0",
    "n1 c100 h7 w7 | pw100 | dw1 r7 s7 pad3",
    "n1 c24 h28 w28 | pw72 | dw1 r3 s3 stride2 pad_top0 pad_left0 pad_bottom1 pad_right1",
    "n1 c3 h30 w40 | pw8 | dw1 r3 s3 pad1",
    "n1 c40 h1 w1 | pw20 | dw1 r3 s3 pad1",
    "n1 c12 h9 w8 | pw18 | dw2 r3 s3 pad1 dilation2",
    "n2 c5 h7 w9 | pw6 | dw3 r2 s4 pad_top1 pad_left2 pad_bottom0 pad_right1",
    "n1 c17 h10 w6 | pw24 | dw1 r5 s1 pad_top2 pad_left0 pad_bottom2 pad_right0",
    "n1 c300 h5 w5 | pw34 | dw1 r3 s3 pad1",
    "n2 c4 h3 w3 | pw5 | dw1 r3 s3 pad3",
    // pwpw
    "n1 c16 h9 w9 | pw16 | pw16",
    "n2 c17 h5 w7 | pw33 | pw31",
    "n1 c3 h30 w40 | pw17 | pw8",
    "n1 c64 h14 w14 | pw256 | pw64",
    "n3 c100 h1 w1 | pw1 | pw100",
    "n1 c1 h3 w4 | pw3 | pw1",
    "n1 c260 h4 w5 | pw70 | pw130",
    // pwdwpw
    "n1 c16 h9 w9 | pw96 | dw1 r3 s3 pad1 | pw24",
    "n1 c24 h14 w14 | pw72 | dw1 r3 s3 pad1 | pw24",
    "n2 c17 h9 w11 | pw33 | dw1 r3 s3 stride2 pad1 | pw31",
    "n1 c40 h7 w7 | pw100 | dw1 r5 s5 pad2 | pw40",
    "n3 c3 h8 w9 | pw17 | dw1 r3 s3 stride3 pad_top0 pad_left1 pad_bottom1 pad_right0 | pw1",
    "n1 c64 h7 w7 | pw200 | dw1 r7 s7 pad3 | pw64",
    "n1 c20 h1 w1 | pw40 | dw1 r3 s3 pad1 | pw20",
    "n1 c12 h9 w8 | pw18 | dw2 r3 s3 pad1 dilation2 | pw17",
    "n2 c5 h7 w9 | pw6 | dw3 r4 s2 pad_top2 pad_left1 pad_bottom1 pad_right0 | pw19",
    "n1 c8 h30 w40 | pw16 | dw1 r3 s3 stride2 pad1 | pw9",
};

// Gives cases their types, layouts, epilogues and data.
class FusedCaseMaker {
 public:
  // plain: x and y in NHWC, one filter for each channel of a depthwise, as many kernels need them.
  explicit FusedCaseMaker(std::uint64_t seed, bool plain = false) : random_(seed), plain_(plain) {}

  // With kSplit, all of it permits that.
  FusedCase dress(std::vector<FusedStage> stages, DType dtype,
                  Precision precision = Precision::kStrict) {
    constexpr int kActivations = static_cast<int>(UnaryKind::kMish) + 1;
    FusedCase c{.module = {.dtype = dtype, .stages = std::move(stages)}, .seed = random_()};
    FusedProblem& m = c.module;
    m.precision = precision;
    m.x_layout = plain_ || below(2) ? Layout::kNhwc : Layout::kNchw;
    m.y_layout = plain_ || below(2) ? Layout::kNhwc : Layout::kNchw;
    m.residual = Epilogue::Residual(pick({0, 0, 1, 2}));
    m.residual_layout = m.y_layout;
    const bool integers = below(2) == 1;
    if (integers) c.data = ConvCase::Data::kIntegers;
    c.with_nan = dtype != DType::kS8 && below(8) == 0;
    for (FusedStage& stage : m.stages) {
      stage.has_bias = below(3) > 0;
      // What keeps integers whole; and in an epilogue of reals often what networks have.
      constexpr UnaryKind kExact[] = {UnaryKind::kIdentity, UnaryKind::kRelu, UnaryKind::kClip};
      stage.activation =
          usual(integers || below(3) == 0 ? kExact[below(3)] : UnaryKind(below(kActivations)));
      if (dtype == DType::kS8) stage.y_scale = integers ? 0.5f : one_of(kScales);
    }
    if (dtype == DType::kS8) {
      m.residual_scale = integers ? 0.25f * static_cast<float>(1 + below(2)) : one_of(kScales);
    }
    return c;
  }

  // Odd sizes, remainders, filters up to 7 x 7 (even ones, rows and columns too), strides 1-3,
  // dilation, padding different on each side; at most `most` multiply-adds, padding included.
  FusedCase random(Module module, DType dtype, std::int64_t most = 1'000'000,
                   Precision precision = Precision::kStrict) {
    while (true) {
      FusedProblem m{.stages = draw(module)};
      // One channel's filter of one tap is a pointwise.
      if (m.stages.empty() || module_of(m) != module || multiplies(m) > most) continue;
      return dress(std::move(m.stages), dtype, precision);
    }
  }

 private:
  static constexpr float kScales[] = {1.0f / 127, 0.03f, 0.05f, 0.1f};

  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  std::int64_t pick(std::initializer_list<std::int64_t> values) {
    return values.begin()[below(static_cast<std::int64_t>(values.size()))];
  }
  template <class T, std::size_t kCount>
  T one_of(const T (&values)[kCount]) {
    return values[below(kCount)];
  }
  std::int64_t channels() {
    return pick({1, 2, 3, 5, 8, 15, 16, 17, 24, 31, 32, 33, 40, 48, 63, 64, 65, 72, 100, 130, 200});
  }

  // Of x of a depthwise: as much as it takes for one more output than is drawn.
  std::int64_t extent(std::int64_t stride, std::int64_t reach, std::int64_t pads) {
    const std::int64_t outputs = pick({1, 2, 3, 5, 7, 8, 9, 13, 14, 16, 17, 28});
    return (outputs - 1) * stride + reach - pads + below(stride);
  }

  // Empty when nothing is left of x.
  std::vector<FusedStage> draw(Module module) {
    const std::string_view kinds = convoy::to_string(module);
    ConvDesc window{.r = pick({1, 2, 3, 3, 3, 4, 5, 5, 7}), .s = pick({1, 2, 3, 3, 3, 4, 5, 5, 7})};
    if (below(2) == 1) window.s = window.r;
    window.stride_h = pick({1, 1, 1, 2, 2, 3}), window.stride_w = pick({1, 1, 1, 2, 2, 3});
    if (below(4) == 0) window.dilation_h = 1 + below(3), window.dilation_w = 1 + below(3);
    const std::int64_t reach_h = window.dilation_h * (window.r - 1) + 1;
    const std::int64_t reach_w = window.dilation_w * (window.s - 1) + 1;
    if (below(3) > 0) {
      window.pad_top = window.pad_bottom = reach_h / 2;
      window.pad_left = window.pad_right = reach_w / 2;
    }
    if (below(3) == 0) {
      window.pad_top = below(reach_h + 1), window.pad_bottom = below(reach_h + 1);
      window.pad_left = below(reach_w + 1), window.pad_right = below(reach_w + 1);
    }
    ConvDesc x{.n = pick({1, 1, 1, 2, 3, 5}), .c = channels()};
    const bool depthwise = kinds.find("dw") != kinds.npos;
    if (depthwise) {
      x.h = extent(window.stride_h, reach_h, window.pad_top + window.pad_bottom);
      x.w = extent(window.stride_w, reach_w, window.pad_left + window.pad_right);
    } else {
      x.h = 1 + below(30), x.w = 1 + below(40);
    }
    if (x.h < 1 || x.w < 1) return {};

    std::vector<FusedStage> stages;
    for (std::size_t at = 0; at < kinds.size(); at += 2) {
      ConvDesc d = kinds[at] == 'd' ? window : ConvDesc{};
      d.n = x.n, d.c = x.c, d.h = x.h, d.w = x.w;
      if (kinds[at] == 'd') {
        d.groups = d.c;
        d.k = d.c * (plain_ ? 1 : pick({1, 1, 1, 1, 2, 3}));
      } else {
        d.k = channels();
        if (module == Module::kPw) d.stride_h = pick({1, 1, 1, 2, 3}), d.stride_w = d.stride_h;
        if (module == Module::kPw && below(8) == 0) d.stride_w = 1 + below(3);
      }
      d.validate();
      stages.push_back({.desc = d});
      x.c = d.k, x.h = d.p(), x.w = d.q();
    }
    return stages;
  }

  std::mt19937_64 random_;
  bool plain_;
};

}  // namespace convoy::testing
