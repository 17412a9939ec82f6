// Every CUDA convolution compiled for every architecture, on machines without a GPU too. What a
// kernel takes is read from what the compiler says: a spill, or an array indexed at run time, is
// memory traffic that nobody wrote, and fails.
// CONVOY_VERBOSE=1 prints a line per kernel.
#include "cuda/compile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <string_view>
#include <thread>

#include "base/thread_pool.h"
#include "kernels/conv/cuda/entries.h"
#include "kernels/conv/cuda/program.h"
#include "kernels/conv/cuda/tuned_tiles.h"
#include "kernels/conv/cuda/window.h"
#include "tests/support/described_step.h"
#include "tests/support/gpu_profiles.h"

namespace convoy {
namespace {

using testing::ConvCase;
using testing::DescribedStep;
using testing::Layouts;

constexpr Layouts kNchw{Layout::kNchw, Layout::kNchw}, kNhwc{Layout::kNhwc, Layout::kNhwc};

struct Layer {
  ConvCase conv;
  Layouts layouts;
};

// What differs in the code that is generated: few and many channels, filters, strides, dilation,
// groups, layouts, epilogues.
std::vector<Layer> layers() {
  using enum Epilogue::Residual;
  const auto make = [](const char* text, Layouts layouts, UnaryKind activation,
                       Epilogue::Residual residual) {
    return Layer{
        {.desc = parse_conv_desc(text), .epilogue = {testing::usual(activation), residual}},
        layouts};
  };
  return {
      make("n8 c3 h224 w224 k64 r7 s7 stride2 pad3", kNchw, UnaryKind::kRelu, kNone),
      make("n8 c3 h227 w227 k96 r11 s11 stride4", kNhwc, UnaryKind::kIdentity, kNone),
      make("n32 c64 h56 w56 k64 r3 s3 pad1", kNchw, UnaryKind::kSilu, kBeforeActivation),
      make("n32 c64 h56 w56 k64 r3 s3 pad1", kNhwc, UnaryKind::kRelu, kAfterActivation),
      make("n1 c512 h7 w7 k512 r3 s3 pad1", kNchw, UnaryKind::kIdentity, kNone),
      make("n4 c96 h24 w24 k256 r5 s5 pad2", kNhwc, UnaryKind::kGelu, kNone),
      make("n2 c17 h31 w29 k33 r3 s3 pad2 dilation2", kNchw, UnaryKind::kHardSwish, kNone),
      make("n4 c32 h28 w28 k64 r3 s3 stride2 pad1 groups8", kNhwc, UnaryKind::kClip, kNone),
      make("n4 c96 h28 w28 k96 r5 s5 pad2 groups96", kNchw, UnaryKind::kSilu, kNone),
      make("n4 c256 h14 w14 k1024 r1 s1", kNhwc, UnaryKind::kIdentity, kBeforeActivation),
      make("n4 c256 h14 w14 k1024 r1 s1", kNchw, UnaryKind::kRelu, kNone),
  };
}

std::string describe(const Layer& layer) {
  return to_string(layer.conv.desc) + " " + std::string(to_string(layer.layouts.x)) + " " +
         std::string(to_string(layer.conv.epilogue.activation.kind));
}

// One kernel to compile.
struct Case {
  std::string what;  // the entry and the layer
  int threads = 0;   // of a block
  std::int64_t dynamic_shared_bytes = 0;
  cuda::Binary binary;
  std::exception_ptr error;
};

class ConvKernels : public ::testing::TestWithParam<std::string> {
 protected:
  using Compile = std::function<void(Case&)>;

  void SetUp() override {
    if (const std::string reason = cuda::compiler_missing(); !reason.empty())
      GTEST_SKIP() << reason;
    device_ = testing::gpu_profile(GetParam());
  }

  void add(std::string what, Compile compile) {
    cases_.push_back({.what = std::move(what)});
    compile_.push_back(std::move(compile));
  }

  void add(const Implementation& entry, std::vector<cuda::Program> programs, const Layer& layer) {
    for (cuda::Program& program : programs) {
      add(std::string(entry.name) + " " + describe(layer),
          [this, program = std::move(program)](Case& one) {
            one.threads = conv_cuda::kThreads;
            one.binary = cuda::compile_uncached(program, GetParam());
          });
    }
  }

  // As prepare() compiles it.
  void add_window(const ConvProblem& problem, const conv_cuda::Tile& chosen, std::string what) {
    add(std::move(what), [=, this](Case& one) {
      conv_cuda::Tile tile = chosen;
      one.binary = conv_cuda::compile_window(problem, tile, device_);
      const conv_cuda::TileSizes sizes = sizes_of(conv_cuda::window_problem(problem), tile);
      one.threads = sizes.threads;
      one.dynamic_shared_bytes = sizes.shared_bytes;
    });
  }

  void compile_and_judge() {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i; (i = next.fetch_add(1)) < cases_.size();) {
        try {
          compile_[i](cases_[i]);
        } catch (...) {
          cases_[i].error = std::current_exception();
        }
      }
    };
    {
      std::vector<std::jthread> others;
      for (int t = 1; t < available_threads(); ++t) others.emplace_back(work);
      work();
    }
    for (const Case& one : cases_) judge(one);
  }

  DeviceDesc device_;

 private:
  void judge(const Case& one) {
    SCOPED_TRACE(GetParam() + " " + one.what);
    ASSERT_NO_THROW(if (one.error) std::rethrow_exception(one.error));
    const cuda::Resources& r = one.binary.resources;
    if (verbose_) {
      std::printf("%-8s %-18s %3d threads %3d registers %4lld spilt %4lld stack %6lld shared  %s\n",
                  GetParam().c_str(), one.binary.kernel.c_str(), one.threads, r.registers,
                  static_cast<long long>(r.spill_bytes), static_cast<long long>(r.stack_bytes),
                  static_cast<long long>(r.shared_bytes + one.dynamic_shared_bytes),
                  one.what.c_str());
    }
    EXPECT_FALSE(one.binary.cubin.empty());
    EXPECT_EQ(r.spill_bytes, 0) << one.binary.kernel;
    EXPECT_EQ(r.stack_bytes, 0) << one.binary.kernel;
    EXPECT_GT(r.registers, 0);
    EXPECT_LE(r.registers * one.threads, device_.cuda.registers_multiprocessor);
    EXPECT_LE(r.shared_bytes + one.dynamic_shared_bytes, device_.cuda.shared_bytes_block);
    // Static shared memory has no opt-in.
    EXPECT_LE(r.shared_bytes, 48 << 10);
  }

  std::vector<Case> cases_;
  std::vector<Compile> compile_;
  const bool verbose_ = std::getenv("CONVOY_VERBOSE") != nullptr;
};

TEST_P(ConvKernels, CompileWithoutSpills) {
  for (const Layer& layer : layers()) {
    const DescribedStep step(layer.conv, layer.layouts);
    const OpDesc op = step.op();
    add(kConvWindowBufferCuda, explicit_programs(op, device_), layer);
    add(kConvIm2colCuda, im2col_programs(op, device_), layer);
    add(kConvDirectCuda, direct_programs(op, device_), layer);
    ASSERT_EQ(kConvWindowCuda.supports(op, device_).reason, "") << describe(layer);
    const ConvProblem problem = conv_problem(op);
    add_window(problem, *conv_cuda::choose_tile(problem, device_),
               std::string(kConvWindowCuda.name) + " " + describe(layer));
  }
  compile_and_judge();
}

// What the ablation measures: each technique switched off, and all of them.
TEST_P(ConvKernels, ReducedCompileWithoutSpills) {
  std::vector<std::pair<const char*, WindowTechniques>> variants = {{"all of them", {}}};
  WindowTechniques& without_all = variants[0].second;
  for (const auto& [name, technique] :
       {std::pair("shared_memory", &WindowTechniques::shared_memory),
        std::pair("tiling", &WindowTechniques::tiling),
        std::pair("micro_kernel", &WindowTechniques::micro_kernel),
        std::pair("vector_loads", &WindowTechniques::vector_loads),
        std::pair("double_buffer", &WindowTechniques::double_buffer),
        std::pair("prefetch", &WindowTechniques::prefetch)}) {
    without_all.*technique = false;
    variants.emplace_back(name, WindowTechniques{}).second.*technique = false;
  }
  for (const Layer& layer : layers()) {
    const DescribedStep step(layer.conv, layer.layouts);
    const ConvProblem problem = conv_problem(step.op());
    const conv_cuda::Problem cut = conv_cuda::window_problem(problem);
    const conv_cuda::Tile tile = *conv_cuda::choose_tile(problem, device_);
    for (const auto& [name, techniques] : variants) {
      const conv_cuda::Tile less = conv_cuda::reduced(tile, techniques, cut, device_);
      if (launchable(cut, less, sizes_of(cut, less), device_)) {
        add_window(problem, less, std::string("without ") + name + " " + describe(layer));
      } else {
        // What is left of it stages more than this GPU has room for.
        EXPECT_LT(device_.cuda.shared_bytes_block, 128 << 10) << name << " " << describe(layer);
      }
    }
  }
  compile_and_judge();
}

// The tiles that figures are published of, on the architecture that they were measured on.
TEST_P(ConvKernels, TunedTilesKeepToTheirRegisters) {
  if (GetParam() != "sm_90a") GTEST_SKIP() << "no tiles are tuned for this architecture";
  std::ifstream file(CONVOY_SOURCE_DIR "/bench/shapes/im2win12.txt");
  int tuned_tiles = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    for (const std::int64_t batch : {128, 16, 1}) {
      for (const Layouts layouts : {kNchw, kNhwc}) {
        Layer layer{{.desc = parse_conv_desc(line.substr(line.find(' ') + 1))}, layouts};
        layer.conv.desc.n = batch;
        const DescribedStep step(layer.conv, layouts);
        const ConvProblem problem = conv_problem(step.op());
        const std::optional<conv_cuda::Tile> tile = conv_cuda::tuned_tile(problem, device_);
        if (!tile) continue;
        ++tuned_tiles;
        add_window(problem, *tile, "tuned " + describe(layer));
      }
    }
  }
  EXPECT_EQ(tuned_tiles, 72);
  compile_and_judge();
}

std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const DeviceDesc& profile : testing::gpu_profiles()) names.push_back(profile.cuda.arch);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Architectures, ConvKernels, ::testing::ValuesIn(architectures()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace convoy
