#include <vector>

#include "cli/device_random.h"
#include "cli/step_timer.h"
#include "cuda/memory.h"
#include "cuda/stream.h"

namespace convoy::cli {
namespace {

class CudaStep final : public TimedStep {
 public:
  CudaStep(const OpDesc& desc, const cuda::Device& gpu, const cuda::Stream& stream,
           ThreadPool& pool)
      : desc_(desc),
        gpu_(gpu),
        stream_(stream),
        pool_(pool),
        start_(gpu),
        end_(gpu),
        inputs_(desc.inputs.begin(), desc.inputs.end()) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (!desc.present(i) || desc.constant(i)) continue;
      cuda::DeviceBuffer& buffer = memory_.emplace_back(gpu, inputs_[i].bytes());
      fill_random(gpu, buffer, inputs_[i].dtype);
      inputs_[i].data = buffer.data();
    }
    for (const TensorView& y : desc.outputs) {
      outputs_.push_back(y);
      outputs_.back().data = memory_.emplace_back(gpu, y.bytes()).data();
    }
  }

  void add(const Candidate& way) override {
    const Implementation& entry = *way.implementation;
    const DeviceDesc& device = gpu_.desc();
    kernels_.push_back(way.tile.empty() ? entry.prepare(desc_, device)
                                        : entry.prepare_tile(desc_, device, way.tile));
    if (workspace_.bytes() < way.estimate.workspace_bytes) {
      workspace_ = cuda::DeviceBuffer(gpu_, way.estimate.workspace_bytes);
    }
  }

  double run(std::size_t index) override {
    constexpr int kRuns = 16;  // enqueued at once, so that the GPU never waits for the host
    start_.record(stream_.get());
    for (int i = 0; i < kRuns; ++i) {
      kernels_[index]->run({inputs_,
                            outputs_,
                            {static_cast<std::byte*>(workspace_.data()), workspace_.bytes()},
                            pool_,
                            stream_.get()});
    }
    end_.record(stream_.get());
    stream_.synchronize();
    return static_cast<double>(end_.milliseconds_since(start_)) * 1e-3 / kRuns;
  }

 private:
  const OpDesc& desc_;
  const cuda::Device& gpu_;
  const cuda::Stream& stream_;
  ThreadPool& pool_;
  cuda::Event start_, end_;
  std::vector<TensorView> inputs_, outputs_;
  std::vector<cuda::DeviceBuffer> memory_;
  cuda::DeviceBuffer workspace_;
  std::vector<std::unique_ptr<Kernel>> kernels_;
};

class CudaStepTimer final : public StepTimer {
 public:
  explicit CudaStepTimer(int ordinal) : gpu_(cuda::Device::get(ordinal)), stream_(gpu_) {}
  const DeviceDesc& device() const override { return gpu_.desc(); }
  std::unique_ptr<TimedStep> step(const OpDesc& desc) override {
    return std::make_unique<CudaStep>(desc, gpu_, stream_, pool_);
  }

 private:
  const cuda::Device& gpu_;
  cuda::Stream stream_;
  ThreadPool pool_{1};
};

}  // namespace

std::unique_ptr<StepTimer> cuda_step_timer(int ordinal) {
  return std::make_unique<CudaStepTimer>(ordinal);
}

}  // namespace convoy::cli
