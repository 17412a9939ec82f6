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

// In the order of the struct.
fused_cuda::Tile tile_of(const std::vector<int>& v) {
  return {.rows = v.at(0),
          .columns = v.at(1),
          .outputs = v.at(2),
          .middle = v.at(3),
          .inputs = v.at(4),
          .warps_pixels = v.at(5),
          .warps_outputs = v.at(6),
          .warps_sums = v.at(7),
          .blocks_sums = v.at(8),
          .expand_warps_pixels = v.at(9),
          .strip = v.at(10),
          .strip_rows = v.at(11),
          .blocks = v.at(12),
          .stage_weights = v.at(13) != 0};
}

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
    const fused_cuda::Tile tile = tile_of(row["tile"]);
    const fused_cuda::TileReport report = fused_cuda::report(fused_problem(op.desc()), tile, h200);
    if (!report.reason.empty()) continue;  // measured before it was refused
    const double measured = row["us"], estimate = report.estimate.seconds * 1e6;
    error += std::fabs(std::log(estimate / measured));
    ++tiles;
    Problem& problem = problems[{layer, dtype, batch}];
    if (problem.fastest == 0 || measured < problem.fastest) problem.fastest = measured;
    if (problem.least_estimate == 0 || estimate < problem.least_estimate) {
      problem.least_estimate = estimate;
      problem.chosen = measured;
    }
  }
  EXPECT_GT(tiles, 1500);
  EXPECT_GT(problems.size(), 120u);
  EXPECT_LT(error / tiles, 0.25);
  double lost = 0;
  std::size_t close = 0;
  for (const auto& [name, problem] : problems) {
    lost += std::log(problem.chosen / problem.fastest);
    close += problem.chosen <= 1.1 * problem.fastest ? 1 : 0;
  }
  EXPECT_LT(std::exp(lost / static_cast<double>(problems.size())), 1.15);
  EXPECT_GT(2 * close, problems.size());
}

}  // namespace
}  // namespace convoy::bench
