#include <algorithm>
#include <chrono>
#include <cstdio>

#include "bench/conv_step.h"
#include "bench/cuda/suite.h"
#include "kernels/conv/cuda/window.h"

namespace convoy::bench {
namespace {

double seconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

// Needs NVRTC but no GPU.
std::vector<Row> compile_suite(const Options& options) {
  DeviceDesc device;
  device.kind = DeviceDesc::Kind::kCuda;
  device.cores = 132;
  device.cuda = {.compute_major = 9,
                 .arch = "sm_90a",
                 .shared_bytes_block = 227 << 10,
                 .shared_bytes_multiprocessor = 228 << 10,
                 .threads_multiprocessor = 2048,
                 .clock_hz = 1.98e9};
  std::vector<Row> rows;
  for (const NamedConv& layer : selected_layers(options)) {
    for (const std::string& layout : options.layouts) {
      const ConvOp op(layer.desc, parse_layout(layout), DType::kF32);
      const ConvProblem problem = conv_problem(op.desc());
      const auto tile = conv_cuda::choose_tile(problem, device);
      if (!tile) continue;
      const cuda::Program program = conv_cuda::window_program(problem, *tile);
      const double cold = seconds_of([&] { cuda::compile_uncached(program, device.cuda.arch); });
      cuda::compile({&program, 1}, device.cuda.arch);
      std::vector<double> hits;
      for (int i = 0; i < 20; ++i) {
        hits.push_back(seconds_of([&] { cuda::compile({&program, 1}, device.cuda.arch); }));
      }
      std::sort(hits.begin(), hits.end());
      for (const auto& [what, seconds] : {std::pair{"compile", cold}, {"cache_hit", hits[10]}}) {
        Row row{.suite = "compile",
                .layer = layer.name,
                .implementation = std::string("conv.im2win.cuda.f32.") + what,
                .device = "cpu",
                .layout = layout,
                .batch = layer.desc.n,
                .milliseconds = seconds * 1e3};
        print_row(row);
        rows.push_back(row);
      }
    }
  }
  return rows;
}

}  // namespace convoy::bench
