// f32 elementwise kernels over vectors. Results are cut into tasks of a fixed size, so that they do
// not depend on the number of threads.
#include <algorithm>
#include <string>

#include "kernels/collapse.h"
#include "kernels/elementwise/cell.h"
#include "kernels/elementwise/span.h"
#include "kernels/strided.h"

namespace convoy::elementwise {
namespace {

// 64 KiB a task: large against the cost of handing it out, small against L2.
constexpr std::int64_t kTaskElements = 16 << 10;
// Results between a function and its activation stay in L1.
constexpr std::int64_t kBlock = 1024;

std::int64_t pieces(std::int64_t whole, std::int64_t piece) { return (whole + piece - 1) / piece; }

class UnarySimd final : public Kernel {
 public:
  explicit UnarySimd(const OpDesc& desc)
      : f_(desc.as<Unary>()),
        count_(storage_elements(desc.inputs[0].shape, desc.inputs[0].layout)) {}

  void run(const RunArgs& args) const override {
    const float* x = args.inputs[0].as<float>();
    float* y = args.outputs[0].as<float>();
    args.pool.parallel_for(pieces(count_, kTaskElements), [&](std::int64_t task, int) {
      const std::int64_t from = task * kTaskElements;
      apply_unary(f_, x + from, y + from, std::min(kTaskElements, count_ - from));
    });
  }

 private:
  Unary f_;
  std::int64_t count_;
};

using Nest = LoopNest<3>;  // y, a, b

Nest make_nest(const OpDesc& desc) {
  const TensorView& y = desc.outputs[0];
  return collapse<3>(y.shape,
                     {strides_of(y.shape, y.layout), broadcast_strides(desc.inputs[0], y.shape),
                      broadcast_strides(desc.inputs[1], y.shape)});
}

// x squared, which exporters write as a power.
bool is_square(const OpDesc& desc) {
  const TensorView& b = desc.inputs[1];
  return desc.as<BinaryAttrs>().kind == BinaryKind::kPow && desc.constant(1) &&
         b.dtype == DType::kF32 && b.elements() == 1 && *b.as<float>() == 2.0f;
}

class BinarySimd final : public Kernel {
 public:
  explicit BinarySimd(const OpDesc& desc)
      : attrs_(desc.as<BinaryAttrs>()),
        square_(is_square(desc)),
        nest_(make_nest(desc)),
        empty_(desc.outputs[0].elements() == 0),
        length_(nest_.innermost()),
        rows_(nest_.outer()),
        row_tasks_(pieces(length_, kTaskElements)),
        rows_per_task_(std::max<std::int64_t>(1, kTaskElements / std::max(length_, kOne))) {
    if (square_) {
      attrs_.kind = BinaryKind::kMul;
      nest_.strides[2] = nest_.strides[1];
    }
  }

  void run(const RunArgs& args) const override {
    if (empty_) return;
    // Long rows are cut into pieces, short ones put together.
    const std::int64_t groups = pieces(rows_, rows_per_task_);
    args.pool.parallel_for(groups * row_tasks_, [&](std::int64_t task, int) {
      const std::int64_t first = task / row_tasks_ * rows_per_task_;
      const std::int64_t from = task % row_tasks_ * kTaskElements;
      const std::int64_t count = std::min(kTaskElements, length_ - from);
      for (std::int64_t row = first; row < std::min(first + rows_per_task_, rows_); ++row) {
        run_row(args, row, from, count);
      }
    });
  }

 private:
  static constexpr std::int64_t kOne = 1;

  void run_row(const RunArgs& args, std::int64_t row, std::int64_t from, std::int64_t count) const {
    const auto at = nest_.offsets(row, nest_.extents.rank() - 1);
    const std::int64_t a_step = nest_.stride(1), b_step = nest_.stride(2);
    const float* a = args.inputs[0].as<float>() + at[1] + from * a_step;
    const float* b = args.inputs[square_ ? 0 : 1].as<float>() + at[2] + from * b_step;
    float* y = args.outputs[0].as<float>() + at[0] + from;
    if (attrs_.activation.kind == UnaryKind::kIdentity) {
      apply_binary(attrs_.kind, {a, b, y, a_step, b_step, count});
      return;
    }
    for (std::int64_t i = 0; i < count; i += kBlock) {
      const std::int64_t block = std::min(kBlock, count - i);
      apply_binary(attrs_.kind, {a + i * a_step, b + i * b_step, y + i, a_step, b_step, block});
      apply_unary(attrs_.activation, y + i, y + i, block);
    }
  }

  BinaryAttrs attrs_;
  bool square_;
  Nest nest_;
  bool empty_;
  std::int64_t length_, rows_;
  std::int64_t row_tasks_, rows_per_task_;
};

bool is_f32(const TensorView& t) { return t.dtype == DType::kF32; }

// Vector operations an element, divisions and exponentials counted with what they cost.
double cost_of(const Unary& f) {
  switch (f.kind) {
    case UnaryKind::kSigmoid:
    case UnaryKind::kSilu:
    case UnaryKind::kTanh:
    case UnaryKind::kErf:
    case UnaryKind::kGelu:
    case UnaryKind::kGeluTanh:
    case UnaryKind::kElu:
    case UnaryKind::kSoftplus:
    case UnaryKind::kMish:
    case UnaryKind::kExp:
    case UnaryKind::kLog:
      return 60;
    default:
      return 2;
  }
}

Estimate estimate(const OpDesc& desc, const DeviceDesc& device, const Unary& f) {
  Estimate e = estimate_streaming(desc, device);
  e.flops = static_cast<double>(desc.outputs[0].elements()) * cost_of(f);
  e.seconds = std::max(e.seconds, e.flops / (device.flops_per_second_core * device.threads));
  return e;
}

}  // namespace

Support supports_unary_simd(const OpDesc& desc, const DeviceDesc&) {
  const TensorView& x = desc.inputs[0];
  if (desc.as<Unary>().kind == UnaryKind::kNot || !is_f32(x)) return Support::no("needs f32 data");
  if (x.layout != desc.outputs[0].layout) return Support::no("needs one layout");
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_unary_simd(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<UnarySimd>(desc);
}

Estimate estimate_unary_simd(const OpDesc& desc, const DeviceDesc& device) {
  return estimate(desc, device, desc.as<Unary>());
}

Support supports_binary_simd(const OpDesc& desc, const DeviceDesc&) {
  if (!is_f32(desc.inputs[0]) || !is_f32(desc.inputs[1]) || !is_f32(desc.outputs[0])) {
    return Support::no("needs f32 operands and result");
  }
  for (const TensorView* t : {&desc.inputs[0], &desc.inputs[1], &desc.outputs[0]}) {
    if (t->layout == Layout::kChwn8) return Support::no("has no form for chwn8");
  }
  const BinaryKind kind = desc.as<BinaryAttrs>().kind;
  if (!is_vectorised(kind) && !is_square(desc)) {
    return Support::no("has no vector form of " + std::string(to_string(kind)));
  }
  const Nest nest = make_nest(desc);
  if (nest.stride(0) > 1 || nest.stride(1) > 1 || nest.stride(2) > 1) {
    return Support::no("needs operands in the result's order of dimensions");
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_binary_simd(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<BinarySimd>(desc);
}

Estimate estimate_binary_simd(const OpDesc& desc, const DeviceDesc& device) {
  return estimate(desc, device, desc.as<BinaryAttrs>().activation);
}

}  // namespace convoy::elementwise
