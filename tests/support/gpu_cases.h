// Convolutions for the tests of CUDA kernels: the listed ones with every epilogue, and random odd
// ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include "tests/support/conv_cases.h"
#include "tests/support/conv_check.h"

namespace convoy::testing {

struct Layouts {
  Layout x, y;  // the residual has y's
};
inline constexpr Layouts kPlainLayouts[] = {{Layout::kNchw, Layout::kNchw},
                                            {Layout::kNhwc, Layout::kNhwc}};
inline constexpr Layouts kMixedLayouts[] = {{Layout::kNchw, Layout::kNhwc},
                                            {Layout::kNhwc, Layout::kNchw}};

// One set of operands and the layouts it is tried in.
struct GpuCase {
  ConvCase conv;
  std::vector<Layouts> layouts;
  std::uint64_t seed = 1;
};

inline std::vector<Layouts> all_layouts() {
  std::vector<Layouts> layouts(std::begin(kPlainLayouts), std::end(kPlainLayouts));
  layouts.insert(layouts.end(), std::begin(kMixedLayouts), std::end(kMixedLayouts));
  return layouts;
}

// Integers without an epilogue, exact, in every layout; reals with one epilogue after another.
inline std::vector<GpuCase> listed_gpu_cases() {
  std::vector<GpuCase> cases;
  constexpr int kActivations = static_cast<int>(UnaryKind::kMish) + 1;
  int turn = 0;
  const auto add = [&](std::string_view text, int rank) {
    GpuCase one{.conv = {.desc = parse_conv_desc(text), .rank = rank}, .layouts = all_layouts()};
    one.conv.data = ConvCase::Data::kIntegers;
    one.conv.bias = false;
    cases.push_back(one);
    one.conv.data = ConvCase::Data::kReals;
    one.conv.bias = turn % 4 != 3;
    one.conv.epilogue = {usual(UnaryKind(turn % kActivations)), Epilogue::Residual(turn % 3)};
    one.seed = static_cast<std::uint64_t>(++turn);
    cases.push_back(one);
  };
  for (const std::string_view text : kConvCases) add(text, 4);
  for (const std::string_view text : kConv1dCases) add(text, 3);
  return cases;
}

// Every activation with and without a residual, on one dense, one depthwise and one pointwise.
inline std::vector<GpuCase> epilogue_gpu_cases() {
  std::vector<GpuCase> cases;
  for (const char* text :
       {"n2 c9 h6 w7 k19 r3 s3 pad1", "n1 c17 h5 w5 k17 r3 s3 stride2 pad1 groups17",
        "n2 c20 h3 w5 k37 r1 s1"}) {
    for (int kind = 0; kind <= static_cast<int>(UnaryKind::kMish); ++kind) {
      for (int residual = 0; residual < 3; ++residual) {
        GpuCase one{.conv = {.desc = parse_conv_desc(text)}, .layouts = all_layouts()};
        one.conv.bias = kind % 3 != 1;
        one.conv.epilogue = {usual(UnaryKind(kind)), Epilogue::Residual(residual)};
        cases.push_back(one);
      }
    }
  }
  return cases;
}

// Strides 1 to 4, dilation, groups, padding different on each side and at times wider than the
// filter, odd batches, channel counts around the tiles of kernels; at most `most_flops`.
class RandomConvolutions {
 public:
  explicit RandomConvolutions(std::uint64_t seed, std::int64_t most_flops = 30'000'000)
      : random_(seed), most_flops_(most_flops) {}

  GpuCase next() {
    GpuCase one{.conv = {.desc = desc()}, .seed = random_()};
    ConvCase& c = one.conv;
    c.bias = pick({0, 1}) == 1;
    c.epilogue.residual = Epilogue::Residual(pick({0, 0, 1, 2}));
    if (pick({0, 1}) == 1) {
      c.data = ConvCase::Data::kIntegers;  // what keeps integers exact
      c.epilogue.activation = usual(pick({0, 1}) == 1 ? UnaryKind::kRelu : UnaryKind::kIdentity);
    } else {
      c.epilogue.activation = usual(UnaryKind(below(static_cast<int>(UnaryKind::kMish) + 1)));
    }
    one.layouts.assign(std::begin(kPlainLayouts), std::end(kPlainLayouts));
    one.layouts.push_back(kMixedLayouts[below(2)]);
    return one;
  }

 private:
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  std::int64_t pick(std::initializer_list<std::int64_t> values) {
    return values.begin()[below(static_cast<std::int64_t>(values.size()))];
  }

  // Input extent for which `out` outputs exist, some of its end not reached by any window.
  static std::int64_t extent(std::int64_t out, std::int64_t stride, std::int64_t reach,
                             std::int64_t pads, std::int64_t rest) {
    return (out - 1) * stride + reach - pads + std::min(rest, stride - 1);
  }

  ConvDesc desc() {
    while (true) {
      ConvDesc d;
      d.n = pick({1, 1, 2, 3, 5, 7});
      d.groups = pick({1, 1, 1, 1, 2, 3, 5, 17});
      const std::int64_t cg = pick({1, 3, 3, 4, 5, 8, 16, 17, 31, 64});
      const std::int64_t kg = pick({1, 2, 5, 7, 16, 17, 24, 33, 64, 65, 96, 130});
      d.c = cg * d.groups, d.k = kg * d.groups;
      d.r = pick({1, 1, 2, 3, 3, 3, 4, 5, 7, 11}), d.s = pick({1, 2, 3, 3, 3, 4, 5, 7, 11});
      d.stride_h = pick({1, 1, 1, 2, 3, 4}), d.stride_w = pick({1, 1, 1, 2, 3, 4});
      d.dilation_h = pick({1, 1, 1, 2, 3}), d.dilation_w = pick({1, 1, 1, 2, 3});
      const std::int64_t reach_h = d.dilation_h * (d.r - 1) + 1;
      const std::int64_t reach_w = d.dilation_w * (d.s - 1) + 1;
      d.pad_top = below(reach_h + 1), d.pad_bottom = below(reach_h + 1);
      d.pad_left = below(reach_w + 1), d.pad_right = below(reach_w + 1);
      if (pick({0, 0, 1}) == 1) d.pad_top = d.pad_bottom = d.pad_left = d.pad_right = 0;
      d.h = extent(1 + below(23), d.stride_h, reach_h, d.pad_top + d.pad_bottom, below(4));
      d.w = extent(1 + below(40), d.stride_w, reach_w, d.pad_left + d.pad_right, below(4));
      if (d.h < 1 || d.w < 1) continue;
      d.validate();
      if (d.flops() <= most_flops_) return d;
    }
  }

  std::mt19937_64 random_;
  std::int64_t most_flops_;
};

}  // namespace convoy::testing
