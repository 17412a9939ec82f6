#include "cli/bench_conv.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "kernels/registry.h"

namespace convoy::cli {
namespace {

using Clock = std::chrono::steady_clock;

// The problem as kernels see it, with tensors to run it on.
class Problem {
 public:
  Problem(const ConvDesc& d, const ConvBenchOptions& options)
      : x_(options.dtype, {d.n, d.c, d.h, d.w}, options.layout),
        w_(random_tensor(options.dtype, {d.k, d.c / d.groups, d.r, d.s}, 2)),
        y_(options.dtype, {d.n, d.k, d.p(), d.q()}, options.layout) {
    const ConstTensor values =
        random_tensor(options.dtype, {storage_elements(x_.shape(), options.layout)}, 1);
    std::memcpy(x_.view().data, values->view().data, x_.view().bytes());
    ConvAttrs conv;
    conv.stride = {d.stride_h, d.stride_w};
    conv.dilation = {d.dilation_h, d.dilation_w};
    conv.pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right};
    conv.groups = d.groups;
    attrs_ = conv;
    inputs_[0] = x_.view();
    inputs_[0].data = nullptr;
    inputs_[1] = w_->view();
    output_ = y_.view();
    output_.data = nullptr;
    desc_ = {Op::kConv, &attrs_, inputs_, absent_, {&output_, 1}};
  }

  const OpDesc& desc() const { return desc_; }
  const TensorView& y() const { return y_.view(); }

  void run(const Kernel& kernel, std::span<std::byte> workspace, ThreadPool& pool) const {
    const TensorView inputs[2] = {x_.view(), w_->view()};
    kernel.run({inputs, {&y_.view(), 1}, workspace, pool});
  }

 private:
  Tensor x_;
  ConstTensor w_;
  Tensor y_;
  Attrs attrs_;
  TensorView inputs_[2];
  bool absent_[2] = {false, false};
  TensorView output_;
  OpDesc desc_;
};

double median_ms(const Problem& problem, const Kernel& kernel, std::span<std::byte> workspace,
                 ThreadPool& pool, const StopRule& rule) {
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::vector<double> samples;
  problem.run(kernel, workspace, pool);
  for (const auto start = Clock::now(); since(start) * 1e3 < rule.warmup_ms;) {
    problem.run(kernel, workspace, pool);
  }
  const auto start = Clock::now();
  while (since(start) < rule.seconds ||
         samples.size() < static_cast<std::size_t>(rule.iterations)) {
    const auto begin = Clock::now();
    problem.run(kernel, workspace, pool);
    samples.push_back(since(begin) * 1e3);
  }
  std::nth_element(samples.begin(),
                   samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2),
                   samples.end());
  return samples[samples.size() / 2];
}

bool is_reference(const Implementation& entry) {
  return entry.name.find("reference") != std::string_view::npos;
}

}  // namespace

Json bench_conv(const ConvDesc& desc, const ConvBenchOptions& options, bool quiet) {
  const DeviceDesc device = detect_cpu(options.threads);
  ThreadPool pool(device.threads);
  const Problem problem(desc, options);
  Json rows = Json::array();
  if (!quiet) {
    std::printf("%s, %s %s, %d threads\n%-34s %10s %10s %14s\n", to_string(desc).c_str(),
                std::string(to_string(options.dtype)).c_str(),
                std::string(to_string(options.layout)).c_str(), device.threads, "kernel", "ms",
                "GFLOP/s", "workspace");
  }
  for (const Implementation* entry : implementations(Op::kConv)) {
    const std::string name(entry->name);
    if (name.find(options.kernels) == std::string::npos) continue;
    if (const Support support = can_run(*entry, problem.desc(), device); !support) {
      if (!quiet) std::printf("%-34s declined: %s\n", name.c_str(), support.reason.c_str());
      rows.push_back({{"impl", name}, {"declined", support.reason}});
      continue;
    }
    // The reference is here for correctness; a second of it is no measurement anybody needs.
    StopRule rule = options.rule;
    if (is_reference(*entry)) rule = {0, 0, 1};
    const Buffer workspace(entry->workspace(problem.desc(), device));
    const auto kernel = entry->prepare(problem.desc(), device);
    const double ms = median_ms(problem, *kernel, {workspace.data(), workspace.size()}, pool, rule);
    const double rate = static_cast<double>(desc.flops()) / ms * 1e-6;
    if (!quiet) {
      std::printf("%-34s %10.4f %10.1f %14s\n", name.c_str(), ms, rate,
                  human_bytes(workspace.size()).c_str());
    }
    rows.push_back({{"suite", "conv"},
                    {"problem", to_string(desc)},
                    {"impl", name},
                    {"device", "cpu"},
                    {"dtype", to_string(options.dtype)},
                    {"layout", to_string(options.layout)},
                    {"batch", desc.n},
                    {"threads", device.threads},
                    {"ms", ms},
                    {"flops", desc.flops()},
                    {"workspace_bytes", workspace.size()}});
  }
  return rows;
}

}  // namespace convoy::cli
