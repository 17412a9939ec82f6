// What the CUDA convolutions say of a step; none of it needs a GPU.
#include "kernels/conv/cuda/entries.h"

#include <gtest/gtest.h>

#include <limits>

#include "kernels/conv/cuda/operands.h"
#include "tests/support/described_step.h"

namespace convoy {
namespace {

using testing::DescribedStep;
using testing::Layouts;

testing::ConvCase make_case(const char* text) { return {.desc = parse_conv_desc(text)}; }

constexpr Layouts kNchw{Layout::kNchw, Layout::kNchw};

std::string refusal(const DescribedStep& step) {
  return conv_cuda::supports_cuda(conv_problem(step.op())).reason;
}

TEST(CudaConv, TakesEveryListedShapeInEveryLayout) {
  for (const testing::GpuCase& one : testing::listed_gpu_cases()) {
    for (const Layouts layouts : one.layouts) {
      EXPECT_EQ(refusal(DescribedStep(one.conv, layouts)), "") << to_string(one.conv);
    }
  }
}

TEST(CudaConv, RefusalsSayWhy) {
  testing::ConvCase c = make_case("n2 c8 h9 w9 k8 r3 s3");
  EXPECT_EQ(refusal(DescribedStep(c, kNchw, DType::kF64)), "computes f32 alone");
  EXPECT_EQ(refusal(DescribedStep(c, {Layout::kChwn, Layout::kNchw})),
            "needs x and y in nchw or nhwc");
  c.epilogue.residual = Epilogue::Residual::kBeforeActivation;
  DescribedStep other_residual(c, kNchw);
  other_residual.input(kConvResidual).layout = Layout::kNhwc;
  EXPECT_EQ(refusal(other_residual), "needs y and residual in one layout");
  c.constant_weights = false;
  EXPECT_EQ(refusal(DescribedStep(c, kNchw)), "needs constant weights");
  EXPECT_EQ(refusal(DescribedStep(make_case("n65536 c1 h256 w256 k1 r1 s1"), kNchw)),
            "counts pixels and taps in 32 bits, fewer than n65536 c1 h256 w256 k1 r1 s1 needs");
}

TEST(CudaConv, ProblemIsWrittenExactly) {
  testing::ConvCase c = make_case(
      "n2 c6 h9 w11 k4 r3 s2 stride_h2 stride_w1 dilation_h1 dilation_w3 pad_top1 "
      "pad_left0 pad_bottom2 pad_right1 groups2");
  c.epilogue = {{UnaryKind::kHardSigmoid, 0.1f, std::numeric_limits<float>::infinity()},
                Epilogue::Residual::kAfterActivation};
  const DescribedStep step(c, {Layout::kNhwc, Layout::kNchw});
  const std::string space = "convoy::conv_cuda::";
  EXPECT_EQ(conv_cuda::problem_constant(conv_problem(step.op())),
            "constexpr " + space +
                "Problem kProblem{.n=2,.c=6,.h=9,.w=11,.k=4,.r=3,.s=2,.p=5,.q=9,.stride_h=2,"
                ".stride_w=1,.dilation_h=1,.dilation_w=3,.pad_top=1,.pad_left=0,.groups=2,"
                ".x_layout=" +
                space + "Layout::kNhwc,.y_layout=" + space + "Layout::kNchw,.bias=true," +
                ".activation=" + space + "Activation::kHardSigmoid,.alpha=0x1.99999ap-4f," +
                ".beta=__builtin_bit_cast(float, 0x7f800000u),.residual=" + space +
                "Residual::kAfterActivation};\n");
}

TEST(CudaConv, WorkspaceIsTheFormulas) {
  const DeviceDesc device;
  for (const testing::GpuCase& one : testing::listed_gpu_cases()) {
    if (one.conv.rank != 4) continue;
    const ConvDesc& d = one.conv.desc;
    const std::int64_t window_order =
        d.r == 1 || d.stride_h >= d.r ? 0 : d.n * d.c * d.p() * d.padded_w() * d.r;
    const bool plain = d.r == 1 && d.s == 1 && d.stride_h == 1 && d.stride_w == 1 &&
                       d.padded_h() == d.h && d.padded_w() == d.w;
    const std::int64_t matrix = plain ? 0 : d.n * d.c * d.p() * d.q() * d.r * d.s;
    for (const Layouts layouts : one.layouts) {
      const DescribedStep step(one.conv, layouts);
      const auto bytes = [&](const Implementation& entry) {
        return static_cast<std::int64_t>(entry.workspace(step.op(), device));
      };
      EXPECT_EQ(bytes(kConvDirectCuda), 0);
      EXPECT_EQ(bytes(kConvWindowBufferCuda), window_order * 4) << to_string(one.conv);
      EXPECT_EQ(bytes(kConvIm2colCuda), matrix * 4) << to_string(one.conv);
    }
  }
}

// What need not be done is not compiled, and so not launched.
TEST(CudaConv, ProgramsAreThoseThatRun) {
  const DeviceDesc device;
  const auto names = [](const std::vector<cuda::Program>& programs) {
    std::string all;
    for (const cuda::Program& program : programs) all += program.kernel + " ";
    return all;
  };
  testing::ConvCase plain = make_case("n2 c8 h9 w9 k8 r1 s1");
  plain.bias = false;
  const DescribedStep pointwise(plain, kNchw);
  EXPECT_EQ(names(direct_programs(pointwise.op(), device)), "conv_direct ");
  EXPECT_EQ(names(im2col_programs(pointwise.op(), device)), "");
  EXPECT_EQ(names(explicit_programs(pointwise.op(), device)), "conv_window_gemm ");
  const DescribedStep biased(make_case("n2 c8 h9 w9 k8 r3 s3"), kNchw);
  EXPECT_EQ(names(im2col_programs(biased.op(), device)), "conv_im2col conv_epilogue ");
  EXPECT_EQ(names(explicit_programs(biased.op(), device)), "conv_window_gemm conv_window_order ");
}

}  // namespace
}  // namespace convoy
