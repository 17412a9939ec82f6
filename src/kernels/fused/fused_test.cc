// Every fused module of the CPU, the reference included, against sums in double; and what is no
// module.
#include "kernels/fused/fused.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/fused_check.h"
#include "tests/support/refusal.h"

namespace convoy {
namespace {

using testing::CheckOutcome;
using testing::FusedCase;
using testing::FusedOperands;
using testing::FusedOracle;
using testing::Operand;
using testing::Step;
using Residual = Epilogue::Residual;

struct Tally {
  int checked = 0;
  double worst = 0;
};
using Tallies = std::map<std::string, Tally>;

// Through every entry of the CPU that takes it.
void check(const FusedCase& c, Tallies& tallies) {
  const FusedOperands operands(c);
  const FusedOracle oracle(c, operands);
  const Step step = testing::step_of(c, operands);
  for (const Implementation* entry : implementations(Op::kFusedConv)) {
    if (entry->device != DeviceDesc::Kind::kCpu) continue;
    const CheckOutcome outcome = testing::check_on_cpu(*entry, step, oracle);
    if (!outcome.declined.empty()) continue;
    Tally& tally = tallies[std::string(entry->name)];
    ++tally.checked;
    tally.worst = std::max(tally.worst, outcome.worst);
    EXPECT_EQ(outcome.failure, "") << entry->name << " on " << to_string(c);
  }
}

TEST(FusedModules, EveryListedOne) {
  testing::FusedCaseMaker maker(1), plain(2, true);
  Tallies tallies;
  std::map<Module, int> listed;
  for (const std::string_view text : testing::kModuleCases) {
    for (const DType dtype : testing::kModuleTypes) {
      const FusedCase c = maker.dress(testing::chain(text), dtype);
      ASSERT_TRUE(module_of(c.module)) << text;
      ++listed[*module_of(c.module)];
      check(c, tallies);
    }
    check(plain.dress(testing::chain(text), DType::kF32), tallies);
  }
  EXPECT_EQ(listed.size(), std::size(testing::kModules));
  EXPECT_EQ(tallies["fused.reference"].checked,
            5 * static_cast<int>(std::size(testing::kModuleCases)));
}

class FusedModule : public ::testing::TestWithParam<Module> {};

// Geometries that every kernel of the CPU takes (f32, NHWC), and others for the reference.
TEST_P(FusedModule, RandomOnes) {
  constexpr int kGeometries = 1000;
  const std::uint64_t seed = 100 + static_cast<std::uint64_t>(GetParam());
  testing::FusedCaseMaker plain(seed, true), any(seed);
  Tallies tallies;
  for (int i = 0; i < kGeometries && !HasFatalFailure(); ++i) {
    check(plain.random(GetParam(), DType::kF32, 150'000), tallies);
    if (i % 4 == 0) {
      check(any.random(GetParam(), testing::kModuleTypes[i / 4 % 4], 100'000), tallies);
    }
  }
  const std::string name(to_string(GetParam()));
  for (const auto& [entry, tally] : tallies) {
    RecordProperty(entry, tally.checked);
    EXPECT_GE(tally.checked, kGeometries) << entry;
    EXPECT_GT(tally.worst, 0) << entry << ": nothing was ever rounded";
  }
  // Whoever is made for this module takes it.
  for (const Implementation* entry : implementations(Op::kFusedConv)) {
    const bool made_for_it = entry->name.starts_with("fused." + name + ".cpu") ||
                             entry->name.starts_with("fused." + name + "_r.cpu");
    EXPECT_TRUE(!made_for_it || tallies.contains(std::string(entry->name))) << entry->name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, FusedModule, ::testing::ValuesIn(testing::kModules),
                         [](const auto& info) { return std::string(to_string(info.param)); });

// --- what is no module --------------------------------------------------------------------------

// dwpw with bias and residual; s8 too.
Step small_step(DType dtype = DType::kF32) {
  FusedCase c{
      .module = {.dtype = dtype, .stages = testing::chain("n1 c4 h5 w6 | dw1 r3 s3 pad1 | pw7")}};
  for (FusedStage& stage : c.module.stages) stage.has_bias = true;
  c.module.residual = Residual::kBeforeActivation;
  return testing::step_of(c, FusedOperands(c));
}

// What fused_problem says after `change`.
template <class Change>
void expect_refused(const std::vector<std::string>& words, DType dtype, Change&& change) {
  Step step = small_step(dtype);
  auto attrs = std::get<FusedConvAttrs>(step.attrs);
  change(step, attrs);
  step.attrs = attrs;
  const testing::BoundStep bound(step, testing::Edge::kEnd);
  test::expect_refused([&] { fused_problem(bound.desc()); }, {ErrorCode::kInvalidArgument, words});
}
template <class Change>
void expect_refused(const std::vector<std::string>& words, Change&& change) {
  expect_refused(words, DType::kF32, std::forward<Change>(change));
}

Operand reals(const Shape& shape) {
  return testing::random_operand(DType::kF32, shape, Layout::kNchw, 1);
}

TEST(FusedProblem, HoldsWhatTheStepSays) {
  for (const DType dtype : testing::kModuleTypes) {
    const Step step = small_step(dtype);
    const testing::BoundStep bound(step, testing::Edge::kEnd);
    const FusedProblem m = fused_problem(bound.desc());
    EXPECT_EQ(m.dtype, dtype);
    EXPECT_EQ(module_of(m), Module::kDwPw);
    ASSERT_EQ(m.stages.size(), 2u);
    EXPECT_EQ(to_string(m.first()), "n1 c4 h5 w6 k4 r3 s3 pad1 groups4");
    EXPECT_EQ(to_string(m.last()), "n1 c4 h5 w6 k7 r1 s1");
    EXPECT_TRUE(m.has_residual() && m.constant_operands);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(m.stages[i].weights, bound.desc().inputs[fused_w(i)].data);
      EXPECT_EQ(m.stages[i].bias, bound.desc().inputs[fused_bias(i)].data);
      EXPECT_EQ(m.stages[i].scale != nullptr, dtype == DType::kS8);
    }
  }
}

// All pointwise stages, whatever depthwise ones do; of f32 alone.
TEST(FusedProblem, IsSplitWhereAllPointwiseStagesPermitIt) {
  const auto precision = [](DType dtype, std::initializer_list<Precision> stages) {
    Step step = small_step(dtype);
    auto attrs = std::get<FusedConvAttrs>(step.attrs);
    for (std::size_t i = 0; i < 2; ++i) attrs.stages[i].conv.precision = stages.begin()[i];
    step.attrs = attrs;
    return fused_problem(testing::BoundStep(step, testing::Edge::kEnd).desc()).precision;
  };
  using enum Precision;
  EXPECT_EQ(precision(DType::kF32, {kStrict, kStrict}), kStrict);
  EXPECT_EQ(precision(DType::kF32, {kSplit, kStrict}), kStrict);  // of its depthwise
  EXPECT_EQ(precision(DType::kF32, {kStrict, kSplit}), kSplit);
  EXPECT_EQ(precision(DType::kF16, {kSplit, kSplit}), kStrict);
}

TEST(FusedProblem, KnowsOperandsThatComeLater) {
  for (const std::size_t at : {fused_w(0), fused_bias(1), fused_scale(1)}) {
    Step step = small_step(DType::kS8);
    step.inputs[at].constant = false;
    const testing::BoundStep bound(step, testing::Edge::kEnd);
    EXPECT_FALSE(fused_problem(bound.desc()).constant_operands) << at;
  }
}

TEST(FusedProblem, RefusesAnotherOperator) {
  expect_refused({"needs x and one output"}, [](Step& step, auto&) { step.op = Op::kPool; });
}
TEST(FusedProblem, RefusesNoX) {
  expect_refused({"needs x and one output"},
                 [](Step& step, auto&) { step.inputs[kFusedX] = testing::absent(); });
}
TEST(FusedProblem, RefusesTwoOutputs) {
  expect_refused({"needs x and one output"},
                 [](Step& step, auto&) { step.outputs.push_back(step.outputs[0]); });
}
TEST(FusedProblem, RefusesNoStage) {
  expect_refused({"has no stage"}, [](Step&, FusedConvAttrs& attrs) { attrs.stages.clear(); });
}
TEST(FusedProblem, RefusesXOfOneDimension) {
  expect_refused({"x has rank 3", "expected 4"}, [](Step& step, auto&) {
    step.inputs[kFusedX] = reals({4, 5, 6});
  });
}
TEST(FusedProblem, RefusesUnresolvedPadding) {
  expect_refused({"stage 1", "unresolved auto_pad"}, [](Step&, FusedConvAttrs& attrs) {
    attrs.stages[1].conv.auto_pad = AutoPad::kSameUpper;
  });
}
TEST(FusedProblem, RefusesAResidualOfAStage) {
  expect_refused({"stage 0", "residual of its own"}, [](Step&, FusedConvAttrs& attrs) {
    attrs.stages[0].conv.epilogue.residual = Residual::kAfterActivation;
  });
}
TEST(FusedProblem, RefusesNoWeights) {
  expect_refused({"stage 1 has no weights"},
                 [](Step& step, auto&) { step.inputs[fused_w(1)] = testing::absent(); });
}
TEST(FusedProblem, RefusesWeightsOfAnotherRank) {
  expect_refused({"w of stage 0 has rank 3"}, [](Step& step, auto&) {
    step.inputs[fused_w(0)] = reals({4, 1, 9});
  });
}
TEST(FusedProblem, RefusesWeightsOfAnotherShape) {
  expect_refused({"w of stage 1 is f32 7x5x1x1", "expected f32 7x4x1x1"}, [](Step& step, auto&) {
    step.inputs[fused_w(1)] = reals({7, 5, 1, 1});
  });
}
TEST(FusedProblem, RefusesWeightsOfAnotherType) {
  expect_refused({"w of stage 1 is f32", "expected f16"}, DType::kF16, [](Step& step, auto&) {
    step.inputs[fused_w(1)] = reals({7, 4, 1, 1});
  });
}
TEST(FusedProblem, RefusesStridesOfNothing) {
  expect_refused({"stride"}, [](Step&, FusedConvAttrs& attrs) {
    attrs.stages[0].conv.stride = {0, 1};
  });
}
TEST(FusedProblem, RefusesBiasOfAnotherLength) {
  expect_refused({"bias of stage 0 is f32 5", "expected f32 4"},
                 [](Step& step, auto&) { step.inputs[fused_bias(0)] = reals({5}); });
}
TEST(FusedProblem, RefusesS8WithABiasOfReals) {
  expect_refused({"bias of stage 0 is f32", "expected s32"}, DType::kS8,
                 [](Step& step, auto&) { step.inputs[fused_bias(0)] = reals({4}); });
}
TEST(FusedProblem, RefusesScalesBesideReals) {
  expect_refused({"stage 0 has scales, which s8 alone has"},
                 [](Step& step, auto&) { step.inputs[fused_scale(0)] = reals({4}); });
}
TEST(FusedProblem, RefusesS8WithoutScales) {
  expect_refused({"stage 1 has no scales, which s8 needs"}, DType::kS8,
                 [](Step& step, auto&) { step.inputs[fused_scale(1)] = testing::absent(); });
}
TEST(FusedProblem, RefusesScalesOfAnotherLength) {
  expect_refused({"scale of stage 1 is f32 6", "expected f32 7"}, DType::kS8,
                 [](Step& step, auto&) { step.inputs[fused_scale(1)] = reals({6}); });
}
TEST(FusedProblem, RefusesStepsWorthNothing) {
  for (const float scale : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity()}) {
    expect_refused({"y_scale of stage 0", "expected a positive number"}, DType::kS8,
                   [&](Step&, FusedConvAttrs& attrs) { attrs.stages[0].y_scale = scale; });
    expect_refused({"residual_scale", "expected a positive number"}, DType::kS8,
                   [&](Step&, FusedConvAttrs& attrs) { attrs.residual_scale = scale; });
  }
}
TEST(FusedProblem, RefusesYOfAnotherShape) {
  expect_refused({"y is f32 1x7x5x5", "expected f32 1x7x5x6"}, [](Step& step, auto&) {
    step.outputs[0].shape = {1, 7, 5, 5};
  });
}
TEST(FusedProblem, RefusesYOfAnotherType) {
  expect_refused({"y is f32", "expected bf16"}, DType::kBF16,
                 [](Step& step, auto&) { step.outputs[0].dtype = DType::kF32; });
}
TEST(FusedProblem, RefusesAResidualThatIsMissing) {
  expect_refused({"adds a residual that is not there"},
                 [](Step& step, auto&) { step.inputs.pop_back(); });
}
TEST(FusedProblem, RefusesAResidualOfAnotherShape) {
  expect_refused({"residual is f32 1x7x6x5", "expected f32 1x7x5x6"}, [](Step& step, auto&) {
    step.inputs.back() = reals({1, 7, 6, 5});
  });
}

TEST(ModuleOf, KnowsTheSequences) {
  const auto module = [](std::string_view text) {
    return module_of(FusedProblem{.stages = testing::chain(text)});
  };
  EXPECT_EQ(module("n1 c4 h5 w5 | dw1 r3 s3"), Module::kDw);
  EXPECT_EQ(module("n1 c4 h5 w5 | dw2 r1 s1"), Module::kDw);
  EXPECT_EQ(module("n1 c4 h5 w5 | pw3 stride2"), Module::kPw);
  EXPECT_EQ(module("n1 c1 h5 w5 | dw1 r1 s1"), Module::kPw);  // both; it counts as pointwise
  EXPECT_EQ(module("n1 c1 h5 w5 | dw1 r1 s1 pad1"), Module::kDw);
  EXPECT_EQ(module("n1 c4 h5 w5 | dw1 r3 s3 | pw2"), Module::kDwPw);
  EXPECT_EQ(module("n1 c4 h5 w5 | pw2 | dw1 r3 s3"), Module::kPwDw);
  EXPECT_EQ(module("n1 c4 h5 w5 | pw2 | pw3"), Module::kPwPw);
  EXPECT_EQ(module("n1 c4 h5 w5 | pw2 | dw1 r3 s3 | pw3"), Module::kPwDwPw);
  // Other sequences, strides of a pointwise within one, and convolutions of another kind.
  EXPECT_EQ(module("n1 c4 h5 w5 | dw1 r3 s3 | dw1 r3 s3"), std::nullopt);
  EXPECT_EQ(module("n1 c4 h5 w5 | pw2 | pw2 | pw2"), std::nullopt);
  EXPECT_EQ(module("n1 c4 h5 w5 | pw2 stride2 | dw1 r3 s3"), std::nullopt);
  EXPECT_EQ(module("n1 c4 h5 w5 | pw2 pad1"), std::nullopt);
  FusedProblem dense{.stages = testing::chain("n1 c4 h5 w5 | pw4 | dw1 r3 s3")};
  dense.stages[1].desc.groups = 2;
  EXPECT_EQ(module_of(dense), std::nullopt);
}

}  // namespace
}  // namespace convoy
