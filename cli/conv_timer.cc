#include "cli/conv_timer.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "cli/inputs.h"

namespace convoy::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class CpuConvTimer : public ConvTimer {
 public:
  CpuConvTimer(const ConvDesc& desc, DType dtype, Layout layout, int threads)
      : ConvTimer(desc, dtype, layout),
        device_(detect_cpu(threads)),
        pool_(device_.threads),
        x_(dtype, x().shape, layout),
        y_(dtype, y().shape, layout) {
    const ConstTensor values = random_tensor(dtype, {storage_elements(x().shape, layout)}, 1);
    std::memcpy(x_.view().data, values->view().data, x_.view().bytes());
  }

  const DeviceDesc& device() const override { return device_; }

  Statistics measure(const Implementation& entry, const StopRule& rule) override {
    const Buffer workspace(entry.workspace(op(), device_));
    const auto kernel = entry.prepare(op(), device_);
    const auto run = [&] {
      const TensorView inputs[2] = {x_.view(), weights()};
      kernel->run({inputs, {&y_.view(), 1}, {workspace.data(), workspace.size()}, pool_});
    };
    run();
    for (const auto start = Clock::now(); seconds_since(start) * 1e3 < rule.warmup_ms;) run();
    Statistics result;
    for (const auto start = Clock::now();
         seconds_since(start) < rule.seconds ||
         result.samples.size() < static_cast<std::size_t>(rule.iterations);) {
      const auto begin = Clock::now();
      run();
      result.samples.push_back(seconds_since(begin) * 1e3);
    }
    std::sort(result.samples.begin(), result.samples.end());
    return result;
  }

 private:
  DeviceDesc device_;
  ThreadPool pool_;
  Tensor x_, y_;
};

}  // namespace

ConvTimer::ConvTimer(const ConvDesc& d, DType dtype, Layout layout)
    : weights_(random_tensor(dtype, {d.k, d.c / d.groups, d.r, d.s}, 2)),
      y_{nullptr, dtype, layout, {d.n, d.k, d.p(), d.q()}} {
  ConvAttrs conv;
  conv.stride = {d.stride_h, d.stride_w};
  conv.dilation = {d.dilation_h, d.dilation_w};
  conv.pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right};
  conv.groups = d.groups;
  attrs_ = conv;
  inputs_[0] = {nullptr, dtype, layout, {d.n, d.c, d.h, d.w}};
  inputs_[1] = weights_->view();
}

std::unique_ptr<ConvTimer> cpu_conv_timer(const ConvDesc& desc, DType dtype, Layout layout,
                                          int threads) {
  return std::make_unique<CpuConvTimer>(desc, dtype, layout, threads);
}

}  // namespace convoy::cli
