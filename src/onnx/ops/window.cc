// Operators with a sliding window: Conv, ConvTranspose, the pools.
#include <algorithm>

#include "onnx/ops/ops.h"

namespace convoy::onnx {
namespace {

constexpr std::int64_t kMaxExtent = std::int64_t{1} << 31;

// One- and two-dimensional windows; `rank` is agreed by all attributes of a node, 0 while unknown.
class Window {
 public:
  explicit Window(NodeReader& node) : node_(node) {}

  int rank() const { return rank_; }
  void set_rank(int rank, const char* what) {
    if (rank < 1) node_.bad(std::string(what) + " has no spatial dimensions");
    if (rank > 2) node_.unsupported(std::to_string(rank) + "-D windows are not supported");
    if (rank_ != 0 && rank_ != rank) {
      node_.bad(std::string(what) + " has " + std::to_string(rank) +
                " spatial dimensions, another "
                "attribute " +
                std::to_string(rank_));
    }
    rank_ = rank;
  }

  // {h, w}; one-dimensional values become {1, w} (or {0, w} when the neutral value is 0).
  Pair pair(const char* attribute, std::int64_t least, std::int64_t neutral) {
    const std::vector<std::int64_t> values = node_.get_ints(attribute);
    if (values.empty()) {
      if (node_.has(attribute)) node_.bad_attribute(attribute, "empty", "one value per dimension");
      return {neutral, neutral};
    }
    set_rank(static_cast<int>(std::min<std::size_t>(values.size(), 99)), attribute);
    for (std::int64_t v : values) {
      if (v < least || v > kMaxExtent) {
        node_.bad_attribute(attribute, std::to_string(v), "at least " + std::to_string(least));
      }
    }
    return values.size() == 1 ? Pair{neutral, values[0]} : Pair{values[0], values[1]};
  }

  Pads pads(AutoPad auto_pad) {
    const std::vector<std::int64_t> values = node_.get_ints("pads");
    if (values.empty()) return {};
    if (values.size() % 2 != 0) {
      node_.bad_attribute("pads", std::to_string(values.size()) + " values",
                          "two per spatial dimension");
    }
    set_rank(static_cast<int>(std::min<std::size_t>(values.size() / 2, 99)), "pads");
    bool any = false;
    for (std::int64_t v : values) {
      if (v < 0 || v > kMaxExtent) {
        node_.bad_attribute("pads", std::to_string(v), "0 to 2^31");
      }
      any |= v != 0;
    }
    if (any && auto_pad != AutoPad::kNotSet) {
      node_.bad("has both auto_pad and explicit pads");
    }
    if (values.size() == 2) return {0, values[0], 0, values[1]};
    return {values[0], values[1], values[2], values[3]};
  }

  AutoPad auto_pad() {
    const std::string text = node_.get_string("auto_pad", "NOTSET");
    if (text == "NOTSET" || text.empty()) return AutoPad::kNotSet;
    if (text == "SAME_UPPER") return AutoPad::kSameUpper;
    if (text == "SAME_LOWER") return AutoPad::kSameLower;
    if (text == "VALID") return AutoPad::kValid;
    node_.bad_attribute("auto_pad", "'" + text + "'", "NOTSET, SAME_UPPER, SAME_LOWER or VALID");
  }

  // The optional kernel_shape must repeat the weights' extents, where those are known.
  void check_kernel_shape() {
    const std::vector<std::int64_t> kernel = node_.get_ints("kernel_shape");
    if (node_.has("kernel_shape")) (void)pair("kernel_shape", 1, 1);
    const ConstTensor weights = node_.constant(1);
    if (!weights) return;
    const Shape& shape = weights->shape();
    if (shape.rank() < 3) node_.bad("weights are " + to_string(shape) + ", expected rank 3 or 4");
    set_rank(shape.rank() - 2, "the weights");
    if (!kernel.empty() &&
        !std::equal(kernel.begin(), kernel.end(), shape.begin() + 2, shape.end())) {
      node_.bad("kernel_shape differs from the weights' shape " + to_string(shape));
    }
  }

 private:
  NodeReader& node_;
  int rank_ = 0;
};

std::int64_t read_groups(NodeReader& node) {
  const std::int64_t groups = node.get_int("group", 1);
  if (groups < 1 || groups > kMaxExtent) {
    node.bad_attribute("group", std::to_string(groups), "at least 1");
  }
  return groups;
}

void convert_conv(NodeReader& node) {
  node.expect_inputs(2, 3);
  node.expect_outputs(1, 1);
  Window window(node);
  ConvAttrs conv;
  window.check_kernel_shape();
  conv.auto_pad = window.auto_pad();
  conv.stride = window.pair("strides", 1, 1);
  conv.dilation = window.pair("dilations", 1, 1);
  conv.pads = window.pads(conv.auto_pad);
  conv.groups = read_groups(node);
  node.emit(Op::kConv, conv);
}

void convert_conv_transpose(NodeReader& node) {
  node.expect_inputs(2, 3);
  node.expect_outputs(1, 1);
  Window window(node);
  ConvTransposeAttrs conv;
  window.check_kernel_shape();
  conv.auto_pad = window.auto_pad();
  conv.stride = window.pair("strides", 1, 1);
  conv.dilation = window.pair("dilations", 1, 1);
  conv.pads = window.pads(conv.auto_pad);
  conv.groups = read_groups(node);
  conv.output_padding = window.pair("output_padding", 0, 0);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t step = std::max(conv.stride[i], conv.dilation[i]);
    if (conv.output_padding[i] >= step && conv.output_padding[i] > 0) {
      node.bad_attribute("output_padding", std::to_string(conv.output_padding[i]),
                         "less than the stride or the dilation, " + std::to_string(step));
    }
  }
  conv.output_shape = node.get_ints("output_shape");
  if (!conv.output_shape.empty()) {
    window.set_rank(static_cast<int>(std::min<std::size_t>(conv.output_shape.size(), 99)),
                    "output_shape");
  }
  for (std::int64_t extent : conv.output_shape) {
    if (extent < 1) node.bad_attribute("output_shape", std::to_string(extent), "at least 1");
  }
  node.emit(Op::kConvTranspose, conv);
}

// A window that lies in the padding alone would have nothing to pool.
void check_pool_pads(const NodeReader& node, const PoolAttrs& pool) {
  const Pads& pads = pool.pads;
  const Pair most{std::max(pads.top, pads.bottom), std::max(pads.left, pads.right)};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t extent = (pool.kernel[i] - 1) * pool.dilation[i] + 1;
    if (most[i] >= extent) {
      node.bad_attribute("pads", std::to_string(most[i]),
                         "less than the window's extent, " + std::to_string(extent));
    }
  }
}

void convert_pool(NodeReader& node, PoolAttrs::Kind kind) {
  node.expect_inputs(1, 1);
  node.expect_outputs(1, 1);
  Window window(node);
  PoolAttrs pool;
  pool.kind = kind;
  if (!node.has("kernel_shape")) node.bad("required attribute 'kernel_shape' is missing");
  pool.kernel = window.pair("kernel_shape", 1, 1);
  pool.auto_pad = window.auto_pad();
  pool.stride = window.pair("strides", 1, 1);
  pool.dilation = window.pair("dilations", 1, 1);
  pool.pads = window.pads(pool.auto_pad);
  check_pool_pads(node, pool);
  pool.ceil_mode = node.get_flag("ceil_mode", false);
  if (kind == PoolAttrs::Kind::kAverage) {
    pool.count_include_pad = node.get_flag("count_include_pad", false);
  } else {
    node.ignore("storage_order");  // orders the indices, which are not computed
  }
  node.emit(Op::kPool, pool);
}

void convert_max_pool(NodeReader& node) { convert_pool(node, PoolAttrs::Kind::kMax); }
void convert_average_pool(NodeReader& node) { convert_pool(node, PoolAttrs::Kind::kAverage); }

void convert_global_pool(NodeReader& node, ReduceAttrs::Kind kind) {
  node.expect_inputs(1, 1);
  ReduceAttrs reduce;
  reduce.kind = kind;
  reduce.spatial = true;
  node.emit(Op::kReduce, reduce);
}

void convert_global_average(NodeReader& node) {
  convert_global_pool(node, ReduceAttrs::Kind::kMean);
}
void convert_global_max(NodeReader& node) { convert_global_pool(node, ReduceAttrs::Kind::kMax); }

constexpr OperatorEntry kOperators[] = {
    {"Conv", convert_conv},
    {"ConvTranspose", convert_conv_transpose},
    {"MaxPool", convert_max_pool},
    {"AveragePool", convert_average_pool},
    {"GlobalAveragePool", convert_global_average},
    {"GlobalMaxPool", convert_global_max},
};

}  // namespace

std::span<const OperatorEntry> window_operators() { return kOperators; }

}  // namespace convoy::onnx
