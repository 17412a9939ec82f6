#include "kernels/movement/pad_axes.h"

#include <algorithm>

namespace convoy::movement {
namespace {

std::int64_t positive_mod(std::int64_t a, std::int64_t b) { return (a % b + b) % b; }

}  // namespace

std::int64_t PadAxis::source(std::int64_t index) const {
  const std::int64_t i = index - before;
  if (i >= 0 && i < kept) return first + i;
  if (kept <= 0) return -1;
  switch (mode) {
    case PadAttrs::Mode::kConstant:
      return -1;
    case PadAttrs::Mode::kEdge:
      return first + std::clamp<std::int64_t>(i, 0, kept - 1);
    case PadAttrs::Mode::kWrap:
      return first + positive_mod(i, kept);
    case PadAttrs::Mode::kReflect: {
      if (kept == 1) return first;
      const std::int64_t period = 2 * (kept - 1);
      const std::int64_t phase = positive_mod(i, period);
      return first + std::min(phase, period - phase);
    }
  }
  return -1;
}

std::array<PadAxis, kMaxRank> pad_axes(const OpDesc& desc) {
  const Shape& x = desc.inputs[0].shape;
  std::array<PadAxis, kMaxRank> result;
  for (int a = 0; a < x.rank(); ++a) result[static_cast<std::size_t>(a)].kept = x[a];
  const auto pads = constant_ints(desc, 1);
  const std::size_t half = pads.size() / 2;
  const auto axes = axes_or_leading(desc, 3, half, x.rank());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    PadAxis& axis = result[static_cast<std::size_t>(axes[i])];
    const std::int64_t before = pads[i], after = pads[half + i];
    axis.before = std::max<std::int64_t>(before, 0);
    axis.first = std::max<std::int64_t>(-before, 0);
    axis.kept -= axis.first + std::max<std::int64_t>(-after, 0);
  }
  for (PadAxis& axis : result) axis.mode = desc.as<PadAttrs>().mode;
  return result;
}

}  // namespace convoy::movement
