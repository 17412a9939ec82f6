// Runs one implementation on one step of any operator: guard pages around every tensor, poisoned
// results and workspace, operands left as they were, the same bits on 1, 2 and 3 threads.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/registry.h"
#include "tests/support/guard.h"

namespace convoy::testing {

// Element values in memory order; `data` of the view is unused.
struct Operand {
  TensorView view;
  std::vector<std::byte> values;
  bool constant = false;
  bool absent = false;
};

template <class T>
Operand operand(const Shape& shape, const std::vector<T>& values, Layout layout = Layout::kNchw) {
  Operand result{{nullptr, DTypeOf<T>::value, layout, shape}, {}};
  result.values.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(result.values.data(), values.data(), result.values.size());
  return result;
}

template <class T>
Operand constant(const Shape& shape, const std::vector<T>& values) {
  Operand result = operand(shape, values);
  result.constant = true;
  return result;
}

inline Operand constant_ints(const std::vector<std::int64_t>& values) {
  return constant(Shape{static_cast<std::int64_t>(values.size())}, values);
}

inline Operand absent() {
  Operand result{{nullptr, DType::kF32, Layout::kNchw, Shape{}}, {}};
  result.absent = true;
  return result;
}

// Arbitrary bytes, except that floating-point types hold values in [-1, 1) with 8 bits.
inline Operand random_operand(DType dtype, const Shape& shape, Layout layout, unsigned seed) {
  Operand result{{nullptr, dtype, layout, shape}, {}};
  result.values.resize(result.view.bytes());
  std::mt19937 random(seed);
  const auto real = [&] { return static_cast<float>(random() % 256) / 128 - 1; };
  const auto count = static_cast<std::size_t>(storage_elements(shape, layout));
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* at = result.values.data() + i * size_of(dtype);
    if (dtype == DType::kF32) {
      const float value = real();
      std::memcpy(at, &value, sizeof value);
    } else if (dtype == DType::kF64) {
      const double value = real();
      std::memcpy(at, &value, sizeof value);
    } else {
      for (std::size_t b = 0; b < size_of(dtype); ++b) at[b] = static_cast<std::byte>(random());
    }
  }
  return result;
}

struct Step {
  Op op;
  Attrs attrs;
  std::vector<Operand> inputs;
  std::vector<TensorView> outputs;
};

// What an OpDesc points to, with operands and results in guarded memory.
class BoundStep {
 public:
  BoundStep(const Step& step, Edge edge) : step_(step) {
    buffers_.resize(step.inputs.size() + step.outputs.size());
    for (auto& buffer : buffers_) buffer = std::make_unique<GuardedBuffer>();
    absent_ = std::make_unique<bool[]>(step.inputs.size());
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      const Operand& operand = step.inputs[i];
      run_inputs_.push_back(operand.view);
      absent_[i] = operand.absent;
      if (!operand.absent) {
        run_inputs_[i].data = buffers_[i]->place(operand.values.size(), edge);
        std::copy(operand.values.begin(), operand.values.end(), buffers_[i]->data());
      }
      inputs_.push_back(run_inputs_[i]);
      if (!operand.constant) inputs_[i].data = nullptr;
    }
    for (const TensorView& view : step.outputs) {
      GuardedBuffer& buffer = *buffers_[inputs_.size() + outputs_.size()];
      outputs_.push_back(view);
      run_outputs_.push_back(view);
      run_outputs_.back().data = buffer.place(view.bytes(), edge);
      std::fill_n(buffer.data(), buffer.size(), std::byte{0xA5});
    }
  }

  OpDesc desc() const {
    return {step_.op, &step_.attrs, inputs_, {absent_.get(), inputs_.size()}, outputs_};
  }

  std::vector<std::vector<std::byte>> run(const Implementation& entry, int threads) {
    DeviceDesc device;
    device.threads = threads;
    GuardedBuffer workspace;
    const std::size_t bytes = (entry.workspace(desc(), device) + 63) / 64 * 64;
    workspace.place(bytes, Edge::kEnd);
    std::fill_n(workspace.data(), bytes, std::byte{0xFF});
    static ThreadPool pools[] = {ThreadPool(1), ThreadPool(2), ThreadPool(3)};
    ThreadPool& pool = pools[threads - 1];
    entry.prepare(desc(), device)
        ->run({run_inputs_, run_outputs_, {workspace.data(), bytes}, pool});
    std::vector<std::vector<std::byte>> results;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const GuardedBuffer& buffer = *buffers_[inputs_.size() + i];
      results.emplace_back(buffer.data(), buffer.data() + buffer.size());
    }
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const auto& values = step_.inputs[i].values;
      EXPECT_TRUE(values.empty() ||
                  std::memcmp(values.data(), buffers_[i]->data(), values.size()) == 0)
          << entry.name << " wrote to operand " << i;
    }
    return results;
  }

 private:
  const Step& step_;
  std::vector<TensorView> inputs_, outputs_, run_inputs_, run_outputs_;
  std::unique_ptr<bool[]> absent_;
  std::vector<std::unique_ptr<GuardedBuffer>> buffers_;
};

inline Support supports(const Implementation& entry, const Step& step) {
  return can_run(entry, BoundStep(step, Edge::kEnd).desc(), DeviceDesc{});
}

// The results' bytes in memory order, after checking that they do not depend on threads or place.
inline std::vector<std::vector<std::byte>> run_step(const Implementation& entry, const Step& step) {
  const auto first = BoundStep(step, Edge::kEnd).run(entry, 1);
  EXPECT_EQ(first, BoundStep(step, Edge::kStart).run(entry, 2)) << entry.name;
  EXPECT_EQ(first, BoundStep(step, Edge::kEnd).run(entry, 3)) << entry.name;
  return first;
}

template <class T>
std::vector<T> as_values(const std::vector<std::byte>& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// Calls use(logical position, offset in memory) for every element; any layout with strides.
template <class Use>
void for_each_offset(const TensorView& view, Use&& use) {
  const Strides strides = strides_of(view.shape, view.layout);
  const std::int64_t count = view.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i, offset = 0;
    for (int a = view.shape.rank() - 1; a >= 0; --a) {
      offset += rest % view.shape[a] * strides[static_cast<std::size_t>(a)];
      rest /= view.shape[a];
    }
    use(static_cast<std::size_t>(i), static_cast<std::size_t>(offset));
  }
}

// Values given in logical order, laid out in any layout with strides.
template <class T>
Operand laid_out(const Shape& shape, Layout layout, const std::vector<T>& logical) {
  Operand result = operand(shape, logical, layout);
  std::vector<T> memory(logical.size());
  for_each_offset(result.view, [&](std::size_t i, std::size_t at) { memory[at] = logical[i]; });
  return operand(shape, memory, layout);
}

template <class T>
std::vector<T> in_logical_order(const TensorView& view, const std::vector<std::byte>& bytes) {
  const std::vector<T> memory = as_values<T>(bytes);
  std::vector<T> logical(memory.size());
  for_each_offset(view, [&](std::size_t i, std::size_t at) { logical[i] = memory[at]; });
  return logical;
}

// Runs every implementation that supports the step; results (in logical order) may differ from
// `expected` by `bound`, and are NaN or infinite where it is. The reference must support it.
// Returns how many implementations ran.
template <class T>
int check_all(const Step& step, const std::vector<double>& expected,
              const std::vector<double>& bound, const std::string& label) {
  int ran = 0;
  for (const Implementation* entry : implementations(step.op)) {
    if (const Support support = supports(*entry, step); !support) {
      EXPECT_NE(entry, implementations(step.op).back()) << label << ": " << support.reason;
      continue;
    }
    ++ran;
    const auto y = in_logical_order<T>(step.outputs[0], run_step(*entry, step)[0]);
    EXPECT_EQ(y.size(), expected.size());
    for (std::size_t i = 0; i < std::min(y.size(), expected.size()); ++i) {
      const auto value = static_cast<double>(y[i]);
      const bool equal = value == expected[i] || (value != value && expected[i] != expected[i]);
      if (equal || std::abs(value - expected[i]) <= bound[i]) continue;
      ADD_FAILURE() << entry->name << ", " << label << ", element " << i << ": " << value
                    << " instead of " << expected[i] << " (bound " << bound[i] << ")";
      break;
    }
  }
  return ran;
}

}  // namespace convoy::testing
