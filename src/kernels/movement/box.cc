#include "kernels/movement/box.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "kernels/movement/operands.h"

namespace convoy::movement {
namespace {

std::int64_t at(const Strides& strides, int axis) {
  return strides[static_cast<std::size_t>(axis)];
}

Strides strides_of(const TensorView& view) { return convoy::strides_of(view.shape, view.layout); }

// One operand laid into one result from `offset` on along `axis`, or the other way round.
Box part(const TensorView& whole, const TensorView& piece, int axis, std::int64_t offset,
         bool piece_is_input) {
  const Strides of_whole = strides_of(whole), of_piece = strides_of(piece);
  Box box;
  (piece_is_input ? box.out_offset : box.in_offset) = offset * at(of_whole, axis);
  for (int a = 0; a < piece.shape.rank(); ++a) {
    if (piece_is_input) {
      box.add({piece.shape[a], at(of_piece, a), at(of_whole, a)});
    } else {
      box.add({piece.shape[a], at(of_whole, a), at(of_piece, a)});
    }
  }
  return box;
}

std::vector<Box> concat(const OpDesc& desc) {
  const TensorView& y = desc.outputs[0];
  const int axis = normalize_axis(desc.as<AxisAttrs>().axis, y.shape.rank(), "Concat");
  std::vector<Box> boxes;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < desc.inputs.size(); ++i) {
    boxes.push_back(part(y, desc.inputs[i], axis, offset, true));
    boxes.back().in = static_cast<int>(i);
    offset += desc.inputs[i].shape[axis];
  }
  return boxes;
}

std::vector<Box> split(const OpDesc& desc) {
  const TensorView& x = desc.inputs[0];
  const int axis = normalize_axis(desc.as<AxisAttrs>().axis, x.shape.rank(), "Split");
  std::vector<Box> boxes;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < desc.outputs.size(); ++i) {
    boxes.push_back(part(x, desc.outputs[i], axis, offset, false));
    boxes.back().out = static_cast<int>(i);
    offset += desc.outputs[i].shape[axis];
  }
  return boxes;
}

Box slice(const OpDesc& desc) {
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  const int rank = x.shape.rank();
  const auto starts = constant_ints(desc, 1), steps = constant_ints(desc, 4);
  const auto axes = axes_or_leading(desc, 3, starts.size(), rank);
  const Strides in = strides_of(x), out = strides_of(y);
  std::array<std::int64_t, kMaxRank> start{}, step;
  step.fill(1);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    const std::int64_t extent = x.shape[axes[i]];
    step[axis] = steps.empty() ? 1 : steps[i];
    const std::int64_t first = starts[i] < 0 ? starts[i] + extent : starts[i];
    const std::int64_t last = step[axis] < 0 ? std::max<std::int64_t>(extent - 1, 0) : extent;
    start[axis] = std::clamp<std::int64_t>(first, 0, last);
  }
  Box box;
  for (int a = 0; a < rank; ++a) {
    const auto axis = static_cast<std::size_t>(a);
    box.in_offset += start[axis] * in[axis];
    // A step may be as large as 64 bits hold, but is taken only between two elements.
    box.add({y.shape[a], y.shape[a] > 1 ? step[axis] * in[axis] : 0, out[axis]});
  }
  return box;
}

// Reshape and its kin: the elements in row-major order.
Box same_order(const OpDesc& desc) {
  Box box;
  box.add({desc.outputs[0].elements(), 1, 1});
  return box;
}

// Equal shapes, each side in its own strides.
Box same_shape(const OpDesc& desc) {
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  return part(y, x, 0, 0, true);
}

Box transpose(const OpDesc& desc) {
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  const auto& perm = desc.as<TransposeAttrs>().perm;
  const int rank = x.shape.rank();
  const Strides in = strides_of(x), out = strides_of(y);
  Box box;
  for (int a = 0; a < rank; ++a) {
    const std::int64_t from = perm.empty() ? rank - 1 - a : perm[static_cast<std::size_t>(a)];
    box.add({y.shape[a], at(in, normalize_axis(from, rank, "Transpose")), at(out, a)});
  }
  return box;
}

// Expand and Tile: the operand, with ones put before its shape, repeated along each axis.
Box repeat(const OpDesc& desc) {
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  const Strides in = strides_of(x), out = strides_of(y);
  const int lead = y.shape.rank() - x.shape.rank();
  Box box;
  for (int a = 0; a < y.shape.rank(); ++a) {
    const std::int64_t extent = a < lead ? 1 : x.shape[a - lead];
    const std::int64_t stride = a < lead ? 0 : at(in, a - lead);
    box.add({extent == 0 ? 0 : y.shape[a] / extent, 0, extent * at(out, a)});
    box.add({extent, stride, at(out, a)});
  }
  return box;
}

// The channels of the deep side are (block row, block column, channel), or for CRD (channel, block
// row, block column); the wide side has height (h, block row) and width (w, block column).
Box space(const OpDesc& desc) {
  const auto& attrs = desc.as<BlockAttrs>();
  const bool to_space = desc.op == Op::kDepthToSpace;
  const std::int64_t b = attrs.block;
  const TensorView& deep = to_space ? desc.inputs[0] : desc.outputs[0];
  const TensorView& wide = to_space ? desc.outputs[0] : desc.inputs[0];
  const Strides ds = strides_of(deep), ws = strides_of(wide);
  const std::int64_t channels = wide.shape[1];
  const bool crd = to_space && attrs.column_row;
  const std::int64_t row_step = crd ? b : b * channels;
  const std::int64_t column_step = crd ? 1 : channels;
  const std::int64_t channel_step = crd ? b * b : 1;
  Box box;
  const auto loop = [&](std::int64_t extent, std::int64_t deep_stride, std::int64_t wide_stride) {
    if (to_space) {
      box.add({extent, deep_stride, wide_stride});
    } else {
      box.add({extent, wide_stride, deep_stride});
    }
  };
  loop(wide.shape[0], ds[0], ws[0]);
  loop(channels, channel_step * ds[1], ws[1]);
  loop(deep.shape[2], ds[2], b * ws[2]);
  loop(b, row_step * ds[1], ws[2]);
  loop(deep.shape[3], ds[3], b * ws[3]);
  loop(b, column_step * ds[1], ws[3]);
  return box;
}

// A batch as blocks of eight and the images of each, then the other axes. The batch axis has one
// extent per loop, so the images beyond the last whole block are a box of their own.
std::vector<Box> reorder(const OpDesc& desc) {
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  if (x.layout != Layout::kChwn8 && y.layout != Layout::kChwn8) return {same_shape(desc)};
  const Shape& shape = x.shape;
  const std::int64_t inner = shape[0] == 0 ? 0 : shape.elements() / shape[0];
  struct Batch {
    Strides strides;
    std::int64_t block, image;
  };
  const auto batch = [&](Layout layout) {
    if (layout != Layout::kChwn8) {
      const Strides strides = convoy::strides_of(shape, layout);
      return Batch{strides, 8 * strides[0], strides[0]};
    }
    Shape block = shape;
    block[0] = 8;
    return Batch{convoy::strides_of(block, Layout::kChwn), 8 * inner, 1};
  };
  const Batch in = batch(x.layout), out = batch(y.layout);
  const std::int64_t blocks = shape[0] / 8;
  Box whole;
  whole.add({blocks, in.block, out.block});
  Box rest;
  rest.in_offset = blocks * in.block;
  rest.out_offset = blocks * out.block;
  whole.add({8, in.image, out.image});
  rest.add({shape[0] % 8, in.image, out.image});
  for (int a = 1; a < shape.rank(); ++a) {
    whole.add({shape[a], at(in.strides, a), at(out.strides, a)});
    rest.add(whole.loop[static_cast<std::size_t>(a) + 1]);
  }
  return {whole, rest};
}

}  // namespace

std::int64_t Box::elements() const {
  std::int64_t count = 1;
  for (const Loop& l : all()) count *= l.extent;
  return count;
}

Support supports_boxes(const OpDesc& desc) {
  const TensorView &x = desc.inputs[0], &y = desc.outputs[0];
  for (const TensorView& out : desc.outputs) {
    if (out.dtype != x.dtype) return Support::no("operand and result differ in type");
  }
  if (desc.op == Op::kReorder) return Support::yes();
  if (Support strided = has_strides(desc); !strided) return strided;
  switch (desc.op) {
    case Op::kSlice:
      for (std::size_t i : {1, 3, 4}) {
        constexpr const char* kNames[] = {"", "starts", "", "axes", "steps"};
        if (Support known = has_constant_ints(desc, i, kNames[i]); !known) return known;
      }
      return Support::yes();
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
      if (x.layout != Layout::kNchw || y.layout != Layout::kNchw) {
        return Support::no("keeps row-major order, so needs layout nchw");
      }
      return Support::yes();
    default:
      return Support::yes();
  }
}

std::vector<Box> boxes_of(const OpDesc& desc) {
  switch (desc.op) {
    case Op::kConcat:
      return concat(desc);
    case Op::kSplit:
      return split(desc);
    case Op::kSlice:
      return {slice(desc)};
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
      return {same_order(desc)};
    case Op::kIdentity:
      return {same_shape(desc)};
    case Op::kTranspose:
      return {transpose(desc)};
    case Op::kExpand:
    case Op::kTile:
      return {repeat(desc)};
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      return {space(desc)};
    case Op::kReorder:
      return reorder(desc);
    default:
      fail(ErrorCode::kInternal, std::string(to_string(desc.op)) + " is not a list of boxes");
  }
}

}  // namespace convoy::movement
