#include "bench/fcm_case.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/error.h"
#include "bench/fcm_op.h"
#include "kernels/element.h"
#include "kernels/fused/fused.h"

namespace convoy::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kShapes = std::string(CONVOY_SOURCE_DIR) + "/bench/shapes/fcm.txt";

std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "not refused";
}

TEST(FcmCase, IsReadFromALine) {
  const FcmCase fcm = parse_fcm_case(
      "block c24 h57 w56 | pw144 relu6 | dw5 stride2 gelu | pw24 | residual other after | marks a "
      "b");
  EXPECT_EQ(fcm.name, "block");
  EXPECT_EQ(fcm.module, "pwdwpw");
  ASSERT_EQ(fcm.stages.size(), 3u);
  EXPECT_EQ(to_string(fcm.stages[0]), "n1 c24 h57 w56 k144 r1 s1");
  EXPECT_EQ(fcm.stages[1], parse_conv_desc("n1 c144 h57 w56 k144 r5 s5 stride2 pad2 groups144"));
  EXPECT_EQ(to_string(fcm.stages[2]), "n1 c144 h29 w28 k24 r1 s1");
  EXPECT_EQ(fcm.attrs.stages[0].conv.epilogue.activation, (Unary{UnaryKind::kClip, 0, 6}));
  EXPECT_EQ(fcm.attrs.stages[1].conv.epilogue.activation.kind, UnaryKind::kGelu);
  EXPECT_EQ(fcm.attrs.stages[2].conv.epilogue.activation.kind, UnaryKind::kIdentity);
  EXPECT_EQ(fcm.attrs.residual, Epilogue::Residual::kAfterActivation);
  EXPECT_FALSE(fcm.residual_is_x);
  EXPECT_THAT(fcm.marks, ElementsAre("a", "b"));
}

TEST(FcmCase, CountsWhatMustMoveOnce) {
  FcmCase fcm = parse_fcm_case("a c4 h6 w6 | dw3 | pw8 relu");
  // x 4*36, y 8*36, w 4*9 + 4*8, biases 4 + 8.
  EXPECT_EQ(fcm.bytes(DType::kF32), 4 * (144 + 288 + 36 + 32 + 12));
  EXPECT_EQ(fcm.bytes(DType::kS8), 144 + 288 + 36 + 32 + 8 * 12);
  EXPECT_EQ(fcm.intermediate_bytes(DType::kF16), 2 * 2 * 144);
  EXPECT_EQ(fcm.flops(), 2 * 36 * (4 * 9 + 4 * 8));
  EXPECT_EQ(with_batch(fcm, 3).bytes(DType::kF16), 2 * (3 * (144 + 288) + 36 + 32 + 12));
  const double without = parse_fcm_case("a c4 h6 w6 | pw8 | pw4").bytes(DType::kF32);
  EXPECT_EQ(parse_fcm_case("a c4 h6 w6 | pw8 | pw4 | residual x").bytes(DType::kF32), without);
  EXPECT_EQ(parse_fcm_case("a c4 h6 w6 | pw8 | pw4 | residual other").bytes(DType::kF32),
            without + 4 * 144);
}

TEST(FcmCase, RefusesWhatItDoesNotUnderstand) {
  const auto refused = [](const char* line) { return refusal([&] { parse_fcm_case(line); }); };
  EXPECT_THAT(refused("a c4 h6"), HasSubstr("a name and a map"));
  EXPECT_THAT(refused("a c4 h0 w6 | dw3"), HasSubstr("a map is"));
  EXPECT_THAT(refused("a c4 h6 w6"), HasSubstr("no stage"));
  EXPECT_THAT(refused("a c4 h6 w6 | pw4 | pw4 | pw4 | pw4 | pw4"), HasSubstr("too many"));
  EXPECT_THAT(refused("a c4 h6 w6 | conv3"), HasSubstr("'conv3'"));
  EXPECT_THAT(refused("a c4 h6 w6 | dw3x"), HasSubstr("'dw3x'"));
  EXPECT_THAT(refused("a c4 h6 w6 | dw3 softmax"), HasSubstr("'softmax'"));
  EXPECT_THAT(refused("a c4 h6 w6 | dw3 | | pw3"), HasSubstr("nothing between"));
  EXPECT_THAT(refused("a c4 h6 w6 | dw3 | residual y"), HasSubstr("'y'"));
  EXPECT_THAT(refused("a c4 h6 w6 | pw8 | residual x"), HasSubstr("another shape"));
}

TEST(FcmCase, TheFileHoldsModulesThatTheRegistryKnows) {
  std::set<std::string> names;
  const std::vector<FcmCase> cases = read_fcm_cases(kShapes);
  for (const FcmCase& fcm : cases) {
    SCOPED_TRACE(fcm.name);
    EXPECT_TRUE(names.insert(fcm.name).second) << "twice";
    EXPECT_THAT(fcm.name, HasSubstr("_" + fcm.module + "_"));
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kS8}) {
      const FcmOp op(with_batch(fcm, 2), dtype, Layout::kNhwc, 0, fcm.stages.size());
      const FusedProblem problem = fused_problem(op.desc());
      ASSERT_TRUE(module_of(problem));
      EXPECT_EQ(to_string(*module_of(problem)), fcm.module);
      EXPECT_EQ(problem.has_residual(), fcm.attrs.residual != Epilogue::Residual::kNone);
      EXPECT_FALSE(problem.constant_operands);
    }
  }
  EXPECT_EQ(cases.size(), 177u);
}

TEST(FcmCase, AreSelectedByNameModuleMarkAndModel) {
  Options options{.batches = {1, 32}, .shapes = kShapes};
  const auto count = [&](std::vector<std::string> words) {
    options.layers = std::move(words);
    return selected_fcm_cases(options).size() / 2;
  };
  EXPECT_EQ(count({}), 177u);
  EXPECT_EQ(count({"peers"}), 22u);
  EXPECT_EQ(count({"mbv2_dwpw_144_24_56"}), 1u);
  EXPECT_EQ(count({"mbv2_dwpw_144_24_56", "peers"}), 22u);
  EXPECT_EQ(count({"ceit", "cmt"}), 16u);
  EXPECT_EQ(count({"pwdwpw"}) + count({"dwpw"}) + count({"pwdw"}) + count({"pwpw"}), 177u);
  EXPECT_THAT(refusal([&] { count({"mbv9"}); }), HasSubstr("'mbv9'"));
}

TEST(FcmOp, StagesHaveTheirOwnConstantsAndTheLastTheResidual) {
  const FcmCase fcm = parse_fcm_case("a c4 h6 w6 | pw8 relu | dw3 stride2 | pw4 | residual other");
  const FcmConstants constants(fcm, DType::kS8);
  for (std::size_t i = 0; i < 3; ++i) {
    FcmOp op(fcm, DType::kS8, Layout::kNhwc, i, i + 1);
    op.set_constants(constants);
    const FusedProblem problem = fused_problem(op.desc());
    EXPECT_TRUE(problem.constant_operands);
    EXPECT_EQ(problem.first(), fcm.stages[i]);
    EXPECT_EQ(problem.stages[0].weights, constants.stages()[i].w.view().data);
    EXPECT_EQ(problem.has_residual(), i == 2);
  }
}

TEST(FcmConstants, KeepMapsNearOneMagnitude) {
  const FcmCase fcm = parse_fcm_case("a c64 h5 w5 | dw3 | pw64 | dw3 | pw64");
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kS8}) {
    const FcmConstants constants(fcm, dtype);
    FcmOp op(fcm, dtype, Layout::kNhwc, 0, 4);
    op.set_constants(constants);
    Tensor x(dtype, conv_x_shape(fcm.stages[0]), Layout::kNhwc);
    for (std::int64_t i = 0; i < x.shape().elements(); ++i) {
      const int step = static_cast<int>(i * 97 % 255) - 127;
      if (dtype == DType::kF32) x.as<float>()[i] = static_cast<float>(step) / 127;
      if (dtype == DType::kF16) x.as<F16>()[i] = F16(step / 127.0);
      if (dtype == DType::kS8) x.as<std::int8_t>()[i] = static_cast<std::int8_t>(step);
    }
    const Tensor y(dtype, conv_y_shape(fcm.stages[3]), Layout::kNhwc);
    std::vector<TensorView> inputs = op.inputs();
    inputs[kFusedX] = x.view();
    evaluate_reference(op.desc(), inputs, {&y.view(), 1});
    double squares = 0;
    for (std::int64_t i = 0; i < y.shape().elements(); ++i) {
      const double value = dtype == DType::kF32   ? y.as<float>()[i]
                           : dtype == DType::kF16 ? y.as<F16>()[i]
                                                  : y.as<std::int8_t>()[i] * 6.0 / 127;
      squares += value * value;
    }
    const double deviation = std::sqrt(squares / static_cast<double>(y.shape().elements()));
    EXPECT_GT(deviation, 0.5) << to_string(dtype);
    EXPECT_LT(deviation, 6.0) << to_string(dtype);
  }
}

}  // namespace
}  // namespace convoy::bench
