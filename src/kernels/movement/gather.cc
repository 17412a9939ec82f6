// Gather: whole slices of the operand, copied row by row.
#include <algorithm>
#include <cstring>

#include "kernels/movement/cell.h"
#include "kernels/movement/operands.h"

namespace convoy::movement {
namespace {

// Bytes copied by one task, so that small gathers stay on one thread.
constexpr std::int64_t kTaskBytes = 64 << 10;

class Gather final : public Kernel {
 public:
  explicit Gather(const OpDesc& desc) {
    const TensorView& x = desc.inputs[0];
    const int axis = normalize_axis(desc.as<AxisAttrs>().axis, x.shape.rank(), "Gather");
    for (int a = 0; a < axis; ++a) outer_ *= x.shape[a];
    extent_ = x.shape[axis];
    run_bytes_ = static_cast<std::int64_t>(size_of(x.dtype));
    for (int a = axis + 1; a < x.shape.rank(); ++a) run_bytes_ *= x.shape[a];
    indices_ = desc.inputs[1].elements();
  }

  void run(const RunArgs& args) const override {
    const std::int64_t runs = outer_ * indices_;
    if (run_bytes_ == 0 || extent_ == 0) return;
    const std::int64_t per_task = std::max<std::int64_t>(1, kTaskBytes / run_bytes_);
    args.pool.parallel_for((runs + per_task - 1) / per_task, [&](std::int64_t task, int) {
      const std::int64_t end = std::min(runs, (task + 1) * per_task);
      for (std::int64_t run = task * per_task; run < end; ++run) copy(args, run);
    });
  }

 private:
  void copy(const RunArgs& args, std::int64_t run) const {
    const TensorView& indices = args.inputs[1];
    const std::int64_t position = run % indices_;
    std::int64_t index = indices.dtype == DType::kS32 ? indices.as<std::int32_t>()[position]
                                                      : indices.as<std::int64_t>()[position];
    if (index < 0) index += extent_;
    index = std::clamp<std::int64_t>(index, 0, extent_ - 1);
    std::memcpy(args.outputs[0].as<std::byte>() + run * run_bytes_,
                args.inputs[0].as<std::byte>() + (run / indices_ * extent_ + index) * run_bytes_,
                static_cast<std::size_t>(run_bytes_));
  }

  std::int64_t outer_ = 1, extent_ = 0, indices_ = 0, run_bytes_ = 0;
};

}  // namespace

Support supports_gather(const OpDesc& desc, const DeviceDesc&) {
  const TensorView &x = desc.inputs[0], &indices = desc.inputs[1], &y = desc.outputs[0];
  if (x.dtype != y.dtype) return Support::no("operand and result differ in type");
  if (indices.dtype != DType::kS32 && indices.dtype != DType::kS64) {
    return Support::no("indices must be s32 or s64");
  }
  if (x.layout != Layout::kNchw || y.layout != Layout::kNchw || indices.layout != Layout::kNchw) {
    return Support::no("needs layout nchw");
  }
  return Support::yes();
}

std::unique_ptr<Kernel> prepare_gather(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<Gather>(desc);
}

}  // namespace convoy::movement
