// Every implementation of the operator, in whatever cell, over one list of shapes.
#include "kernels/conv/conv.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "tests/support/conv_cases.h"
#include "tests/support/conv_check.h"

namespace convoy {
namespace {

using testing::CheckOutcome;
using testing::ConvCase;
using testing::ConvChecker;
using testing::ConvOracle;

constexpr Layout kLayouts[] = {Layout::kNchw, Layout::kNhwc, Layout::kChwn, Layout::kChwn8};

struct Tally {
  int accepted = 0;
  std::map<std::string, int> declined;
};

void run_everywhere(ConvChecker& checker, const ConvCase& c, const ConvOracle& oracle,
                    std::map<std::string_view, Tally>& tallies) {
  for (const Implementation* entry : implementations(Op::kConv)) {
    if (entry->device != DeviceDesc::Kind::kCpu) continue;  // cuda/gpu_test.cc
    const CheckOutcome outcome = checker.check(*entry, c, oracle);
    Tally& tally = tallies[entry->name];
    if (outcome.declined.empty()) {
      ++tally.accepted;
    } else {
      ++tally.declined[outcome.declined];
    }
    EXPECT_EQ(outcome.failure, "") << entry->name << " on " << to_string(c);
  }
}

std::vector<ConvCase> listed_cases() {
  std::vector<ConvCase> cases;
  for (const std::string_view text : testing::kConvCases) {
    cases.push_back({.desc = parse_conv_desc(text)});
  }
  for (const std::string_view text : testing::kConv1dCases) {
    cases.push_back({.desc = parse_conv_desc(text), .rank = 3});
  }
  return cases;
}

// Few enough to be a mistake: an implementation that declines nearly everything is not tested.
int least_accepted(std::string_view name) {
  if (name.starts_with("conv.")) return 100;
  return 10;
}

TEST(Conv, EveryImplementationOnEveryListedShape) {
  ConvChecker checker;
  std::map<std::string_view, Tally> tallies;
  for (ConvCase c : listed_cases()) {
    for (const DType dtype : {DType::kF32, DType::kF64}) {
      c.dtype = dtype;
      for (const auto data : {ConvCase::Data::kIntegers, ConvCase::Data::kReals}) {
        c.data = data;
        const ConvOracle oracle(c);
        for (const Layout layout : kLayouts) {
          c.layout = layout;
          run_everywhere(checker, c, oracle, tallies);
        }
      }
    }
  }
  for (const auto& [name, tally] : tallies) {
    std::printf("%-28.*s accepted %d", static_cast<int>(name.size()), name.data(), tally.accepted);
    for (const auto& [reason, count] : tally.declined) {
      std::printf(", declined %d (%s)", count, reason.c_str());
    }
    std::printf("\n");
    EXPECT_GE(tally.accepted, least_accepted(name)) << name;
  }
}

TEST(Conv, EveryEpilogue) {
  ConvChecker checker;
  std::map<std::string_view, Tally> tallies;
  for (const char* text :
       {"n2 c9 h6 w7 k19 r3 s3 pad1", "n1 c17 h5 w5 k17 r3 s3 stride2 pad1 groups17",
        "n2 c20 h3 w5 k37 r1 s1"}) {
    for (int kind = 0; kind <= static_cast<int>(UnaryKind::kMish); ++kind) {
      for (const auto residual : {Epilogue::Residual::kNone, Epilogue::Residual::kBeforeActivation,
                                  Epilogue::Residual::kAfterActivation}) {
        ConvCase c{.desc = parse_conv_desc(text)};
        c.epilogue = {testing::usual(UnaryKind(kind)), residual};
        c.bias = kind % 3 != 1;
        c.dtype = kind % 4 == 3 ? DType::kF64 : DType::kF32;
        const ConvOracle oracle(c);
        for (const Layout layout : kLayouts) {
          c.layout = layout;
          run_everywhere(checker, c, oracle, tallies);
        }
      }
    }
  }
}

TEST(Conv, WeightsKnownOnlyWhenRunning) {
  ConvChecker checker;
  std::map<std::string_view, Tally> tallies;
  ConvCase c{.desc = parse_conv_desc("n2 c9 h6 w7 k19 r3 s3 pad1")};
  c.constant_weights = false;
  const ConvOracle oracle(c);
  for (const Layout layout : kLayouts) {
    c.layout = layout;
    run_everywhere(checker, c, oracle, tallies);
  }
  EXPECT_EQ(tallies["conv.reference"].accepted, 4);
}

// One entry's workspace for a case, in bytes.
std::size_t workspace_of(std::string_view name, const ConvDesc& d, Layout layout, DType dtype,
                         int threads) {
  Attrs attrs = ConvAttrs{.stride = {d.stride_h, d.stride_w},
                          .dilation = {d.dilation_h, d.dilation_w},
                          .pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right},
                          .auto_pad = AutoPad::kNotSet,
                          .groups = d.groups,
                          .epilogue = {}};
  const Tensor weights(dtype, conv_w_shape(d));
  const TensorView inputs[] = {{nullptr, dtype, layout, conv_x_shape(d)}, weights.view()};
  const bool absent[] = {false, false};
  const TensorView outputs[] = {{nullptr, dtype, layout, conv_y_shape(d)}};
  const OpDesc op{Op::kConv, &attrs, inputs, absent, outputs};
  DeviceDesc device;
  device.threads = threads;
  const Implementation* entry = find_implementation(name);
  EXPECT_TRUE(entry->supports(op, device));
  return entry->workspace(op, device);
}

TEST(Conv, ExplicitWindowOrderTakesExactlyTheFormulasBytes) {
  for (const std::string_view text : testing::kConvCases) {
    const ConvDesc d = parse_conv_desc(text);
    const std::int64_t elements =
        d.r == 1 || d.stride_h >= d.r ? 0 : d.n * d.c * d.p() * d.padded_w() * d.r;
    for (const Layout layout : kLayouts) {
      EXPECT_EQ(workspace_of("conv.im2win_explicit.cpu.f32", d, layout, DType::kF32, 3),
                static_cast<std::size_t>(elements) * 4);
      EXPECT_EQ(workspace_of("conv.im2win_explicit.cpu.f64", d, layout, DType::kF64, 1),
                static_cast<std::size_t>(elements) * 8);
      EXPECT_EQ(workspace_of("conv.direct.cpu.f32", d, layout, DType::kF32, 2), 0u);
    }
  }
}

TEST(Conv, ImplicitWindowOrderTakesOneTilePerThreadAndNoneWithoutOverlap) {
  const ConvDesc large = parse_conv_desc("n128 c64 h112 w112 k128 r3 s3");
  for (const Layout layout : kLayouts) {
    const std::size_t one = workspace_of("conv.im2win.cpu.f32", large, layout, DType::kF32, 1);
    EXPECT_GT(one, 0u);
    EXPECT_LE(one, std::size_t{512} << 10);
    EXPECT_LE(workspace_of("conv.im2win.cpu.f32", large, layout, DType::kF32, 4), 4 * one);
    for (const char* text : {"n4 c8 h9 w9 k8 r1 s3", "n4 c8 h9 w9 k8 r3 s3 stride3"}) {
      EXPECT_EQ(workspace_of("conv.im2win.cpu.f32", parse_conv_desc(text), layout, DType::kF32, 2),
                0u);
    }
  }
}

}  // namespace
}  // namespace convoy
