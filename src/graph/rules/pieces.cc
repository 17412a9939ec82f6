// Operators that take tensors apart or put them together.
#include <algorithm>

#include "graph/rules/rules.h"

namespace convoy::rules {
namespace {

// Elements of start, start + step, ... before end, after clamping as ONNX does.
std::int64_t slice_length(std::int64_t extent, std::int64_t start, std::int64_t end,
                          std::int64_t step) {
  if (extent == 0) return 0;
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  if (step > 0) {
    start = std::clamp<std::int64_t>(start, 0, extent);
    end = std::clamp<std::int64_t>(end, 0, extent);
  } else {
    start = std::clamp<std::int64_t>(start, 0, extent - 1);
    end = std::clamp<std::int64_t>(end, -1, extent - 1);
  }
  const std::int64_t distance = end - start;
  if (distance == 0 || (distance > 0) != (step > 0)) return 0;
  return distance / step + (distance % step != 0 ? 1 : 0);
}

std::int64_t sum_of(const std::vector<std::int64_t>& sizes) {
  std::int64_t sum = 0;
  for (std::int64_t size : sizes) {
    if (size < 0) invalid("a piece has the negative size " + std::to_string(size));
    sum = checked_add(sum, size, "sizes of the pieces");
  }
  return sum;
}

// Equal pieces, the last one smaller where the extent does not divide.
std::vector<std::int64_t> equal_pieces(std::int64_t extent, std::int64_t pieces) {
  const std::int64_t size = (extent + pieces - 1) / pieces;
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(pieces), size);
  sizes.back() = extent - size * (pieces - 1);
  if (sizes.back() < 0) {
    invalid("extent " + std::to_string(extent) + " cannot be split into " + std::to_string(pieces) +
            " pieces");
  }
  return sizes;
}

}  // namespace

void infer_concat(NodeContext& context) {
  AxisAttrs& attrs = context.attrs<AxisAttrs>();
  Shape y = context.shape(0);
  attrs.axis = normalize_axis(attrs.axis, y.rank(), "concatenated axis");
  const int axis = static_cast<int>(attrs.axis);
  for (std::size_t i = 1; i < context.inputs(); ++i) {
    context.require_same_dtype(0, i);
    const Shape x = context.shape(i);
    bool fits = x.rank() == y.rank();
    for (int d = 0; fits && d < y.rank(); ++d) fits = d == axis || x[d] == y[d];
    if (!fits) {
      invalid(context.describe(i) + " does not join " + context.describe(0) + " along axis " +
              std::to_string(axis));
    }
    y[axis] = checked_add(y[axis], x[axis], "concatenated extents");
  }
  context.set_output(0, context.dtype(0), y);
}

void infer_split(NodeContext& context) {
  AxisAttrs& attrs = context.attrs<AxisAttrs>();
  Shape y = context.shape(0);
  attrs.axis = normalize_axis(attrs.axis, y.rank(), "split axis");
  const int axis = static_cast<int>(attrs.axis);
  const std::int64_t extent = y[axis];
  const auto sizes = context.has(1)
                         ? context.integers(1, "the sizes of the pieces")
                         : equal_pieces(extent, static_cast<std::int64_t>(context.outputs()));
  if (sizes.size() != context.outputs()) {
    invalid(std::to_string(sizes.size()) + " sizes are given for " +
            std::to_string(context.outputs()) + " outputs");
  }
  if (sum_of(sizes) != extent) {
    invalid("the pieces sum to " + std::to_string(sum_of(sizes)) + ", expected " +
            std::to_string(extent) + " along axis " + std::to_string(axis) + " of " +
            context.describe(0));
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    y[axis] = sizes[i];
    context.set_output(i, context.dtype(0), y);
  }
}

void infer_slice(NodeContext& context) {
  Shape y = context.shape(0);
  const auto starts = context.integers(1, "the list of starts");
  const auto ends = context.integers(2, "the list of ends");
  std::vector<std::int64_t> axes(starts.size());
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<std::int64_t>(i);
  if (context.has(3)) axes = context.integers(3, "the list of axes");
  std::vector<std::int64_t> steps(starts.size(), 1);
  if (context.has(4)) steps = context.integers(4, "the list of steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    invalid("starts, ends, axes and steps differ in length: " + std::to_string(starts.size()) +
            ", " + std::to_string(ends.size()) + ", " + std::to_string(axes.size()) + ", " +
            std::to_string(steps.size()));
  }
  const std::vector<int> normal = normalize_axes(axes, y.rank(), "sliced axes");
  for (std::size_t i = 0; i < normal.size(); ++i) {
    if (steps[i] == 0) invalid("the step along axis " + std::to_string(normal[i]) + " is 0");
    y[normal[i]] = slice_length(y[normal[i]], starts[i], ends[i], steps[i]);
  }
  context.set_output(0, context.dtype(0), y);
}

void infer_gather(NodeContext& context) {
  AxisAttrs& attrs = context.attrs<AxisAttrs>();
  const Shape x = context.shape(0);
  const Shape indices = context.shape(1);
  attrs.axis = normalize_axis(attrs.axis, x.rank(), "gathered axis");
  const DType type = context.dtype(1);
  if (type != DType::kS64 && type != DType::kS32) {
    invalid(context.describe(1) + " must hold s32 or s64 indices");
  }
  const int axis = static_cast<int>(attrs.axis);
  if (const Tensor* known = context.constant(1)) {
    for (std::int64_t i = 0; i < indices.elements(); ++i) {
      const std::int64_t index =
          type == DType::kS64 ? known->as<std::int64_t>()[i] : known->as<std::int32_t>()[i];
      if (index < -x[axis] || index >= x[axis]) {
        invalid("index " + std::to_string(index) + " is out of range for axis " +
                std::to_string(axis) + " of " + context.describe(0));
      }
    }
  }
  Shape y;
  for (int d = 0; d < axis; ++d) y.push_back(x[d]);
  for (std::int64_t extent : indices) y.push_back(extent);
  for (int d = axis + 1; d < x.rank(); ++d) y.push_back(x[d]);
  context.set_output(0, context.dtype(0), y);
}

}  // namespace convoy::rules
