#include "kernels/resize/axis.h"

#include <algorithm>
#include <cmath>

namespace convoy::resize {
namespace {

using Coordinates = ResizeAttrs::Coordinates;
constexpr std::size_t kRoi = 1, kScales = 2, kSizes = 3;

std::vector<double> numbers(const OpDesc& desc, std::size_t i) {
  std::vector<double> values;
  if (!desc.present(i)) return values;
  const TensorView& view = desc.inputs[i];
  const std::int64_t count = view.elements();
  for (std::int64_t j = 0; j < count; ++j) {
    switch (view.dtype) {
      case DType::kF32:
        values.push_back(static_cast<double>(view.as<float>()[j]));
        break;
      case DType::kF64:
        values.push_back(view.as<double>()[j]);
        break;
      case DType::kS32:
        values.push_back(view.as<std::int32_t>()[j]);
        break;
      default:
        values.push_back(static_cast<double>(view.as<std::int64_t>()[j]));
    }
  }
  return values;
}

// One axis as ONNX describes it: extents, the scale, the region of interest.
struct Axis {
  double in = 1;      // extent of the operand
  double out = 1;     // extent of the result, before it was rounded down
  double extent = 1;  // extent of the result
  double scale = 1;
  double roi_begin = 0, roi_end = 1;
  bool resized = false;
  bool rounded = false;  // coordinates are those of f32 arithmetic

  double round(double value) const {
    return rounded ? static_cast<double>(static_cast<float>(value)) : value;
  }

  double coordinate(Coordinates mode, double o) const {
    switch (mode) {
      case Coordinates::kHalfPixel:
        return round((o + 0.5) / scale) - 0.5;
      case Coordinates::kHalfPixelSymmetric:
        return in / 2 * (1 - extent / out) + round((o + 0.5) / scale) - 0.5;
      case Coordinates::kPytorchHalfPixel:
        return extent > 1 ? round((o + 0.5) / scale) - 0.5 : 0;
      case Coordinates::kAlignCorners:
        return out == 1 ? 0 : o * (in - 1) / (out - 1);
      case Coordinates::kAsymmetric:
        return round(o / scale);
      case Coordinates::kTfCropAndResize: {
        const double span = (roi_end - roi_begin) * (in - 1);
        const double from = roi_begin * (in - 1);
        return from + (extent > 1 ? o * span / (extent - 1) : span / 2);
      }
    }
    return o;
  }
};

std::vector<Axis> describe_axes(const OpDesc& desc) {
  const auto& attrs = desc.as<ResizeAttrs>();
  const Shape &x = desc.inputs[0].shape, &y = desc.outputs[0].shape;
  std::vector<Axis> axes(static_cast<std::size_t>(x.rank()));
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const int axis = static_cast<int>(a);
    axes[a].in = static_cast<double>(x[axis]);
    axes[a].out = axes[a].extent = static_cast<double>(y[axis]);
    axes[a].scale = axes[a].out / axes[a].in;
    axes[a].resized = attrs.axes.empty();
    axes[a].rounded = attrs.mode == ResizeAttrs::Mode::kNearest;
  }
  const auto roi = numbers(desc, kRoi), scales = numbers(desc, kScales);
  const auto sizes = numbers(desc, kSizes);
  const std::size_t count = attrs.axes.empty() ? axes.size() : attrs.axes.size();
  double common = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Axis& axis =
        axes[attrs.axes.empty()
                 ? i
                 : static_cast<std::size_t>(normalize_axis(attrs.axes[i], x.rank(), "Resize"))];
    axis.resized = true;
    if (roi.size() == 2 * count) {
      axis.roi_begin = roi[i];
      axis.roi_end = roi[i + count];
    }
    if (!scales.empty()) {
      axis.scale = scales[i];
      axis.out = axis.scale * axis.in;
    } else if (attrs.policy != ResizeAttrs::Policy::kStretch) {
      const double scale = sizes[i] / axis.in;
      const bool larger = attrs.policy == ResizeAttrs::Policy::kNotSmaller;
      common = i == 0 ? scale : larger ? std::max(common, scale) : std::min(common, scale);
    }
  }
  for (Axis& axis : axes) {
    if (common == 0 || !axis.resized) continue;
    axis.scale = common;
    axis.out = common * axis.in;
  }
  return axes;
}

std::int64_t nearest(ResizeAttrs::Nearest mode, double x) {
  const double low = std::floor(x), ratio = x - low;
  bool up = false;
  switch (mode) {
    case ResizeAttrs::Nearest::kRoundPreferFloor:
      up = ratio > 0.5;
      break;
    case ResizeAttrs::Nearest::kRoundPreferCeil:
      up = ratio >= 0.5;
      break;
    case ResizeAttrs::Nearest::kFloor:
      break;
    case ResizeAttrs::Nearest::kCeil:
      up = ratio > 0;
      break;
  }
  return static_cast<std::int64_t>(low) + (up ? 1 : 0);
}

// Keys' cubic at distances ratio + 1, ratio, 1 - ratio and 2 - ratio.
void cubic_weights(double ratio, double a, double* weight) {
  const auto near = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  weight[0] = far(ratio + 1);
  weight[1] = near(ratio);
  weight[2] = near(1 - ratio);
  weight[3] = far(2 - ratio);
}

void exclude_outside(const std::int64_t* index, std::int64_t extent, double* weight) {
  double sum = 0;
  for (int t = 0; t < 4; ++t) {
    if (index[t] < 0 || index[t] >= extent) weight[t] = 0;
    sum += weight[t];
  }
  if (sum == 0) return;
  for (int t = 0; t < 4; ++t) weight[t] /= sum;
}

AxisMap map_axis(const Axis& axis, const ResizeAttrs& attrs) {
  const auto extent = static_cast<std::int64_t>(axis.in);
  const auto count = static_cast<std::int64_t>(axis.extent);
  const bool crops = attrs.coordinates == Coordinates::kTfCropAndResize;
  AxisMap map;
  const bool unchanged = !axis.resized || (axis.scale == 1 && axis.in == axis.extent &&
                                           axis.roi_begin == 0 && axis.roi_end == 1);
  const bool is_nearest = attrs.mode == ResizeAttrs::Mode::kNearest;
  map.taps = unchanged || is_nearest ? 1 : attrs.mode == ResizeAttrs::Mode::kLinear ? 2 : 4;
  for (std::int64_t o = 0; o < count; ++o) {
    if (unchanged) {
      map.index.push_back(o);
      map.weight.push_back(1);
      continue;
    }
    double x = axis.round(axis.coordinate(attrs.coordinates, static_cast<double>(o)));
    if (crops) map.outside.push_back(!(x >= 0 && x <= axis.in - 1));
    // Far outside, where only crops reach, every tap is at the edge; NaN, of a region of NaN, too.
    x = x >= -4 ? std::min(x, axis.in + 4) : -4;
    const std::int64_t low = static_cast<std::int64_t>(std::floor(x));
    const double ratio = x - std::floor(x);
    std::int64_t index[4] = {low, low + 1, 0, 0};
    double weight[4] = {1 - ratio, ratio, 0, 0};
    if (map.taps == 1) {
      index[0] = nearest(attrs.nearest, x);
      weight[0] = 1;
    } else if (map.taps == 4) {
      for (int t = 0; t < 4; ++t) index[t] = low - 1 + t;
      cubic_weights(ratio, static_cast<double>(attrs.cubic_a), weight);
      if (attrs.exclude_outside) exclude_outside(index, extent, weight);
    }
    if (map.taps > 1 && ratio == 0) {
      std::fill_n(index, map.taps, low);
      std::fill_n(weight, map.taps, 1.0 / map.taps);
    }
    for (int t = 0; t < map.taps; ++t) {
      map.index.push_back(std::clamp<std::int64_t>(index[t], 0, extent - 1));
      map.weight.push_back(weight[t]);
    }
  }
  return map;
}

}  // namespace

Support has_constant_geometry(const OpDesc& desc) {
  constexpr const char* kNames[] = {"", "region of interest", "scales", "sizes"};
  for (std::size_t i : {kRoi, kScales, kSizes}) {
    if (!desc.present(i) || desc.inputs[i].elements() == 0) continue;
    const DType t = desc.inputs[i].dtype;
    const bool readable =
        i == kSizes ? t == DType::kS32 || t == DType::kS64 : t == DType::kF32 || t == DType::kF64;
    if (!readable) {
      return Support::no("does not read " + std::string(kNames[i]) + " of type " +
                         std::string(to_string(t)));
    }
    if (!desc.constant(i)) return Support::no("needs constant " + std::string(kNames[i]));
  }
  return Support::yes();
}

std::vector<AxisMap> axis_maps(const OpDesc& desc) {
  std::vector<AxisMap> maps;
  for (const Axis& axis : describe_axes(desc)) {
    maps.push_back(map_axis(axis, desc.as<ResizeAttrs>()));
  }
  return maps;
}

}  // namespace convoy::resize
