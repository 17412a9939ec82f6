// What the cost model of the fused modules says of tiles, against what was measured on an H200.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

#include "bench/fcm_op.h"
#include "kernels/fused/cuda/module.h"
#include "tests/support/gpu_profiles.h"

namespace convoy::bench {
namespace {

DType dtype_of(const std::string& name) {
  return name.starts_with("f32") ? DType::kF32 : name == "f16" ? DType::kF16 : DType::kS8;
}

std::map<std::string, FcmCase> all_cases() {
  std::map<std::string, FcmCase> cases;
  for (FcmCase& fcm : read_fcm_cases(CONVOY_SOURCE_DIR "/bench/shapes/fcm.txt")) {
    cases[fcm.name] = fcm;
  }
  return cases;
}

nlohmann::json rows_of(const std::string& name) {
  std::ifstream file(CONVOY_SOURCE_DIR "/docs/performance/data/" + name);
  return nlohmann::json::parse(file);
}

// Positions in ascending order; the few values that are equal stand in any order.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<double>(i);
  return rank;
}

// Spearman's.
double rank_correlation(const std::vector<double>& xs, const std::vector<double>& ys) {
  const std::vector<double> a = ranks(xs), b = ranks(ys);
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  const double n = static_cast<double>(a.size());
  return 1 - 6 * squares / (n * (n * n - 1));
}

// Between L2 and multiprocessors at batch 1, of device memory where operands exceed L2.
TEST(FcmCost, MovesTheBytesThatWereCounted) {
  const std::map<std::string, FcmCase> cases = all_cases();
  const DeviceDesc h200 = testing::gpu_profile("sm_90a");
  double error[2] = {};
  int count[2] = {};
  for (const auto& row : rows_of("cuda_planner_bytes_h200_2026-11-21.json")) {
    const int batch = row["batch"];
    const FcmCase fcm = with_batch(cases.at(row["layer"]), batch);
    const FcmOp op(fcm, dtype_of(row["dtype"]), Layout::kNhwc, 0, fcm.stages.size());
    const auto tile = fused_cuda::parse_tile(row["tile"].get<std::string>());
    ASSERT_TRUE(tile) << row["tile"];
    const fused_cuda::TileReport report = fused_cuda::report(fused_problem(op.desc()), *tile, h200);
    if (!report.reason.empty()) continue;  // counted before it was refused
    const char* level = batch == 1 ? "l2" : "dram";
    const double counted = row[std::string(level) + "_read_bytes"].get<double>() +
                           row[std::string(level) + "_write_bytes"].get<double>();
    const Estimate& e = report.estimate;
    const double off = std::fabs((batch == 1 ? e.bytes_l2 : e.bytes_dram) / counted - 1);
    EXPECT_LT(off, 0.25) << row;
    error[batch == 1 ? 0 : 1] += off;
    ++count[batch == 1 ? 0 : 1];
  }
  EXPECT_GT(count[0], 130);
  EXPECT_GE(count[1], 50);
  EXPECT_LT(error[0] / count[0], 0.01);
  EXPECT_LT(error[1] / count[1], 0.02);
}

// How the model does on a table of measured tiles.
struct Judgement {
  int tiles = 0;
  std::size_t problems = 0;
  double mean_error = 0;
  double correlation = 0;  // of ranks
  double lost = 0;         // by the first choices against the fastest measured
  double close = 0;        // how many of the first choices are within a tenth of those
};

Judgement judge(const std::string& table) {
  const std::map<std::string, FcmCase> cases = all_cases();
  const DeviceDesc h200 = testing::gpu_profile("sm_90a");
  struct Problem {
    double fastest = 0, least_estimate = 0, chosen = 0;
  };
  std::map<std::tuple<std::string, std::string, int>, Problem> problems;
  Judgement result;
  std::vector<double> estimates, times;
  for (const auto& row : rows_of(table)) {
    const auto layer = row["layer"].get<std::string>(), dtype = row["dtype"].get<std::string>();
    const int batch = row["batch"];
    FcmCase fcm = with_batch(cases.at(layer), batch);
    if (dtype == "f32_split") fcm = with_split(fcm);
    const FcmOp op(fcm, dtype_of(dtype), Layout::kNhwc, 0, fcm.stages.size());
    const auto tile = fused_cuda::parse_tile(row["tile"].get<std::string>());
    EXPECT_TRUE(tile) << row["tile"];
    const fused_cuda::TileReport report = fused_cuda::report(fused_problem(op.desc()), *tile, h200);
    if (!report.reason.empty()) continue;  // measured before it was refused
    const double measured = row["us"], estimate = report.estimate.seconds * 1e6;
    result.mean_error += std::fabs(estimate / measured - 1);
    ++result.tiles;
    estimates.push_back(estimate);
    times.push_back(measured);
    Problem& problem = problems[{layer, dtype, batch}];
    if (problem.fastest == 0 || measured < problem.fastest) problem.fastest = measured;
    if (problem.least_estimate == 0 || estimate < problem.least_estimate) {
      problem.least_estimate = estimate;
      problem.chosen = measured;
    }
  }
  const auto count = static_cast<double>(problems.size());
  for (const auto& [name, problem] : problems) {
    result.lost += std::log(problem.chosen / problem.fastest) / count;
    result.close += problem.chosen <= 1.1 * problem.fastest ? 1 / count : 0;
  }
  result.lost = std::exp(result.lost);
  result.problems = problems.size();
  result.mean_error /= result.tiles;
  result.correlation = rank_correlation(estimates, times);
  return result;
}

TEST(FcmCost, PredictsWhatWasMeasured) {
  const Judgement all = judge("cuda_fcm_tiles_h200_2026-11-21.json");
  EXPECT_GT(all.tiles, 4800);
  EXPECT_GT(all.problems, 200u);
  EXPECT_LT(all.mean_error, 0.25);
  EXPECT_GT(all.correlation, 0.94);
  EXPECT_LT(all.lost, 1.10);
  EXPECT_GT(all.close, 0.63);
}

// Of later kernels, f32 and f32_split at batch 1 nearly alone.
TEST(FcmCost, PredictsWhatWasMeasuredLater) {
  const Judgement later = judge("cuda_fcm_tiles_later_h200_2026-11-21.json");
  EXPECT_GT(later.tiles, 900);
  EXPECT_GT(later.problems, 50u);
  EXPECT_LT(later.mean_error, 0.15);
  EXPECT_GT(later.correlation, 0.94);
  EXPECT_LT(later.lost, 1.06);
  EXPECT_GT(later.close, 0.8);
}

}  // namespace
}  // namespace convoy::bench
