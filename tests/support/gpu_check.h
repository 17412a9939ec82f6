// Runs one CUDA implementation of Op::kConv on one case and compares it with an oracle: guard words
// around every tensor and the workspace, poisoned outputs and workspace, operands left as they
// were, the same bits again on the default stream.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/stream.h"
#include "tests/support/conv_check.h"
#include "tests/support/device_guard.h"
#include "tests/support/gpu_cases.h"

namespace convoy::testing {

// For one thread.
class GpuChecker {
 public:
  explicit GpuChecker(const cuda::Device& device) : device_(device), stream_(device) {}

  CheckOutcome check(const Implementation& entry, const ConvCase& c, Layouts layouts,
                     const ConvOracle& oracle) {
    CheckOutcome outcome;
    const ConvDesc& d = c.desc;
    const bool has_residual = c.epilogue.residual != Epilogue::Residual::kNone;
    const std::vector<float> w(oracle.w.begin(), oracle.w.end());
    const std::vector<float> bias(oracle.bias.begin(), oracle.bias.end());
    const auto view = [&](const void* data, const Shape& shape, Layout layout) {
      return TensorView{const_cast<void*>(data), DType::kF32, layout, shape};
    };
    const Shape x_shape = ranked(conv_x_shape(d), c.rank),
                y_shape = ranked(conv_y_shape(d), c.rank);
    std::array<TensorView, 4> inputs = {
        view(nullptr, x_shape, layouts.x),
        view(w.data(), ranked(conv_w_shape(d), c.rank), Layout::kNchw),
        view(bias.data(), Shape{d.k}, Layout::kNchw), view(nullptr, y_shape, layouts.y)};
    const std::array<bool, 4> absent = {false, false, !c.bias, !has_residual};
    std::array<TensorView, 1> outputs = {view(nullptr, y_shape, layouts.y)};
    const Attrs attrs = conv_attrs(c);
    const OpDesc op{Op::kConv, &attrs, inputs, absent, outputs};
    if (const Support support = can_run(entry, op, device_.desc()); !support) {
      outcome.declined = support.reason;
      return outcome;
    }
    const std::size_t scratch = entry.workspace(op, device_.desc());
    const std::unique_ptr<Kernel> kernel = entry.prepare(op, device_.desc());
    if (kernel->reads_constant(kConvW) || kernel->reads_constant(kConvBias)) {
      outcome.failure = "would read weights that are not on the device";
      return outcome;
    }

    GuardedDeviceBuffer x = place(0, oracle.x, conv_x_shape(d), layouts.x);
    GuardedDeviceBuffer residual = place(1, has_residual ? oracle.residual : std::vector<double>{},
                                         conv_y_shape(d), layouts.y);
    GuardedDeviceBuffer y(device_, 2, oracle.size() * sizeof(float));
    GuardedDeviceBuffer workspace(device_, 3, scratch);
    inputs[kConvX].data = x.device();
    inputs[kConvW].data = inputs[kConvBias].data = nullptr;  // the kernel has its own
    if (has_residual) inputs[kConvResidual].data = residual.device();
    outputs[0].data = y.device();
    const std::span<std::byte> bytes =
        scratch == 0 ? std::span<std::byte>{} : std::span(workspace.device(), scratch);

    std::vector<std::byte> first;
    for (const CUstream stream : {stream_.get(), CUstream{}}) {
      y.upload();  // poisoned anew
      workspace.upload();
      kernel->run({inputs, outputs, bytes, pool_, stream});
      device_.synchronize();
      std::vector<std::byte> memory, unused;
      add_failure(outcome, "y", y.download(memory));
      add_failure(outcome, "workspace", workspace.download(unused));
      add_failure(outcome, "x", x.changed());
      add_failure(outcome, "residual", residual.changed());
      if (!outcome.failure.empty()) return outcome;
      if (first.empty()) {
        first = std::move(memory);
        std::vector<float> found(oracle.size());
        const std::vector<std::int64_t> at = memory_offsets(conv_y_shape(d), layouts.y);
        for (std::size_t i = 0; i < found.size(); ++i) {
          std::memcpy(&found[i], &first[static_cast<std::size_t>(at[i]) * sizeof(float)],
                      sizeof(float));
        }
        compare_with_oracle<float>(c, oracle, found, outcome);
      } else if (first != memory) {
        outcome.failure = "other bits when run again";
      }
      if (!outcome.failure.empty()) return outcome;
    }
    return outcome;
  }

 private:
  static void add_failure(CheckOutcome& outcome, const char* what, const std::string& wrong) {
    if (wrong.empty()) return;
    outcome.failure += (outcome.failure.empty() ? "" : "; ") + std::string(what) + ": " + wrong;
  }

  // Values in logical order, uploaded in the layout's; none where `values` is empty.
  GuardedDeviceBuffer place(std::uint32_t id, const std::vector<double>& values, const Shape& shape,
                            Layout layout) {
    GuardedDeviceBuffer buffer(device_, id, values.size() * sizeof(float));
    if (!values.empty()) {
      const std::vector<std::int64_t> at = memory_offsets(shape, layout);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const auto value = static_cast<float>(values[i]);
        std::memcpy(buffer.host() + static_cast<std::size_t>(at[i]) * sizeof(float), &value,
                    sizeof(float));
      }
    }
    buffer.upload();
    return buffer;
  }

  const cuda::Device& device_;
  cuda::Stream stream_;
  ThreadPool pool_{1, ThreadPool::Idle::kSleep};
};

}  // namespace convoy::testing
