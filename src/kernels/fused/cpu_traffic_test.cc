// What the CPU's fused modules are said to move, against what the modules' own loops moved through
// simulated caches.
#include "kernels/fused/cpu_traffic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "kernels/fused/cpu_count.h"
#include "kernels/fused/cpu_run.h"
#include "tests/support/fused_cases.h"

namespace convoy {
namespace {

struct Case {
  const char* name;
  CpuModule module;
  const char* stages;
  bool residual = false;
  UnaryKind activation = UnaryKind::kRelu;
};

// Of bench/shapes/fcm.txt, every module; then odd ones: strides, wide and dilated filters, channels
// that fill no vector, several images, activations that are not clamps.
constexpr Case kCases[] = {
    {"mbv1_dwpw_32_112", CpuModule::kDwPw, "c32 h112 w112 | dw1 r3 s3 pad1 | pw64"},
    {"mbv1_dwpw_64_112s2", CpuModule::kDwPw, "c64 h112 w112 | dw1 r3 s3 stride2 pad1 | pw128"},
    {"mbv1_dwpw_512_14", CpuModule::kDwPw, "c512 h14 w14 | dw1 r3 s3 pad1 | pw512"},
    {"mbv2_dwpw_144_24_56", CpuModule::kDwPw, "c144 h56 w56 | dw1 r3 s3 pad1 | pw24", true},
    {"mbv2_pwdw_16_96_112s2", CpuModule::kPwDw, "c16 h112 w112 | pw96 | dw1 r3 s3 stride2 pad1"},
    {"mbv2_pwdw_64_384_14", CpuModule::kPwDw, "c64 h14 w14 | pw384 | dw1 r3 s3 pad1"},
    {"mbv2_pwdw_24_144_56", CpuModule::kPwDwR, "c24 h56 w56 | pw144 | dw1 r3 s3 pad1"},
    {"prox_pwdw_k7_40_120_28", CpuModule::kPwDwR, "c40 h28 w28 | pw120 | dw1 r7 s7 pad3"},
    {"mbv2_pwpw_16_96_112", CpuModule::kPwPw, "c32 h112 w112 | pw16 | pw32"},
    {"cmt_pwpw_64_256_56", CpuModule::kPwPw, "c64 h56 w56 | pw256 | pw64", true},
    {"mbv2_pwdwpw_16_96_24_112s2", CpuModule::kPwDwPw,
     "c16 h112 w112 | pw96 | dw1 r3 s3 stride2 pad1 | pw24"},
    {"mbv2_pwdwpw_24_144_24_56", CpuModule::kPwDwPw, "c24 h56 w56 | pw144 | dw1 r3 s3 pad1 | pw24",
     true},
    {"mbv2_pwdwpw_160_960_160_7", CpuModule::kPwDwPw, "c160 h7 w7 | pw960 | dw1 r3 s3 pad1 | pw160",
     true},
    {"odd_dwpw", CpuModule::kDwPw, "n2 c33 h17 w19 | dw1 r5 s5 stride2 pad2 | pw50", false,
     UnaryKind::kHardSwish},
    {"odd_dwpw_dilated", CpuModule::kDwPw, "c40 h21 w23 | dw1 r3 s3 dilation2 pad2 | pw17"},
    {"odd_pwdw", CpuModule::kPwDwR, "n3 c17 h13 w31 | pw50 | dw1 r2 s4 stride1 pad1", true},
    {"odd_pwdwpw", CpuModule::kPwDwPw, "n2 c7 h23 w37 | pw70 | dw1 r5 s5 pad2 | pw7", true,
     UnaryKind::kSilu},
};

// A case with its operands, all zero but for the weights' places.
class Counted {
 public:
  explicit Counted(const Case& c) {
    problem_.x_layout = problem_.y_layout = problem_.residual_layout = Layout::kNhwc;
    problem_.stages = testing::chain(c.stages);
    if (c.residual) problem_.residual = Epilogue::Residual::kBeforeActivation;
    views_.push_back(hold({conv_x_shape(problem_.first())}));
    for (FusedStage& stage : problem_.stages) {
      stage.has_bias = true;
      stage.activation = testing::usual(c.activation);
      views_.push_back(hold(conv_w_shape(stage.desc)));
      stage.weights = views_.back().data;
      views_.push_back(hold(Shape{stage.desc.k}));
      stage.bias = views_.back().data;
      views_.push_back({});
    }
    const Shape y = conv_y_shape(problem_.last());
    if (c.residual) views_.push_back(hold(y));
    y_ = hold(y);
  }

  const FusedProblem& problem() const { return problem_; }
  CpuTraffic count(const CpuTile& tile, const DeviceDesc& device, int threads = 1) const {
    const std::size_t bytes = cpu_module_workspace(problem_, tile, threads);
    const Buffer workspace(bytes);
    ThreadPool pool(threads, ThreadPool::Idle::kSleep);
    return count_cpu_traffic(problem_, tile, device,
                             {views_, {&y_, 1}, {workspace.data(), bytes}, pool});
  }

 private:
  TensorView hold(const Shape& shape) {
    TensorView view{nullptr, DType::kF32, shape.rank() == 4 ? Layout::kNhwc : Layout::kNchw, shape};
    buffers_.emplace_back(view.bytes());
    std::memset(buffers_.back().data(), 0, view.bytes());
    view.data = buffers_.back().data();
    return view;
  }

  FusedProblem problem_;
  std::vector<Buffer> buffers_;
  std::vector<TensorView> views_;
  TensorView y_;
};

DeviceDesc desktop() {
  DeviceDesc device;
  device.l1_bytes = 48 << 10;
  return device;
}

// Every so many tiles, the chosen one first.
std::vector<CpuTile> some_tiles(const FusedProblem& problem, CpuModule module,
                                const DeviceDesc& device) {
  constexpr std::size_t kApart = 17;
  const std::vector<CpuTile> all = ranked_cpu_tiles(problem, module, device);
  std::vector<CpuTile> tiles;
  for (std::size_t i = 0; i < all.size(); i += kApart) tiles.push_back(all[i]);
  return tiles;
}

class CpuTrafficTest : public ::testing::TestWithParam<Case> {};

// The instructions' loads and stores follow from the loops, whatever the tile.
TEST_P(CpuTrafficTest, RegistersAreExact) {
  const Counted counted(GetParam());
  for (const CpuTile& tile : some_tiles(counted.problem(), GetParam().module, desktop())) {
    const CpuBytes is = counted.count(tile, desktop()).registers;
    const CpuBytes said = cpu_traffic(counted.problem(), tile, desktop()).registers;
    EXPECT_DOUBLE_EQ(said.x, is.x) << to_string(tile);
    EXPECT_DOUBLE_EQ(said.weights, is.weights) << to_string(tile);
    EXPECT_DOUBLE_EQ(said.y, is.y) << to_string(tile);
    EXPECT_DOUBLE_EQ(said.scratch, is.scratch) << to_string(tile);
  }
}

// Beyond a cache, over the tiles of a case. What nearly fits moves little, so that errors are taken
// of what must move at least where it does not.
double mean_error(const Case& c, const DeviceDesc& device, CpuBytes CpuTraffic::*level) {
  const Counted counted(c);
  const FusedProblem& problem = counted.problem();
  double operands = 0;
  for (const FusedStage& stage : problem.stages) {
    operands += 4 * static_cast<double>(conv_w_shape(stage.desc).elements());
  }
  operands += 4 * static_cast<double>(conv_x_shape(problem.first()).elements());
  operands += 4 * static_cast<double>(conv_y_shape(problem.last()).elements());
  double error = 0;
  const std::vector<CpuTile> tiles = some_tiles(problem, c.module, device);
  for (const CpuTile& tile : tiles) {
    const double is = (counted.count(tile, device).*level).total();
    const double said = (cpu_traffic(problem, tile, device).*level).total();
    error += std::abs(said - is) / std::max(is, operands);
  }
  return error / static_cast<double>(tiles.size());
}

// Every case within 60 %, all of them within a fifth on average. Of models' own maps: with tiny
// ones nearly all tiles hardly fit L1, or hardly do not.
void expect_near(const DeviceDesc& device, CpuBytes CpuTraffic::*level) {
  if (gemm_kernels().lanes < 8) GTEST_SKIP() << "narrow vectors read lines in parts";
  double sum = 0, cases = 0;
  for (const Case& c : kCases) {
    if (std::string_view(c.name).starts_with("odd")) continue;
    const double error = mean_error(c, device, level);
    EXPECT_LT(error, 0.6) << c.name;
    sum += error, ++cases;
  }
  EXPECT_LT(sum / cases, 0.2);
}

TEST(CpuTrafficLevels, L2IsNear) { expect_near(desktop(), &CpuTraffic::l2); }
TEST(CpuTrafficLevels, L3IsNear) { expect_near(desktop(), &CpuTraffic::l3); }

// As if the caches were those of a small core: maps come from memory.
TEST(CpuTrafficLevels, MemoryIsNear) {
  DeviceDesc device = desktop();
  device.l1_bytes = 32 << 10, device.l2_bytes = 128 << 10, device.l3_bytes = 256 << 10;
  expect_near(device, &CpuTraffic::dram);
}

TEST(CpuTrafficLevels, NothingLeavesACacheThatHoldsAll) {
  const Counted counted({"small", CpuModule::kDwPw, "c16 h14 w14 | dw1 r3 s3 pad1 | pw16"});
  const CpuTile tile = choose_cpu_tile(counted.problem(), CpuModule::kDwPw, desktop());
  const CpuTraffic is = counted.count(tile, desktop());
  const CpuTraffic said = cpu_traffic(counted.problem(), tile, desktop());
  EXPECT_GT(is.registers.total(), 0);
  EXPECT_EQ(is.l2.total(), 0);
  EXPECT_EQ(said.l2.total(), 0);
  EXPECT_EQ(said.dram.total(), 0);
}

// The formulas by hand: c24 56 x 56 into 144 channels, 4 rows of y a step.
TEST(CpuTrafficLevels, FollowTheFormulas) {
  const Counted counted({"block", CpuModule::kPwDwR, "c24 h56 w56 | pw144 | dw1 r3 s3 pad1"});
  DeviceDesc device = desktop();
  device.l3_bytes = 1 << 20;  // less than y alone
  const CpuTile whole{.rows = 56, .columns = 56, .step = 4, .channels = 144};
  const CpuTraffic one = cpu_traffic(counted.problem(), whole, device);
  const double x = 4.0 * 24 * 56 * 56, y = 4.0 * 144 * 56 * 56;
  EXPECT_DOUBLE_EQ(one.dram.x, x);
  EXPECT_DOUBLE_EQ(one.dram.y, y);
  EXPECT_DOUBLE_EQ(one.dram.scratch, 0);  // the ring stays
  EXPECT_DOUBLE_EQ(one.l2.y, y);
  EXPECT_GT(one.l2.scratch, y);  // but not in L1
  const double panels = static_cast<double>(gemm_kernels().panels(144));
  EXPECT_DOUBLE_EQ(one.registers.x, panels * x);
  EXPECT_DOUBLE_EQ(one.registers.y, y);
}

// Runs that count on several threads would mix them up.
TEST(CpuTrafficLevels, AreCountedOnOneThread) {
  const Counted counted({"small", CpuModule::kDwPw, "c16 h14 w14 | dw1 r3 s3 pad1 | pw16"});
  EXPECT_THROW(counted.count({.rows = 14, .columns = 14, .step = 2, .channels = 16}, desktop(), 2),
               Error);
}

INSTANTIATE_TEST_SUITE_P(Cases, CpuTrafficTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace convoy
