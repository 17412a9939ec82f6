#include <algorithm>
#include <chrono>

#include "cli/conv_timer.h"
#include "cli/device_random.h"
#include "cuda/memory.h"
#include "cuda/stream.h"

namespace convoy::cli {
namespace {

using Clock = std::chrono::steady_clock;

class CudaConvTimer : public ConvTimer {
 public:
  CudaConvTimer(const ConvDesc& desc, DType dtype, Layout layout, int ordinal)
      : ConvTimer(desc, dtype, layout),
        gpu_(cuda::Device::get(ordinal)),
        stream_(gpu_),
        x_(gpu_, x().bytes()),
        y_(gpu_, y().bytes()) {
    fill_random(gpu_, x_, dtype);
    for (int i = 0; i <= kBatch; ++i) events_.emplace_back(gpu_);
  }

  const DeviceDesc& device() const override { return gpu_.desc(); }

  Statistics measure(const Implementation& entry, const StopRule& rule) override {
    const std::size_t bytes = entry.workspace(op(), device());
    const cuda::DeviceBuffer workspace(gpu_, bytes);
    const auto kernel = entry.prepare(op(), device());
    const Bound bound{*kernel, {static_cast<std::byte*>(workspace.data()), bytes}};
    Statistics result;
    run_batch(bound, 1, result);
    const auto since = [](Clock::time_point start) {
      return std::chrono::duration<double>(Clock::now() - start).count();
    };
    for (const auto start = Clock::now(); since(start) * 1e3 < rule.warmup_ms;) {
      run_batch(bound, kBatch, result);
    }
    result.samples.clear();
    const auto wanted = static_cast<std::size_t>(rule.iterations);
    for (const auto start = Clock::now();
         since(start) < rule.seconds || result.samples.size() < wanted;) {
      const std::size_t left = wanted - std::min(wanted, result.samples.size());
      const bool few = since(start) >= rule.seconds && left < kBatch;
      run_batch(bound, few ? static_cast<int>(left) : kBatch, result);
    }
    std::sort(result.samples.begin(), result.samples.end());
    return result;
  }

 private:
  static constexpr int kBatch = 16;  // enqueued at once, so that the GPU never waits for the host

  struct Bound {
    const Kernel& kernel;
    std::span<std::byte> workspace;
  };

  // Enqueues `runs` with an event between each two, waits, and appends their milliseconds.
  void run_batch(const Bound& bound, int runs, Statistics& into) {
    TensorView inputs[2] = {x(), weights()};
    inputs[0].data = x_.data();
    TensorView output = y();
    output.data = y_.data();
    events_[0].record(stream_.get());
    for (int i = 0; i < runs; ++i) {
      bound.kernel.run({inputs, {&output, 1}, bound.workspace, pool_, stream_.get()});
      events_[static_cast<std::size_t>(i) + 1].record(stream_.get());
    }
    stream_.synchronize();
    for (std::size_t i = 0; i < static_cast<std::size_t>(runs); ++i) {
      into.samples.push_back(static_cast<double>(events_[i + 1].milliseconds_since(events_[i])));
    }
  }

  const cuda::Device& gpu_;
  cuda::Stream stream_;
  cuda::DeviceBuffer x_, y_;
  std::vector<cuda::Event> events_;
  ThreadPool pool_{1};
};

}  // namespace

std::unique_ptr<ConvTimer> cuda_conv_timer(const ConvDesc& desc, DType dtype, Layout layout,
                                           int ordinal) {
  return std::make_unique<CudaConvTimer>(desc, dtype, layout, ordinal);
}

}  // namespace convoy::cli
