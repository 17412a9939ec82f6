#include "kernels/reduce/simd.h"

#include <algorithm>

#include "kernels/collapse.h"
#include "kernels/reduce/reference.h"
#include "kernels/reduce/rows.h"

namespace convoy::reduce {
namespace {

// Results a task makes: at 64 a vector row of x is read in whole cache lines.
constexpr std::int64_t kColumnsPerTask = 64;

// The loops over the results (y, x) and, for each, over what it reduces (x).
struct Loops {
  LoopNest<2> kept;
  LoopNest<1> reduced;

  explicit Loops(const OpDesc& desc) {
    const AxisSplit split = split_axes(desc);
    kept = collapse<2>(split.kept, {split.kept_y, split.kept_x});
    reduced = collapse<1>(split.reduced, {split.reduced_x});
  }
  bool one_run() const { return reduced.extents.rank() <= 1; }
  bool is_rows() const { return one_run() && reduced.stride(0) == 1; }
  bool is_columns() const {
    return one_run() && kept.extents.rank() > 0 && kept.stride(0) == 1 && kept.stride(1) == 1;
  }
};

// Each result reduces consecutive elements.
class ReduceRows final : public Kernel {
 public:
  explicit ReduceRows(const OpDesc& desc)
      : kind_(desc.as<ReduceAttrs>().kind),
        loops_(desc),
        results_(desc.outputs[0].elements()),
        count_(loops_.reduced.innermost()),
        results_per_task_(std::max<std::int64_t>(1, (16 << 10) / count_)) {}

  void run(const RunArgs& args) const override {
    const std::int64_t tasks = (results_ + results_per_task_ - 1) / results_per_task_;
    args.pool.parallel_for(tasks, [&](std::int64_t task, int) {
      const std::int64_t end = std::min(results_, (task + 1) * results_per_task_);
      for (std::int64_t i = task * results_per_task_; i < end; ++i) {
        const auto at = loops_.kept.offsets(i, loops_.kept.extents.rank());
        args.outputs[0].as<float>()[at[0]] =
            reduce_row(kind_, args.inputs[0].as<float>() + at[1], count_);
      }
    });
  }

 private:
  ReduceAttrs::Kind kind_;
  Loops loops_;
  std::int64_t results_, count_, results_per_task_;
};

// Consecutive results reduce elements that lie one stride apart.
class ReduceColumns final : public Kernel {
 public:
  explicit ReduceColumns(const OpDesc& desc)
      : kind_(desc.as<ReduceAttrs>().kind),
        loops_(desc),
        outer_(loops_.kept.outer()),
        width_(loops_.kept.innermost()),
        blocks_((width_ + kColumnsPerTask - 1) / kColumnsPerTask) {}

  void run(const RunArgs& args) const override {
    args.pool.parallel_for(outer_ * blocks_, [&](std::int64_t task, int) {
      const auto at = loops_.kept.offsets(task / blocks_, loops_.kept.extents.rank() - 1);
      const std::int64_t from = task % blocks_ * kColumnsPerTask;
      reduce_columns(kind_, {args.inputs[0].as<float>() + at[1] + from, loops_.reduced.stride(0),
                             loops_.reduced.innermost(), std::min(kColumnsPerTask, width_ - from),
                             args.outputs[0].as<float>() + at[0] + from});
    });
  }

 private:
  ReduceAttrs::Kind kind_;
  Loops loops_;
  std::int64_t outer_, width_, blocks_;
};

}  // namespace

Support supports_simd(const OpDesc& desc, const DeviceDesc& device) {
  if (const Support any = supports_reference(desc, device); !any) return any;
  const TensorView& x = desc.inputs[0];
  if (x.dtype != DType::kF32) return Support::no("needs f32 data");
  if (x.layout == Layout::kChwn8 || desc.outputs[0].layout == Layout::kChwn8) {
    return Support::no("has no form for chwn8");
  }
  if (desc.as<ReduceAttrs>().kind == ReduceAttrs::Kind::kProd) {
    return Support::no("has no vector form of products");
  }
  if (x.elements() == 0) return Support::no("needs at least one element");
  const Loops loops(desc);
  if (!loops.is_rows() && !loops.is_columns()) {
    return Support::no("needs the reduced dimensions, or the results, consecutive in memory");
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_simd(const OpDesc& desc, const DeviceDesc&) {
  if (Loops(desc).is_rows()) return std::make_unique<ReduceRows>(desc);
  return std::make_unique<ReduceColumns>(desc);
}

}  // namespace convoy::reduce
