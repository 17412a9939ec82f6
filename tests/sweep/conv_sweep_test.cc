// Tens of thousands of small geometries through every convolution, compared bit by bit: with small
// integers every sum is exact.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "base/error.h"
#include "tests/support/conv_check.h"

namespace convoy {
namespace {

using testing::ConvCase;
using testing::ConvChecker;
using testing::ConvOracle;
using testing::Edge;

// One axis of a convolution: the input's extent and what slides over it.
struct Axis {
  std::int64_t extent, filter, stride, dilation, before, after;
};

// Extents 1-12, filters 1-7, strides 1-3, dilations 1-2, every padding below the filter.
std::vector<Axis> all_axes() {
  std::vector<Axis> axes;
  for (std::int64_t extent = 1; extent <= 12; ++extent) {
    for (std::int64_t filter = 1; filter <= 7; ++filter) {
      for (std::int64_t stride = 1; stride <= 3; ++stride) {
        for (std::int64_t dilation = 1; dilation <= 2; ++dilation) {
          for (std::int64_t pads = 0; pads < filter * filter; ++pads) {
            axes.push_back({extent, filter, stride, dilation, pads / filter, pads % filter});
          }
        }
      }
    }
  }
  return axes;
}

bool fits(const Axis& a) {
  return a.dilation * (a.filter - 1) + 1 <= a.extent + a.before + a.after;
}

// Channels up to two vectors of sixteen lanes and one more; seldom many on both sides, for time.
void choose_channels(std::mt19937_64& random, int i, ConvDesc& d) {
  const auto upto = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n) + 1; };
  d.c = i % 8 == 0 || i % 2 == 0 ? upto(33) : upto(5);
  d.k = i % 8 == 0 || i % 2 == 1 ? upto(33) : upto(5);
  d.n = i % 5 == 0 ? upto(11) : upto(2);
  if (i % 7 == 0) d.k = d.groups = d.c;  // depthwise
  if (i % 7 == 1) d.c *= 2, d.k *= 2, d.groups = 2;
}

ConvDesc pair_axes(const Axis& h, const Axis& w) {
  ConvDesc d;
  d.h = h.extent, d.w = w.extent;
  d.r = h.filter, d.s = w.filter;
  d.stride_h = h.stride, d.stride_w = w.stride;
  d.dilation_h = h.dilation, d.dilation_w = w.dilation;
  d.pad_top = h.before, d.pad_bottom = h.after;
  d.pad_left = w.before, d.pad_right = w.after;
  return d;
}

bool refused(const ConvDesc& d) {
  try {
    d.validate();
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return true;
  }
}

TEST(ConvSweep, EveryGeometryIsExactOrRefused) {
  constexpr Layout kLayouts[] = {Layout::kNhwc, Layout::kNchw, Layout::kChwn, Layout::kChwn8};
  constexpr ConvChecker::Run kRuns[] = {{1, Edge::kEnd}, {2, Edge::kStart}, {2, Edge::kEnd}};
  constexpr int kPasses = 4;
  std::mt19937_64 random(20240711);
  const std::vector<Axis> axes = all_axes();
  ConvChecker checker;
  std::map<std::string_view, int> accepted;
  int geometries = 0, refusals = 0, failures = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    std::vector<Axis> partners = axes;
    std::shuffle(partners.begin(), partners.end(), random);
    for (std::size_t at = 0; at < axes.size(); ++at) {
      const int i = pass * static_cast<int>(axes.size()) + static_cast<int>(at);
      ConvCase c{.desc = pair_axes(axes[at], partners[at])};
      const bool valid = fits(axes[at]) && fits(partners[at]);
      ASSERT_EQ(refused(c.desc), !valid) << to_string(c.desc);
      if (!valid) {
        ++refusals;
        continue;
      }
      ++geometries;
      choose_channels(random, i, c.desc);
      c.data = ConvCase::Data::kIntegers;
      c.dtype = i % 4 == 3 ? DType::kF64 : DType::kF32;
      c.layout = kLayouts[static_cast<std::size_t>(i / 3 % 4)];
      if (i % 3 == 0) c.epilogue.activation.kind = UnaryKind::kRelu;
      if (i % 5 == 1) c.epilogue.residual = Epilogue::Residual::kBeforeActivation;
      if (i % 5 == 2) c.epilogue.residual = Epilogue::Residual::kAfterActivation;
      const ConvOracle oracle(c, static_cast<std::uint64_t>(i));
      for (const Implementation* entry : implementations(Op::kConv)) {
        if (entry->device != DeviceDesc::Kind::kCpu) continue;  // gpu_test has its own cases
        const auto outcome = checker.check(*entry, c, oracle, {&kRuns[i % 3], 1});
        accepted[entry->name] += outcome.declined.empty();
        if (outcome.failure.empty()) continue;
        ADD_FAILURE() << entry->name << " on " << to_string(c) << ": " << outcome.failure;
        ASSERT_LT(++failures, 10) << "stopping early";
      }
    }
  }
  std::printf("%d geometries, %d more refused\n", geometries, refusals);
  for (const auto& [name, count] : accepted) {
    std::printf("%-30.*s %d\n", static_cast<int>(name.size()), name.data(), count);
    if (name.starts_with("conv.")) {
      EXPECT_GE(count, geometries / 5) << name;
    }
  }
  EXPECT_GE(geometries, 20000);
  EXPECT_GE(refusals, 100);
}

}  // namespace
}  // namespace convoy
