#include <algorithm>
#include <cmath>

#include "graph/rules/rules.h"

namespace convoy::rules {
namespace {

constexpr std::size_t kRoi = 1, kScales = 2, kSizes = 3;

// Old opsets write an absent operand as an empty tensor.
void drop_empty(NodeContext& context, std::size_t i) {
  if (context.has(i) && context.shape(i).elements() == 0) context.set_input(i, kNoValue);
}

std::int64_t to_extent(double extent) {
  if (!(extent >= 0 && extent < 0x1p62)) {
    invalid("an extent of the result is " + std::to_string(extent));
  }
  return static_cast<std::int64_t>(extent);
}

void check_count(std::size_t found, std::size_t expected, const char* what) {
  if (found == expected) return;
  invalid(std::to_string(found) + " " + what + " are given, expected " + std::to_string(expected));
}

void apply_scales(NodeContext& context, const std::vector<int>& axes, Shape& y) {
  const auto scales = context.numbers(kScales, "the result's shape");
  check_count(scales.size(), axes.size(), "scales");
  std::vector<double> roi;
  if (context.attrs<ResizeAttrs>().coordinates == ResizeAttrs::Coordinates::kTfCropAndResize) {
    roi = context.numbers(kRoi, "the region of interest");
    check_count(roi.size(), 2 * axes.size(), "corners of the region of interest");
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (!(scales[i] > 0) || !std::isfinite(scales[i])) {
      invalid("the scale of axis " + std::to_string(axes[i]) + " is " + std::to_string(scales[i]) +
              ", expected a finite number above 0");
    }
    // In f32, as the exporters' own tools compute it: 10 * 0.7f is 7, not 6.99999988.
    float extent = static_cast<float>(y[axes[i]]);
    if (!roi.empty()) extent *= static_cast<float>(roi[i + axes.size()] - roi[i]);
    y[axes[i]] = to_extent(std::floor(extent * static_cast<float>(scales[i])));
  }
}

void apply_sizes(NodeContext& context, const std::vector<int>& axes, Shape& y) {
  const auto sizes = context.integers(kSizes, "the result's shape");
  check_count(sizes.size(), axes.size(), "sizes");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (sizes[i] < 1) {
      invalid("the size of axis " + std::to_string(axes[i]) + " is " + std::to_string(sizes[i]) +
              ", expected at least 1");
    }
    if (y[axes[i]] == 0) invalid(context.describe(0) + " is empty");
  }
  using Policy = ResizeAttrs::Policy;
  const Policy policy = context.attrs<ResizeAttrs>().policy;
  if (policy == Policy::kStretch) {
    for (std::size_t i = 0; i < axes.size(); ++i) y[axes[i]] = sizes[i];
    return;
  }
  // One scale for all axes, so that the result is just not larger, or not smaller, than the sizes.
  double scale = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const double s = static_cast<double>(sizes[i]) / static_cast<double>(y[axes[i]]);
    scale = i == 0 ? s : policy == Policy::kNotLarger ? std::min(scale, s) : std::max(scale, s);
  }
  for (int axis : axes) {
    y[axis] = to_extent(std::floor(scale * static_cast<double>(y[axis]) + 0.5));
  }
}

}  // namespace

void infer_resize(NodeContext& context) {
  for (std::size_t i : {kRoi, kScales, kSizes}) drop_empty(context, i);
  if (context.has(kScales) == context.has(kSizes)) {
    invalid(context.has(kScales) ? "both scales and sizes are given"
                                 : "neither scales nor sizes are given");
  }
  Shape y = context.shape(0);
  std::vector<int> axes =
      normalize_axes(context.attrs<ResizeAttrs>().axes, y.rank(), "resized axes");
  if (axes.empty()) {
    for (int d = 0; d < y.rank(); ++d) axes.push_back(d);
  }
  if (context.has(kScales)) {
    apply_scales(context, axes, y);
  } else {
    apply_sizes(context, axes, y);
  }
  context.set_output(0, context.dtype(0), y);
}

}  // namespace convoy::rules
