// Pools and reductions.
#include <algorithm>

#include "graph/rules/rules.h"
#include "graph/rules/window.h"

namespace convoy::rules {
namespace {

// A window that lies in the padding alone would have nothing to pool.
void check_pads(const Window& window) {
  const std::int64_t pad = std::max(window.pad_begin, window.pad_end);
  if (pad < window.span()) return;
  invalid("the padding along " + std::string(window.axis) + " is " + std::to_string(pad) +
          ", expected less than the kernel's " + std::to_string(window.span()));
}

std::int64_t pooled(Window& window, AutoPad auto_pad, bool ceil_mode) {
  window.resolve(auto_pad);
  check_pads(window);
  return window.outputs(ceil_mode);
}

}  // namespace

void infer_pool(NodeContext& context) {
  PoolAttrs& attrs = context.attrs<PoolAttrs>();
  if (attrs.kind == PoolAttrs::Kind::kAverage) context.require_float(0);
  Windows windows = make_windows(context, attrs.kernel, attrs.stride, attrs.dilation, attrs.pads);
  const Shape x = context.shape(0);
  const std::int64_t p = pooled(windows.h, attrs.auto_pad, attrs.ceil_mode);
  const std::int64_t q = pooled(windows.w, attrs.auto_pad, attrs.ceil_mode);
  attrs.pads = windows.pads();
  attrs.auto_pad = AutoPad::kNotSet;
  context.set_output(0, context.dtype(0), feature_map(x, x[1], p, q));
}

void infer_reduce(NodeContext& context) {
  const ReduceAttrs& attrs = context.attrs<ReduceAttrs>();
  const Shape x = context.shape(0);
  std::vector<int> axes;
  bool all = false;
  if (attrs.spatial) {
    if (x.rank() < 3) invalid(context.describe(0) + " has no spatial dimensions");
    for (int axis = 2; axis < x.rank(); ++axis) axes.push_back(axis);
  } else if (context.has(1)) {
    const auto given = context.integers(1, "the list of axes");
    axes = normalize_axes(given, x.rank(), "reduced axes");
    all = axes.empty() && !attrs.noop_without_axes;
    if (std::any_of(given.begin(), given.end(), [](std::int64_t axis) { return axis < 0; })) {
      const std::vector<std::int64_t> positive(axes.begin(), axes.end());
      context.set_input(1, context.add_constant("axes", make_s64(positive)));
    }
  } else {
    all = !attrs.noop_without_axes;
  }
  Shape y;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool reduced = all || std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (!reduced) {
      y.push_back(x[axis]);
    } else if (attrs.keep_dims) {
      y.push_back(1);
    }
  }
  context.set_output(0, context.dtype(0), y);
}

}  // namespace convoy::rules
