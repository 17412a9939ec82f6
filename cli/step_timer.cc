#include "cli/step_timer.h"

#include <chrono>
#include <cstring>
#include <vector>

#include "cli/inputs.h"

namespace convoy::cli {
namespace {

class CpuStep final : public TimedStep {
 public:
  CpuStep(const OpDesc& desc, const DeviceDesc& device, ThreadPool& pool)
      : desc_(desc), device_(device), pool_(pool), inputs_(desc.inputs.begin(), desc.inputs.end()) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (!desc.present(i) || desc.constant(i)) continue;
      const TensorView& x = desc.inputs[i];
      const std::int64_t elements = storage_elements(x.shape, x.layout);
      const ConstTensor values = random_tensor(x.dtype, {elements}, static_cast<std::uint32_t>(i));
      inputs_[i].data = memory_.emplace_back(values->view().bytes()).data();
      std::memcpy(inputs_[i].data, values->view().data, values->view().bytes());
    }
    for (const TensorView& y : desc.outputs) {
      outputs_.push_back(y);
      outputs_.back().data = memory_.emplace_back(y.bytes()).data();
    }
  }

  void add(const Candidate& way) override {
    const Implementation& entry = *way.implementation;
    kernels_.push_back(way.tile.empty() ? entry.prepare(desc_, device_)
                                        : entry.prepare_tile(desc_, device_, way.tile));
    // One for all, as in an arena.
    if (workspace_.size() < way.estimate.workspace_bytes) {
      workspace_ = Buffer(way.estimate.workspace_bytes);
    }
  }

  double run(std::size_t index) override {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    kernels_[index]->run({inputs_, outputs_, {workspace_.data(), workspace_.size()}, pool_});
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

 private:
  const OpDesc& desc_;
  const DeviceDesc& device_;
  ThreadPool& pool_;
  std::vector<TensorView> inputs_, outputs_;
  std::vector<Buffer> memory_;
  Buffer workspace_;
  std::vector<std::unique_ptr<Kernel>> kernels_;
};

class CpuStepTimer final : public StepTimer {
 public:
  explicit CpuStepTimer(const DeviceDesc& device) : device_(device), pool_(device.threads) {}
  const DeviceDesc& device() const override { return device_; }
  std::unique_ptr<TimedStep> step(const OpDesc& desc) override {
    return std::make_unique<CpuStep>(desc, device_, pool_);
  }

 private:
  DeviceDesc device_;
  ThreadPool pool_;
};

}  // namespace

std::unique_ptr<StepTimer> cpu_step_timer(const DeviceDesc& device) {
  return std::make_unique<CpuStepTimer>(device);
}

}  // namespace convoy::cli
