// Operators whose results may be larger than their operands: repeats, pads, fills and ranges.
#include <cmath>

#include "graph/rules/rules.h"

namespace convoy::rules {
namespace {

Shape shape_from(const std::vector<std::int64_t>& extents, const char* what) {
  for (std::int64_t extent : extents) {
    if (extent < 0)
      invalid(std::string(what) + " holds the negative extent " + std::to_string(extent));
  }
  return Shape(extents);
}

// The axes that `pads` speaks of: operand 3, or all.
std::vector<int> padded_axes(const NodeContext& context, int rank) {
  if (context.has(3)) {
    return normalize_axes(context.integers(3, "the list of axes"), rank, "padded axes");
  }
  std::vector<int> all;
  for (int d = 0; d < rank; ++d) all.push_back(d);
  return all;
}

// Values of start, start + delta, ... before limit.
template <class T>
std::int64_t range_length(const NodeContext& context) {
  const T start = *context.constant(0)->as<T>();
  const T limit = *context.constant(1)->as<T>();
  const T delta = *context.constant(2)->as<T>();
  // long double holds every s64 exactly, so one formula serves all types.
  const long double count =
      std::ceil((static_cast<long double>(limit) - static_cast<long double>(start)) /
                static_cast<long double>(delta));
  if (delta == 0 || std::isnan(count)) invalid("the step of the range is 0 or NaN");
  if (count > 0x1p62L) invalid("the range has more than 2^62 elements");
  return count > 0 ? static_cast<std::int64_t>(count) : 0;
}

}  // namespace

void infer_expand(NodeContext& context) {
  const Shape target = shape_from(context.integers(1, "the target shape"), "the target shape");
  context.set_output(0, context.dtype(0), broadcast(context.shape(0), target));
}

void infer_tile(NodeContext& context) {
  Shape y = context.shape(0);
  const auto repeats = context.integers(1, "the list of repeats");
  if (repeats.size() != static_cast<std::size_t>(y.rank())) {
    invalid(std::to_string(repeats.size()) + " repeats are given for " + context.describe(0));
  }
  for (int d = 0; d < y.rank(); ++d) {
    const std::int64_t repeat = repeats[static_cast<std::size_t>(d)];
    if (repeat < 0) invalid("the repeat of axis " + std::to_string(d) + " is negative");
    y[d] = checked_mul(y[d], repeat, "tiled extent");
  }
  context.set_output(0, context.dtype(0), y);
}

void infer_pad(NodeContext& context) {
  const PadAttrs::Mode mode = context.attrs<PadAttrs>().mode;
  Shape y = context.shape(0);
  const auto pads = context.integers(1, "the list of pads");
  const std::vector<int> axes = padded_axes(context, y.rank());
  if (pads.size() != 2 * axes.size()) {
    invalid(std::to_string(pads.size()) + " pads are given for " + std::to_string(axes.size()) +
            " axes of " + context.describe(0) + ", expected two per axis");
  }
  if (context.has(2)) {
    context.require_same_dtype(0, 2);
    if (context.shape(2).elements() != 1) invalid(context.describe(2) + " must hold one element");
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t extent = y[axes[i]];
    const std::string where =
        " along axis " + std::to_string(axes[i]) + " of " + context.describe(0);
    for (std::int64_t pad : {pads[i], pads[i + axes.size()]}) {
      if (mode == PadAttrs::Mode::kReflect && pad > 0 && pad >= extent) {
        invalid("a reflection of " + std::to_string(pad) + where + " reaches past the other end");
      }
      if (mode != PadAttrs::Mode::kConstant && pad > 0 && extent == 0) {
        invalid("there is nothing to repeat" + where);
      }
    }
    const std::int64_t begin = checked_add(extent, pads[i], "padded extent");
    const std::int64_t padded = checked_add(begin, pads[i + axes.size()], "padded extent");
    if (padded < 0) {
      invalid("pads of " + std::to_string(pads[i]) + " and " +
              std::to_string(pads[i + axes.size()]) + where + " leave a negative extent");
    }
    y[axes[i]] = padded;
  }
  context.set_output(0, context.dtype(0), y);
}

void infer_constant_of_shape(NodeContext& context) {
  const FillAttrs& attrs = context.attrs<FillAttrs>();
  if (attrs.value && attrs.value->shape().elements() != 1) {
    invalid("the fill value must hold one element, found " + to_string(attrs.value->shape()));
  }
  const Shape y = shape_from(context.integers(0, "the result's shape"), "the result's shape");
  context.set_output(0, attrs.value ? attrs.value->dtype() : DType::kF32, y);
}

void infer_range(NodeContext& context) {
  for (std::size_t i = 0; i < 3; ++i) {
    context.require_same_dtype(0, i);
    if (context.numbers(i, "the result's extent").size() != 1) {
      invalid(context.describe(i) + " must hold one element");
    }
  }
  std::int64_t length = 0;
  switch (context.dtype(0)) {
    case DType::kF32:
      length = range_length<float>(context);
      break;
    case DType::kF64:
      length = range_length<double>(context);
      break;
    case DType::kS16:
      length = range_length<std::int16_t>(context);
      break;
    case DType::kS32:
      length = range_length<std::int32_t>(context);
      break;
    case DType::kS64:
      length = range_length<std::int64_t>(context);
      break;
    default:
      unsupported(context.describe(0) + ": a range is f32, f64, s16, s32 or s64");
  }
  context.set_output(0, context.dtype(0), Shape{length});
}

}  // namespace convoy::rules
