// Operators that give the same elements another shape or order.
#include <algorithm>
#include <numeric>

#include "graph/rules/rules.h"

namespace convoy::rules {
namespace {

std::string list(const std::vector<std::int64_t>& values) {
  std::string text = "[";
  for (std::int64_t v : values) text += (text.size() > 1 ? ", " : "") + std::to_string(v);
  return text + "]";
}

// The extents with zeros copied from x; the position of the -1, or -1, in `free_axis`.
Shape target_shape(const NodeContext& context, const std::vector<std::int64_t>& target,
                   bool allow_zero, int& free_axis) {
  const Shape x = context.shape(0);
  Shape y;
  free_axis = -1;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const int axis = static_cast<int>(i);
    if (target[i] < -1) {
      invalid("the target shape " + list(target) + " holds a negative extent");
    } else if (target[i] == -1) {
      if (free_axis >= 0) invalid("the target shape " + list(target) + " holds two -1");
      free_axis = axis;
      y.push_back(1);
    } else if (target[i] == 0 && !allow_zero) {
      if (axis >= x.rank()) {
        invalid("the target shape " + list(target) + " copies dimension " + std::to_string(i) +
                ", which " + context.describe(0) + " does not have");
      }
      y.push_back(x[axis]);
    } else {
      y.push_back(target[i]);
    }
  }
  return y;
}

const BlockAttrs& check_block(NodeContext& context) {
  const BlockAttrs& attrs = context.attrs<BlockAttrs>();
  if (attrs.block < 1 || attrs.block > (std::int64_t{1} << 20)) {
    invalid("the block size is " + std::to_string(attrs.block) + ", expected 1 to 2^20");
  }
  if (context.shape(0).rank() != 4) invalid(context.describe(0) + " must have rank 4");
  return attrs;
}

}  // namespace

void infer_reshape(NodeContext& context) {
  const auto target = context.integers(1, "the target shape");
  const bool allow_zero = context.attrs<ReshapeAttrs>().allow_zero;
  const bool has_zero = std::find(target.begin(), target.end(), 0) != target.end();
  const Shape x = context.shape(0);
  int free_axis = -1;
  Shape y = target_shape(context, target, allow_zero, free_axis);
  if (free_axis >= 0 && allow_zero && has_zero) {
    invalid("the target shape " + list(target) + " mixes 0 and -1 under allowzero");
  }
  const std::int64_t rest = y.elements();
  if (free_axis >= 0 && rest > 0 && x.elements() % rest == 0) {
    y[free_axis] = x.elements() / rest;
  }
  if (y.elements() != x.elements() || (free_axis >= 0 && rest == 0)) {
    invalid("cannot reshape " + context.describe(0) + " to " + list(target));
  }
  context.set_output(0, context.dtype(0), y);
}

void infer_flatten(NodeContext& context) {
  AxisAttrs& attrs = context.attrs<AxisAttrs>();
  const Shape x = context.shape(0);
  if (attrs.axis != x.rank()) {
    attrs.axis = normalize_axis(attrs.axis, std::max(1, x.rank()), "flattened axis");
  }
  Shape outer, inner;
  for (int d = 0; d < x.rank(); ++d) (d < attrs.axis ? outer : inner).push_back(x[d]);
  context.set_output(0, context.dtype(0), Shape{outer.elements(), inner.elements()});
}

void infer_squeeze(NodeContext& context) {
  const Shape x = context.shape(0);
  std::vector<int> axes;
  if (context.has(1)) {
    axes = normalize_axes(context.integers(1, "the list of axes"), x.rank(), "squeezed axes");
  } else {
    for (int d = 0; d < x.rank(); ++d) {
      if (x[d] == 1) axes.push_back(d);
    }
  }
  Shape y;
  for (int d = 0; d < x.rank(); ++d) {
    if (std::find(axes.begin(), axes.end(), d) == axes.end()) {
      y.push_back(x[d]);
    } else if (x[d] != 1) {
      invalid("axis " + std::to_string(d) + " of " + context.describe(0) +
              " cannot be squeezed: its extent is not 1");
    }
  }
  context.set_output(0, context.dtype(0), y);
}

void infer_unsqueeze(NodeContext& context) {
  const Shape x = context.shape(0);
  const auto given = context.integers(1, "the list of axes");
  if (given.size() > static_cast<std::size_t>(kMaxRank - x.rank())) {
    unsupported("the result has more than " + std::to_string(kMaxRank) + " dimensions");
  }
  const int rank = x.rank() + static_cast<int>(given.size());
  const std::vector<int> axes = normalize_axes(given, rank, "unsqueezed axes");
  Shape y;
  for (int d = 0, from = 0; d < rank; ++d) {
    const bool added = std::find(axes.begin(), axes.end(), d) != axes.end();
    y.push_back(added ? 1 : x[from++]);
  }
  context.set_output(0, context.dtype(0), y);
}

void infer_transpose(NodeContext& context) {
  auto& perm = context.attrs<TransposeAttrs>().perm;
  const Shape x = context.shape(0);
  if (perm.empty()) {
    perm.resize(static_cast<std::size_t>(x.rank()));
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  if (perm.size() != static_cast<std::size_t>(x.rank())) {
    invalid("the permutation " + list(perm) + " does not fit " + context.describe(0));
  }
  const std::vector<int> axes = normalize_axes(perm, x.rank(), "permutation");
  perm.assign(axes.begin(), axes.end());
  Shape y;
  for (int axis : axes) y.push_back(x[axis]);
  context.set_output(0, context.dtype(0), y);
}

void infer_depth_to_space(NodeContext& context) {
  const std::int64_t block = check_block(context).block;
  const Shape x = context.shape(0);
  if (x[1] % (block * block) != 0) {
    invalid("the channels of " + context.describe(0) + " are not divisible by the squared block " +
            std::to_string(block * block));
  }
  context.set_output(0, context.dtype(0),
                     Shape{x[0], x[1] / (block * block), checked_mul(x[2], block, "rows"),
                           checked_mul(x[3], block, "columns")});
}

void infer_space_to_depth(NodeContext& context) {
  const std::int64_t block = check_block(context).block;
  const Shape x = context.shape(0);
  if (x[2] % block != 0 || x[3] % block != 0) {
    invalid("the spatial extents of " + context.describe(0) + " are not divisible by the block " +
            std::to_string(block));
  }
  context.set_output(
      0, context.dtype(0),
      Shape{x[0], checked_mul(x[1], block * block, "channels"), x[2] / block, x[3] / block});
}

}  // namespace convoy::rules
