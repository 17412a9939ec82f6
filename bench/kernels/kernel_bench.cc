#include "bench/kernels/kernel_bench.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/simd/gemm.h"
#ifdef CONVOY_HAVE_DNNL
#include <omp.h>

#include <dnnl.hpp>
#endif

namespace convoy::bench {
namespace {

double seconds_of(auto&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void report(benchmark::State& state, double flops, int threads, auto&& work) {
  work();
  double best = 1e30;
  for (auto _ : state) {
    const double seconds = seconds_of(work);
    best = std::min(best, seconds);
    state.SetIterationTime(seconds);
  }
  state.counters["best_us"] = best * 1e6;
  state.counters["GFLOPS"] = flops / best / 1e9;
  state.counters["peak"] = flops / best / (peak_flops() * threads);
}

Tensor random_tensor(const Shape& shape, Layout layout, unsigned seed) {
  Tensor tensor(DType::kF32, shape, layout);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::generate_n(tensor.as<float>(), shape.elements(), [&] { return uniform(random); });
  return tensor;
}

void run_convoy(benchmark::State& state, const Implementation& entry, const ConvDesc& d) {
  const int threads = static_cast<int>(state.range(0));
  const Tensor x = random_tensor(conv_x_shape(d), Layout::kNhwc, 1);
  const Tensor w = random_tensor(conv_w_shape(d), Layout::kNchw, 2);
  const Tensor bias = random_tensor({d.k}, Layout::kNchw, 3);
  const Tensor y(DType::kF32, conv_y_shape(d), Layout::kNhwc);
  ConvAttrs conv{.stride = {d.stride_h, d.stride_w},
                 .dilation = {d.dilation_h, d.dilation_w},
                 .pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right},
                 .groups = d.groups};
  conv.epilogue.activation = {UnaryKind::kClip, 0, 6};
  const Attrs attrs = conv;
  const std::array<TensorView, 3> run_inputs{x, w, bias};
  std::array<TensorView, 3> inputs = run_inputs;
  inputs[kConvX].data = nullptr;
  const std::array<bool, 3> absent{};
  const std::array<TensorView, 1> outputs{y};
  const OpDesc desc{Op::kConv, &attrs, inputs, absent, outputs};
  const DeviceDesc device = detect_cpu(threads);
  if (const Support support = can_run(entry, desc, device); !support) {
    return state.SkipWithError(support.reason.c_str());
  }
  const Buffer workspace(entry.workspace(desc, device));
  const auto kernel = entry.prepare(desc, device);
  ThreadPool pool(threads);
  const RunArgs args{run_inputs, outputs, {workspace.data(), workspace.size()}, pool};
  report(state, static_cast<double>(d.flops()), threads, [&] { kernel->run(args); });
}

#ifdef CONVOY_HAVE_DNNL
// oneDNN's most favourable case: it chooses all layouts.
void run_onednn(benchmark::State& state, const ConvDesc& d) {
  using dims = dnnl::memory::dims;
  const int threads = static_cast<int>(state.range(0));
  omp_set_num_threads(threads);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto any = [](const dims& extents) {
    return dnnl::memory::desc(extents, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any);
  };
  const dims weights = d.groups > 1 ? dims{d.groups, d.k / d.groups, d.c / d.groups, d.r, d.s}
                                    : dims{d.k, d.c, d.r, d.s};
  const dnnl::convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_auto,
      any({d.n, d.c, d.h, d.w}), any(weights), any({d.k}), any({d.n, d.k, d.p(), d.q()}),
      {d.stride_h, d.stride_w}, {d.dilation_h - 1, d.dilation_w - 1}, {d.pad_top, d.pad_left},
      {d.pad_bottom, d.pad_right});
  dnnl::post_ops post;
  post.append_eltwise(1.0f, dnnl::algorithm::eltwise_clip, 0.0f, 6.0f);
  dnnl::primitive_attr attr;
  attr.set_post_ops(post);
  const dnnl::convolution_forward::primitive_desc primitive_desc(desc, attr, engine);
  const dnnl::convolution_forward primitive(primitive_desc);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  const auto filled = [&](const dnnl::memory::desc& md) {
    dnnl::memory memory(md, engine);
    std::generate_n(static_cast<float*>(memory.get_data_handle()), md.get_size() / sizeof(float),
                    [&] { return uniform(random); });
    return memory;
  };
  const std::unordered_map<int, dnnl::memory> args{
      {DNNL_ARG_SRC, filled(primitive_desc.src_desc())},
      {DNNL_ARG_WEIGHTS, filled(primitive_desc.weights_desc())},
      {DNNL_ARG_BIAS, filled(primitive_desc.bias_desc())},
      {DNNL_ARG_DST, filled(primitive_desc.dst_desc())}};
  report(state, static_cast<double>(d.flops()), threads, [&] {
    primitive.execute(stream, args);
    stream.wait();
  });
}
#endif

}  // namespace

double peak_flops() {
  // The micro-kernel itself on operands of a few KiB, deep enough to hide its epilogue.
  static const double peak = [] {
    const GemmKernels& gemm = gemm_kernels();
    constexpr std::int64_t kDepth = 256, kRows = 24;
    const std::int64_t columns = gemm.lanes;
    const std::int64_t wide = 3 * columns;
    const Buffer packed(static_cast<std::size_t>(gemm.packed_elements(kDepth, wide)) * 4);
    const Buffer a(kDepth * kRows * 4), y(static_cast<std::size_t>(wide * kRows) * 4);
    std::memset(packed.data(), 0, packed.size());
    std::memset(a.data(), 0, a.size());
    const GemmBlock block{.a = reinterpret_cast<const float*>(a.data()),
                          .lda = kDepth,
                          .rows = kRows,
                          .depth = kDepth,
                          .b = reinterpret_cast<const float*>(packed.data()),
                          .columns = wide,
                          .panel_end = gemm.panels(wide),
                          .y = reinterpret_cast<float*>(y.data()),
                          .ldy = wide};
    double best = 1e30;
    for (int i = 0; i < 2000; ++i) {
      best = std::min(best, seconds_of([&] {
                        for (int j = 0; j < 20; ++j) gemm.packed(block);
                      }));
    }
    return 20.0 * 2 * kRows * static_cast<double>(kDepth * wide) / best;
  }();
  return peak;
}

void register_conv(std::string_view layer, std::string_view only) {
  const ConvDesc desc = parse_conv_desc(layer);
  const auto add = [&](const std::string& name, auto run) {
    benchmark::RegisterBenchmark((name + "/" + std::string(layer)).c_str(), run)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond)
        ->Arg(1)
        ->Arg(2);
  };
  for (const Implementation* entry : implementations(Op::kConv)) {
    if (!entry->name.starts_with(only) || entry->device != DeviceDesc::Kind::kCpu) continue;
    add(std::string(entry->name), [=](benchmark::State& s) { run_convoy(s, *entry, desc); });
  }
#ifdef CONVOY_HAVE_DNNL
  add("onednn", [=](benchmark::State& s) { run_onednn(s, desc); });
#endif
}

}  // namespace convoy::bench
