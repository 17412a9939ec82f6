// Runs a kernel of fused modules on a GPU and compares it with the oracle: guard words around every
// tensor, poisoned results, operands left as they were, the same bits again on the default stream.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cuda/stream.h"
#include "tests/support/device_guard.h"
#include "tests/support/fused_check.h"

namespace convoy::testing {

// For one thread.
class FusedGpuChecker {
 public:
  explicit FusedGpuChecker(const cuda::Device& device) : device_(device), stream_(device) {}

  // Through an entry that takes the step.
  CheckOutcome check(const Implementation& entry, const Step& step, const FusedOracle& oracle) {
    const BoundStep host(step, Edge::kEnd);
    const OpDesc op = host.desc();
    if (entry.workspace(op, device_.desc()) != 0) return {.failure = "needs a workspace"};
    return run(*entry.prepare(op, device_.desc()), step, oracle);
  }

  // Through what `prepare` makes of the step.
  using Prepare = std::function<std::unique_ptr<Kernel>(const OpDesc&)>;
  CheckOutcome check(const Prepare& prepare, const Step& step, const FusedOracle& oracle) {
    return run(*prepare(BoundStep(step, Edge::kEnd).desc()), step, oracle);
  }

 private:
  CheckOutcome run(const Kernel& kernel, const Step& step, const FusedOracle& oracle) {
    CheckOutcome outcome;
    std::vector<TensorView> inputs;
    std::vector<std::optional<GuardedDeviceBuffer>> buffers(step.inputs.size());
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      const Operand& operand = step.inputs[i];
      inputs.push_back(operand.view);
      if (operand.absent) continue;
      if (operand.constant) {  // the kernel has its own
        if (kernel.reads_constant(i)) return {.failure = "would read weights on the host"};
        continue;
      }
      buffers[i].emplace(device_, static_cast<std::uint32_t>(i), operand.values.size());
      std::copy(operand.values.begin(), operand.values.end(), buffers[i]->host());
      buffers[i]->upload();
      inputs[i].data = buffers[i]->device();
    }
    const std::vector<TensorView>& described = step.outputs;
    GuardedDeviceBuffer y(device_, 63, described[0].bytes());
    std::vector<TensorView> outputs = described;
    outputs[0].data = y.device();

    std::vector<std::byte> first;
    for (const CUstream stream : {stream_.get(), CUstream{}}) {
      y.upload();  // poisoned anew
      kernel.run({inputs, outputs, {}, pool_, stream});
      device_.synchronize();
      std::vector<std::byte> memory;
      outcome.failure = y.download(memory);
      if (!outcome.failure.empty()) outcome.failure = "y: " + outcome.failure;
      for (std::size_t i = 0; i < buffers.size() && outcome.failure.empty(); ++i) {
        if (!buffers[i]) continue;
        const std::string wrong = buffers[i]->changed();
        if (!wrong.empty()) outcome.failure = "operand " + std::to_string(i) + ": " + wrong;
      }
      if (!outcome.failure.empty()) return outcome;
      if (first.empty()) {
        outcome = compare_with_oracle(oracle, described[0], memory);
        first = std::move(memory);
      } else if (first != memory) {
        outcome.failure = "other bits when run again";
      }
      if (!outcome.failure.empty()) return outcome;
    }
    return outcome;
  }

  const cuda::Device& device_;
  cuda::Stream stream_;
  ThreadPool pool_{1, ThreadPool::Idle::kSleep};
};

}  // namespace convoy::testing
