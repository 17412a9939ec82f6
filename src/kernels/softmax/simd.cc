#include <algorithm>

#include "kernels/collapse.h"
#include "kernels/softmax/cell.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/simd.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include "kernels/simd/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace {

// y = exp(x - max(x)) / sum; y may be x.
void softmax_row(const float* x, std::int64_t count, float* y) {
  const F32 d;
  const VF top =
      hn::Set(d, extreme(d, x, count, [](VF a, VF b) HWY_ATTR { return max_or_nan(a, b); }));
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    hn::StoreU(exponential(d, hn::Sub(hn::LoadU(d, x + i), top)), d, y + i);
  }
  if (i < count) {
    const VF e = exponential(d, hn::Sub(load_partial(d, x + i, count - i), top));
    store_partial(d, e, y + i, count - i);
  }
  const VF sum =
      hn::Set(d, static_cast<float>(sum_terms(d, y, count, [](VF v) HWY_ATTR { return v; })));
  for (i = 0; i < count; i += kLanes) {
    const std::int64_t left = std::min(kLanes, count - i);
    store_partial(d, hn::Div(load_partial(d, y + i, left), sum), y + i, left);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {
namespace {
HWY_EXPORT(softmax_row);
}  // namespace

namespace softmax {
namespace {

struct Loops {
  LoopNest<2> outer, inner;  // x, y
  explicit Loops(const OpDesc& desc) {
    const Rows rows = split_rows(desc);
    outer = collapse<2>(rows.outer, {rows.outer_x, rows.outer_y});
    inner = collapse<2>(rows.inner, {rows.inner_x, rows.inner_y});
  }
  bool consecutive() const {
    return inner.extents.rank() <= 1 && inner.stride(0) == 1 && inner.stride(1) == 1;
  }
};

class SoftmaxSimd final : public Kernel {
 public:
  explicit SoftmaxSimd(const OpDesc& desc)
      : loops_(desc),
        length_(loops_.inner.innermost()),
        rows_(desc.inputs[0].elements() / std::max<std::int64_t>(length_, 1)),
        // About 4000 exponentials a task.
        rows_per_task_(std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(length_, 1))) {}

  void run(const RunArgs& args) const override {
    const std::int64_t tasks = (rows_ + rows_per_task_ - 1) / rows_per_task_;
    args.pool.parallel_for(tasks, [&](std::int64_t task, int) {
      const std::int64_t end = std::min(rows_, (task + 1) * rows_per_task_);
      for (std::int64_t row = task * rows_per_task_; row < end; ++row) {
        const auto at = loops_.outer.offsets(row, loops_.outer.extents.rank());
        HWY_DYNAMIC_DISPATCH(softmax_row)
        (args.inputs[0].as<float>() + at[0], length_, args.outputs[0].as<float>() + at[1]);
      }
    });
  }

 private:
  Loops loops_;
  std::int64_t length_, rows_, rows_per_task_;
};

}  // namespace

Support supports_simd(const OpDesc& desc, const DeviceDesc&) {
  const TensorView& x = desc.inputs[0];
  const TensorView& y = desc.outputs[0];
  if (x.dtype != DType::kF32) return Support::no("needs f32 data");
  if (x.layout == Layout::kChwn8 || y.layout == Layout::kChwn8) {
    return Support::no("has no form for chwn8");
  }
  if (!Loops(desc).consecutive()) return Support::no("needs an axis that is consecutive in memory");
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_simd(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<SoftmaxSimd>(desc);
}

}  // namespace softmax
}  // namespace convoy
#endif
