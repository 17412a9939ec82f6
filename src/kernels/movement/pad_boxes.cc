// Pad cut into boxes: along each axis a few segments, each of which walks the operand in one step.
#include <algorithm>

#include "kernels/movement/box.h"
#include "kernels/movement/cell.h"
#include "kernels/movement/pad_axes.h"

namespace convoy::movement {
namespace {

constexpr std::size_t kMaxBoxes = 729;  // three segments along each of six axes
constexpr int kValue = 2;               // the operand that holds the constant

struct Segment {
  std::int64_t first = 0, count = 0;  // in the result
  std::int64_t source = 0, step = 0;  // in the operand; source -1 is the constant
};

// Segments of a result axis of `extent`, as long as each walks evenly; stops beyond kMaxBoxes.
std::vector<Segment> segments_of(const PadAxis& axis, std::int64_t extent) {
  std::vector<Segment> segments;
  for (std::int64_t o = 0; o < extent && segments.size() <= kMaxBoxes;) {
    Segment segment{o, 1, axis.source(o), 0};
    const auto limit = [&] {  // how far the walk that starts here can go
      if (o < axis.before) return axis.before - o;
      if (o < axis.before + axis.kept) return axis.before + axis.kept - o;
      return extent - o;
    }();
    if (segment.source < 0) {
      segment.count = limit;
    } else if (limit > 1) {
      segment.step = axis.source(o + 1) - segment.source;
      // Wraps and mirrors turn at the ends of the kept part, edges stay at one.
      const std::int64_t at = segment.source - axis.first;
      const std::int64_t room = segment.step > 0   ? axis.kept - at
                                : segment.step < 0 ? at + 1
                                                   : limit;
      const bool jumps = segment.step > 1 || segment.step < -1;
      segment.count = jumps ? 1 : std::min(limit, room);
    }
    segments.push_back(segment);
    o += segment.count;
  }
  return segments;
}

using AxisSegments = std::array<std::vector<Segment>, kMaxRank>;

AxisSegments segments_of(const OpDesc& desc) {
  const auto axes = pad_axes(desc);
  AxisSegments segments;
  const Shape& y = desc.outputs[0].shape;
  for (std::size_t a = 0; a < static_cast<std::size_t>(y.rank()); ++a) {
    segments[a] = segments_of(axes[a], y[static_cast<int>(a)]);
  }
  return segments;
}

std::size_t count_boxes(const AxisSegments& segments, int rank) {
  std::size_t count = 1;
  for (std::size_t a = 0; a < static_cast<std::size_t>(rank); ++a) {
    count = std::min(count * segments[a].size(), kMaxBoxes + 1);
  }
  return count;
}

}  // namespace

Support supports_pad_copy(const OpDesc& desc, const DeviceDesc& device) {
  if (Support support = supports_pad(desc, device); !support) return support;
  if (count_boxes(segments_of(desc), desc.outputs[0].shape.rank()) > kMaxBoxes) {
    return Support::no("the padding repeats the operand too often");
  }
  return Support::yes();
}

std::vector<Box> pad_boxes(const OpDesc& desc) {
  const AxisSegments segments = segments_of(desc);
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  const Strides in = strides_of(x.shape, x.layout), out = strides_of(y.shape, y.layout);
  const auto rank = static_cast<std::size_t>(y.shape.rank());
  const std::size_t count = count_boxes(segments, y.shape.rank());
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < count; ++i) {
    Box box;
    std::size_t rest = i;
    for (std::size_t a = 0; a < rank; ++a) {
      const Segment& segment = segments[a][rest % segments[a].size()];
      rest /= segments[a].size();
      if (segment.source < 0) box.in = kValue;
      box.in_offset += segment.source * in[a];
      box.out_offset += segment.first * out[a];
      box.add({segment.count, segment.step * in[a], out[a]});
    }
    if (box.in == kValue) {
      box.in_offset = 0;
      for (Loop& loop : box.loop) loop.in_stride = 0;
    }
    boxes.push_back(box);
  }
  return boxes;
}

}  // namespace convoy::movement
