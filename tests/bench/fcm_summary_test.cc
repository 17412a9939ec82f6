#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/cuda/fcm.h"

namespace convoy::bench {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

Row row(std::string layer, std::string implementation, double us) {
  Row row{.suite = "fcm",
          .layer = std::move(layer),
          .implementation = std::move(implementation),
          .device = "cuda"};
  row.module = "dwpw";
  row.milliseconds = us / 1e3;
  row.bytes = 1, row.l2_bytes = 10;
  return row;
}
Row fused(std::string layer, double us, std::string chosen_by) {
  Row fused = row(std::move(layer), "fused.dwpw.cuda.f32", us);
  fused.chosen_by = std::move(chosen_by);
  return fused;
}

TEST(FcmSummary, ComparesTheFastestTileWithTheFastestLayoutAndTellsTheModels) {
  const std::vector<std::string> lines = summarize_fcm(
      {fused("a", 4, "model"), fused("a", 2, "time"), row("a", "cudnn.pair", 9),
       row("a", "cudnn.pair", 8), fused("b", 10, "model"), row("b", "cudnn.pair", 10)},
      1e12);
  EXPECT_THAT(lines,
              ElementsAre(AllOf(StartsWith("f32  batch 1   all"), HasSubstr(" 2.00x as fast as"),
                                HasSubstr("mean of 2; 1.41x with the model's"),
                                HasSubstr("least 1.00x on b, most 4.00x on a; 1 below 1.2x")),
                          AllOf(StartsWith("f32  batch 1   dwpw"), HasSubstr(" 2.00x as fast")),
                          AllOf(StartsWith("f32  batch 1   pairs"), HasSubstr(" 2.00x as fast"))));
}

TEST(FcmSummary, KeepsTypesBatchesModulesAndPeersApart) {
  std::vector<Row> rows = {fused("a", 1, "model"), row("a", "cudnn.pair", 2),
                           row("a", "cudnn.fused", 3), row("a", "unfused.dwpw.cuda.f32", 5)};
  for (int i = 0; i < 4; ++i) {
    Row other = rows[static_cast<std::size_t>(i)];
    other.milliseconds *= i == 0 ? 1 : 2;
    rows.push_back(other);
    rows.back().dtype = "f16";
    rows.push_back(other);
    rows.back().batch = 32;
  }
  const auto lines = summarize_fcm(rows, 1e12);
  EXPECT_THAT(lines, SizeIs(3 * 3 * 3));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("f32  batch 1   dwpw"),
                                    HasSubstr("3.00x as fast as cuDNN's convolutions with bias"))));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("f16  batch 1   all"),
                                    HasSubstr("10.00x as fast as ours unfused"))));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("f32  batch 32  all"),
                                    HasSubstr("4.00x as fast as cuDNN's convolutions ("))));
}

TEST(FcmSummary, TellsTheShareOfBandwidthOfWhatExceedsTheL2) {
  std::vector<Row> rows = {fused("small", 1, "model"), fused("large", 10, "model"),
                           fused("larger", 10, "model")};
  rows[1].bytes = 5e6, rows[2].bytes = 8e6;
  rows[1].l2_bytes = rows[2].l2_bytes = 1e6;
  EXPECT_THAT(summarize_fcm(rows, 1e12),
              Contains(AllOf(StartsWith("f32  batch 1   dwpw"), HasSubstr("at 63 % of 1.00 TB/s"),
                             HasSubstr("mean of 2; least 50 % on large"))));
}

TEST(FcmSummary, ComparesEnergyWhereItWasMeasured) {
  std::vector<Row> rows = {fused("a", 1, "model"), row("a", "cudnn.pair", 2),
                           fused("b", 1, "model"), row("b", "cudnn.pair", 2)};
  rows[0].joules = 0.5, rows[1].joules = 1.5;
  EXPECT_THAT(summarize_fcm(rows, 1e12),
              Contains(HasSubstr("cuDNN's convolutions take 3.00x the energy of fused (geometric "
                                 "mean of 1; least 3.00x on a)")));
}

TEST(FcmSummary, TellsBlocksFromPairsAndWhatIsMarked) {
  std::vector<Row> rows = {fused("a", 1, "model"), row("a", "cudnn.pair", 2),
                           fused("b", 1, "model"), row("b", "cudnn.pair", 8)};
  rows[0].marks = rows[1].marks = {"peers"};
  rows[2].module = rows[3].module = "pwdwpw";
  EXPECT_THAT(summarize_fcm(rows, 1e12),
              ElementsAre(AllOf(StartsWith("f32  batch 1   all "), HasSubstr(" 4.00x")),
                          AllOf(StartsWith("f32  batch 1   dwpw "), HasSubstr(" 2.00x")),
                          AllOf(StartsWith("f32  batch 1   pairs "), HasSubstr(" 2.00x")),
                          AllOf(StartsWith("f32  batch 1   peers "), HasSubstr(" 2.00x")),
                          AllOf(StartsWith("f32  batch 1   pwdwpw "), HasSubstr(" 8.00x"))));
}

TEST(FcmSummary, LeavesOutWhatHasNoTimeAndWhatHasNoPeer) {
  std::vector<Row> rows = {fused("a", 1, "model"), row("a", "cudnn.pair", 2),
                           row("b", "cudnn.pair", 2)};
  rows[1].status = "cuDNN has no algorithm";
  EXPECT_THAT(summarize_fcm(rows, 1e12), IsEmpty());
}

}  // namespace
}  // namespace convoy::bench
