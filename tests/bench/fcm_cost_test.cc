// What the cost model of the fused modules says of tiles, against what was measured on an H200.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "bench/fcm_op.h"
#include "kernels/fused/cuda/module.h"
#include "tests/support/gpu_profiles.h"

namespace convoy::bench {
namespace {

DType dtype_of(const std::string& name) {
  return name.starts_with("f32") ? DType::kF32 : name == "f16" ? DType::kF16 : DType::kS8;
}

TEST(FcmCost, PredictsWhatWasMeasured) {
  const std::string root = CONVOY_SOURCE_DIR;
  std::map<std::string, FcmCase> cases;
  for (FcmCase& fcm : read_fcm_cases(root + "/bench/shapes/fcm.txt")) cases[fcm.name] = fcm;
  const DeviceDesc h200 = testing::gpu_profile("sm_90a");
  struct Problem {
    double fastest = 0, least_estimate = 0, chosen = 0;
  };
  std::map<std::tuple<std::string, std::string, int>, Problem> problems;
  double error = 0;
  int tiles = 0;
  std::ifstream file(root + "/docs/performance/data/cuda_fcm_tiles_h200_2026-11-21.json");
  for (const auto& row : nlohmann::json::parse(file)) {
    const auto layer = row["layer"].get<std::string>(), dtype = row["dtype"].get<std::string>();
    const int batch = row["batch"];
    FcmCase fcm = with_batch(cases.at(layer), batch);
    if (dtype == "f32_split") fcm = with_split(fcm);
    const FcmOp op(fcm, dtype_of(dtype), Layout::kNhwc, 0, fcm.stages.size());
    const auto tile = fused_cuda::parse_tile(row["tile"].get<std::string>());
    ASSERT_TRUE(tile) << row["tile"];
    const fused_cuda::TileReport report = fused_cuda::report(fused_problem(op.desc()), *tile, h200);
    if (!report.reason.empty()) continue;  // measured before it was refused
    const double measured = row["us"], estimate = report.estimate.seconds * 1e6;
    error += std::fabs(estimate / measured - 1);
    ++tiles;
    Problem& problem = problems[{layer, dtype, batch}];
    if (problem.fastest == 0 || measured < problem.fastest) problem.fastest = measured;
    if (problem.least_estimate == 0 || estimate < problem.least_estimate) {
      problem.least_estimate = estimate;
      problem.chosen = measured;
    }
  }
  EXPECT_GT(tiles, 4900);
  EXPECT_GT(problems.size(), 200u);
  EXPECT_LT(error / tiles, 0.25);
  RecordProperty("mean_error_percent", static_cast<int>(100 * error / tiles));
  double lost = 0;
  std::size_t close = 0;
  for (const auto& [name, problem] : problems) {
    lost += std::log(problem.chosen / problem.fastest);
    close += problem.chosen <= 1.1 * problem.fastest ? 1 : 0;
  }
  RecordProperty("within_ten_percent", static_cast<int>(100 * close / problems.size()));
  EXPECT_LT(std::exp(lost / static_cast<double>(problems.size())), 1.10);
  EXPECT_GT(100 * close, 63 * problems.size());
}

}  // namespace
}  // namespace convoy::bench
