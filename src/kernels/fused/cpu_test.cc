// The CPU's fused modules against the reference, chosen tiles and forced ones: random stages, odd
// sizes, every activation and residual, the same bits on 1, 2 and 3 threads.
#include <gtest/gtest.h>

#include <random>

#include "kernels/fused/cpu_run.h"
#include "tests/support/conv_check.h"
#include "tests/support/step.h"

namespace convoy {
namespace {

using testing::Operand;
using testing::Step;
using Residual = Epilogue::Residual;

// Activations that do not enlarge errors, as an epilogue has them.
constexpr UnaryKind kActivations[] = {
    UnaryKind::kIdentity,    UnaryKind::kRelu,      UnaryKind::kClip,    UnaryKind::kLeakyRelu,
    UnaryKind::kHardSigmoid, UnaryKind::kHardSwish, UnaryKind::kSigmoid, UnaryKind::kSilu,
    UnaryKind::kTanh,        UnaryKind::kErf,       UnaryKind::kGelu,    UnaryKind::kGeluTanh,
    UnaryKind::kElu,         UnaryKind::kSoftplus,  UnaryKind::kMish};

struct Extents {
  std::int64_t n = 1, c = 1, h = 1, w = 1;
};

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::int64_t in(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<unsigned>(high - low + 1));
  }
  template <class T, std::size_t kCount>
  T one_of(const T (&list)[kCount]) {
    return list[random_() % kCount];
  }

  // A module of the stages "dp": depthwise, pointwise.
  Step module(std::string_view stages) {
    constexpr std::int64_t kChannels[] = {1, 2, 3, 7, 16, 17, 33, 40, 50};
    const bool depthwise_first = stages.front() == 'd';
    Extents map{in(1, 3), one_of(kChannels), in(1, 13), in(1, 17)};
    // One channel's filter is a pointwise one where it is 1x1; two are always depthwise.
    if (depthwise_first) map.c = std::max<std::int64_t>(map.c, 2);
    FusedConvAttrs attrs;
    Step step{.op = Op::kFusedConv, .inputs = {values({map.n, map.c, map.h, map.w}, false)}};
    for (const char kind : stages) {
      FusedConvStage stage;
      const bool depthwise = kind == 'd';
      std::int64_t k = depthwise ? map.c : std::max<std::int64_t>(2, one_of(kChannels));
      std::int64_t r = 1, s = 1;
      if (depthwise) {
        r = in(1, 5), s = in(1, 5);
        stage.conv.groups = map.c;
        stage.conv.stride = {in(1, 3), in(1, 3)};
        stage.conv.dilation = {in(1, 2), in(1, 2)};
        stage.conv.pads = {in(0, 2), in(0, 3), in(0, 3), in(0, 2)};
        // The filter must fit the padded map.
        Pads& pads = stage.conv.pads;
        pads.bottom += std::max<std::int64_t>(
            0, (r - 1) * stage.conv.dilation[0] + 1 - map.h - pads.top - pads.bottom);
        pads.right += std::max<std::int64_t>(
            0, (s - 1) * stage.conv.dilation[1] + 1 - map.w - pads.left - pads.right);
      }
      stage.conv.epilogue.activation = testing::usual(one_of(kActivations));
      step.inputs.push_back(values({k, map.c / stage.conv.groups, r, s}, true));
      step.inputs.push_back(in(0, 2) ? values({k}, in(0, 1) == 1) : testing::absent());
      step.inputs.push_back(testing::absent());
      map.c = k;
      if (depthwise) {
        const auto extent = [&](std::int64_t size, std::int64_t pad, std::int64_t taps,
                                std::size_t axis) {
          return (size + pad - stage.conv.dilation[axis] * (taps - 1) - 1) /
                     stage.conv.stride[axis] +
                 1;
        };
        map.h = extent(map.h, stage.conv.pads.top + stage.conv.pads.bottom, r, 0);
        map.w = extent(map.w, stage.conv.pads.left + stage.conv.pads.right, s, 1);
      }
      attrs.stages.push_back(stage);
    }
    const Shape y{map.n, map.c, map.h, map.w};
    attrs.residual =
        one_of({Residual::kNone, Residual::kBeforeActivation, Residual::kAfterActivation});
    if (attrs.residual != Residual::kNone) step.inputs.push_back(values(y, false));
    step.attrs = attrs;
    step.outputs = {{nullptr, DType::kF32, Layout::kNhwc, y}};
    return step;
  }

  CpuTile tile() { return {in(1, 9), in(1, 20), in(1, 5), in(1, 60)}; }

 private:
  template <class T>
  T one_of(std::initializer_list<T> list) {
    return list.begin()[random_() % list.size()];
  }

  Operand values(const Shape& shape, bool constant) {
    const Layout layout = shape.rank() == 4 && !constant ? Layout::kNhwc : Layout::kNchw;
    Operand result =
        testing::random_operand(DType::kF32, shape, layout, static_cast<unsigned>(random_()));
    result.constant = constant;
    return result;
  }

  std::mt19937 random_;
};

// The step with every operand made positive and no activation: its result bounds what the sums of
// the step's are made of.
Step magnitudes(Step step) {
  auto attrs = std::get<FusedConvAttrs>(step.attrs);
  for (FusedConvStage& stage : attrs.stages) stage.conv.epilogue.activation = {};
  step.attrs = attrs;
  for (Operand& operand : step.inputs) {
    auto floats = testing::as_values<float>(operand.values);
    // Activations such as softplus are not zero at zero.
    for (float& value : floats) value = std::abs(value) + 0.1f;
    if (!floats.empty()) std::memcpy(operand.values.data(), floats.data(), operand.values.size());
  }
  return step;
}

std::vector<float> run_reference(const Step& step) {
  const Implementation& entry = *find_implementation("fused.reference");
  return testing::as_values<float>(testing::BoundStep(step, testing::Edge::kEnd).run(entry, 2)[0]);
}

void expect_close(const Step& step, const std::vector<float>& y, const std::string& label) {
  const std::vector<float> expected = run_reference(step), size = run_reference(magnitudes(step));
  ASSERT_EQ(y.size(), expected.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double bound = 2e-6 * (1 + static_cast<double>(size[i]));
    const double error = std::abs(static_cast<double>(y[i]) - static_cast<double>(expected[i]));
    if (error <= bound) continue;
    ADD_FAILURE() << label << ", element " << i << ": " << y[i] << " instead of " << expected[i]
                  << " (bound " << bound << ")";
    return;
  }
}

struct Entry {
  CpuModule module;
  const char* name;
  const char* stages;
};
constexpr Entry kEntries[] = {{CpuModule::kDwPw, "fused.dwpw.cpu.f32", "dp"},
                              {CpuModule::kPwDw, "fused.pwdw.cpu.f32", "pd"},
                              {CpuModule::kPwDwR, "fused.pwdw_r.cpu.f32", "pd"},
                              {CpuModule::kPwPw, "fused.pwpw.cpu.f32", "pp"},
                              {CpuModule::kPwDwPw, "fused.pwdwpw.cpu.f32", "pdp"}};

std::string label_of(const Entry& entry, const Step& step, int seed) {
  std::string label = std::string(entry.name) + " seed " + std::to_string(seed) + " x " +
                      to_string(step.inputs[0].view.shape) + " y " +
                      to_string(step.outputs[0].shape);
  return label;
}

class FusedCpu : public ::testing::TestWithParam<Entry> {};

TEST_P(FusedCpu, ChosenTiles) {
  const Entry& entry = GetParam();
  const Implementation& implementation = *find_implementation(entry.name);
  for (int seed = 0; seed < 500; ++seed) {
    const Step step = Generator(static_cast<unsigned>(seed)).module(entry.stages);
    ASSERT_EQ(testing::supports(implementation, step).reason, "") << label_of(entry, step, seed);
    const auto y = testing::as_values<float>(testing::run_step(implementation, step)[0]);
    expect_close(step, y, label_of(entry, step, seed));
  }
}

// What the entry below computes with; entries are plain functions.
CpuTile forced_tile;

const Implementation kForced = {
    .name = "fused.forced.cpu.f32",
    .supports = [](const OpDesc&, const DeviceDesc&) { return Support::yes(); },
    .workspace =
        [](const OpDesc& op, const DeviceDesc& device) {
          return cpu_module_workspace(fused_problem(op), forced_tile, device.threads);
        },
    .estimate = nullptr,
    .prepare = [](const OpDesc& op,
                  const DeviceDesc&) { return make_cpu_module(fused_problem(op), forced_tile); }};

TEST_P(FusedCpu, ForcedTiles) {
  const Entry& entry = GetParam();
  for (int seed = 0; seed < 500; ++seed) {
    Generator generator(1000 + static_cast<unsigned>(seed));
    const Step step = generator.module(entry.stages);
    const testing::BoundStep bound(step, testing::Edge::kEnd);
    forced_tile = fitted(fused_problem(bound.desc()), entry.module, generator.tile());
    const std::string label = label_of(entry, step, seed) + " tile " + to_string(forced_tile);
    const auto y = testing::as_values<float>(testing::run_step(kForced, step)[0]);
    expect_close(step, y, label);
  }
}

// Why the entry declines the step, once `change` has been made to it.
template <class Change>
std::string refusal(const Entry& entry, Change&& change) {
  Step step = Generator(1).module(entry.stages);
  change(step);
  return testing::supports(*find_implementation(entry.name), step).reason;
}

TEST_P(FusedCpu, DeclinesWithReasons) {
  const Entry& entry = GetParam();
  EXPECT_EQ(refusal(entry, [](Step&) {}), "");
  EXPECT_EQ(refusal(entry, [](Step& s) { s.inputs[0].view.layout = Layout::kNchw; }),
            "computes nhwc");
  EXPECT_EQ(refusal(entry, [](Step& s) { s.outputs[0].layout = Layout::kNchw; }), "computes nhwc");
  EXPECT_EQ(refusal(entry, [](Step& s) { s.inputs[fused_w(1)].constant = false; }),
            "packs constant weights");
  const std::string other = entry.module == CpuModule::kPwPw ? "dp" : "pp";
  const Support support =
      testing::supports(*find_implementation(entry.name), Generator(1).module(other));
  EXPECT_EQ(support.reason.substr(0, 17), "needs the stages ");
}

TEST_P(FusedCpu, BooksWhatItsTilesHold) {
  const Entry& entry = GetParam();
  const Implementation& implementation = *find_implementation(entry.name);
  for (unsigned seed = 0; seed < 50; ++seed) {
    const Step step = Generator(seed).module(entry.stages);
    const testing::BoundStep bound(step, testing::Edge::kEnd);
    DeviceDesc device;
    device.threads = 3;
    const std::size_t booked = implementation.workspace(bound.desc(), device);
    const Estimate estimate = implementation.estimate(bound.desc(), device);
    EXPECT_EQ(booked, estimate.workspace_bytes);
    EXPECT_LE(booked, 3 * static_cast<std::size_t>(device.l2_bytes) / 2);
    EXPECT_GT(estimate.seconds, 0);
    double flops = 0;
    for (const FusedStage& stage : fused_problem(bound.desc()).stages) {
      flops += static_cast<double>(stage.desc.flops());
    }
    // A halo is computed as often as tiles share it, by the modules that may.
    if (entry.module == CpuModule::kPwDwR || entry.module == CpuModule::kPwDwPw) continue;
    EXPECT_LE(estimate.flops, flops * (1 + 1e-9)) << label_of(entry, step, static_cast<int>(seed));
  }
}

INSTANTIATE_TEST_SUITE_P(Modules, FusedCpu, ::testing::ValuesIn(kEntries), [](const auto& info) {
  const std::string_view name = info.param.name;
  return std::string(name.substr(6, name.find(".cpu") - 6));
});

}  // namespace
}  // namespace convoy
