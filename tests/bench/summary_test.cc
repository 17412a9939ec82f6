#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/cuda/suite.h"

namespace convoy::bench {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Row row(std::string layer, std::string implementation, double ms, double peak_bytes) {
  Row row{.layer = std::move(layer), .implementation = std::move(implementation), .device = "cuda"};
  row.batch = 128;
  row.milliseconds = ms;
  row.peak_bytes = peak_bytes;
  return row;
}

TEST(Summary, ComparesTheFastestOfEachWithGeometricMeansAndMemory) {
  std::vector<Row> rows = {
      row("conv1", "conv.im2win.cuda.f32", 1, 100),
      row("conv1", "conv.im2win.cuda.f32", 3, 100),  // another layout, slower
      row("conv1", "conv.direct.cuda.f32", 2, 100),
      row("conv2", "conv.im2win.cuda.f32", 2, 60),
      row("conv2", "conv.direct.cuda.f32", 16, 100),
  };
  EXPECT_THAT(
      summarize(rows),
      ElementsAre(AllOf(HasSubstr("batch 128 "), HasSubstr("4.00x as fast as direct"),
                        HasSubstr("2 layers"), HasSubstr("least 2.00x on conv1"),
                        HasSubstr("most 8.00x on conv2"), HasSubstr("least memory saved 0.0 %"))));
}

TEST(Summary, KeepsCudnnsTransformsAndPrecisionsApart) {
  std::vector<Row> rows = {
      row("conv9", "conv.im2win.cuda.f32", 2, 75), row("conv9", "cudnn.implicit_gemm", 3, 100),
      row("conv9", "cudnn.fft_tiling", 1, 300), row("conv9", "cudnn.implicit_gemm", 0.5, 100)};
  rows[3].dtype = "tf32";
  EXPECT_THAT(
      summarize(rows),
      ElementsAre(
          AllOf(HasSubstr("1.50x as fast as cuDNN f32, neither"), HasSubstr("saved 25.0 %")),
          AllOf(HasSubstr("0.50x as fast as cuDNN f32, any"), HasSubstr("saved 75.0 %")),
          HasSubstr("0.25x as fast as cuDNN tf32")));
}

TEST(Summary, LeavesOutWhatHasNoTimeAndTheAblation) {
  std::vector<Row> rows = {row("conv9", "conv.im2win.cuda.f32", 2, 75),
                           row("conv9", "conv.direct.cuda.f32", 0, 100),
                           row("conv9", "conv.direct.cuda.f32", 1, 100)};
  rows[1].status = "needs a GPU";
  rows[2].ablation = "none";
  EXPECT_THAT(summarize(rows), IsEmpty());
}

TEST(Summary, ListsTheMemorySavedAgainstIm2colInTheOrderOfTheLayers) {
  const std::vector<std::string> lines = summarize({row("conv2", "conv.im2win.cuda.f32", 1, 60),
                                                    row("conv2", "conv.im2col.cuda.f32", 2, 100),
                                                    row("conv10", "conv.im2win.cuda.f32", 2, 75),
                                                    row("conv10", "conv.im2col.cuda.f32", 9, 100)});
  EXPECT_THAT(lines, Contains("batch 128  memory saved against im2col + cuBLAS, whole batch: "
                              "conv2 40.0 %, conv10 25.0 %"));
}

TEST(Summary, KeepsBatchesApart) {
  std::vector<Row> rows = {
      row("conv9", "conv.im2win.cuda.f32", 1, 1), row("conv9", "conv.direct.cuda.f32", 3, 1),
      row("conv9", "conv.im2win.cuda.f32", 1, 1), row("conv9", "conv.direct.cuda.f32", 5, 1)};
  rows[2].batch = rows[3].batch = 16;
  EXPECT_THAT(summarize(rows),
              ElementsAre(AllOf(StartsWith("batch 16 "), HasSubstr("5.00x as fast as direct")),
                          AllOf(StartsWith("batch 128 "), HasSubstr("3.00x as fast as direct"))));
}

}  // namespace
}  // namespace convoy::bench
