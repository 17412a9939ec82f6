// What the estimates of the CUDA convolutions would choose, against what was measured on an H200.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/conv_step.h"
#include "bench/suite.h"
#include "tests/support/gpu_profiles.h"

namespace convoy::bench {
namespace {

TEST(Choice, TheLeastEstimateIsAmongTheFastestMeasured) {
  const std::string root = CONVOY_SOURCE_DIR;
  std::ifstream file(root + "/docs/performance/data/cuda_im2win12_h200_2026-11-21.json");
  std::map<std::string, double> measured;  // by layer, batch, layout and kernel
  for (const auto& row : nlohmann::json::parse(file)) {
    if (row["ms"].is_null()) continue;
    measured[row["layer"].get<std::string>() + std::to_string(row["batch"].get<int>()) +
             row["layout"].get<std::string>() + row["impl"].get<std::string>()] = row["ms"];
  }
  const DeviceDesc device = testing::gpu_profile("sm_90a");
  int problems = 0;
  for (NamedConv layer : read_shapes(root + "/bench/shapes/im2win12.txt")) {
    for (const int batch : {128, 16, 1}) {
      for (const std::string layout : {"nchw", "nhwc"}) {
        layer.desc.n = batch;
        ConvOp op(layer.desc, parse_layout(layout), DType::kF32);
        const Tensor weights(DType::kF32, conv_w_shape(layer.desc)),
            bias(DType::kF32, Shape{layer.desc.k});
        op.set_constants(weights, bias);
        double least = 0, chosen = 0, fastest = 0;
        for (const Implementation* entry : implementations(Op::kConv)) {
          const auto row =
              measured.find(layer.name + std::to_string(batch) + layout + std::string(entry->name));
          if (row == measured.end()) continue;
          const double estimate = entry->estimate(op.desc(), device).seconds;
          if (least == 0 || estimate < least) least = estimate, chosen = row->second;
          if (fastest == 0 || row->second < fastest) fastest = row->second;
        }
        ASSERT_GT(fastest, 0) << layer.name;
        EXPECT_LE(chosen, 1.1 * fastest) << layer.name << " n" << batch << " " << layout;
        ++problems;
      }
    }
  }
  EXPECT_EQ(problems, 72);
}

}  // namespace
}  // namespace convoy::bench
