#include "plan/graph_hash.h"

#include <bit>

#include "base/sha256.h"

namespace convoy {
namespace {

// Calls `visit` with every use of a value: the inputs, the operands and results of the nodes, the
// outputs.
template <class Visit>
void for_each_use(const Graph& graph, const Visit& visit) {
  for (const ValueId v : graph.inputs) visit(v);
  for (const Node& node : graph.nodes) {
    for (const ValueId v : node.inputs) visit(v);
    for (const ValueId v : node.outputs) visit(v);
  }
  for (const ValueId v : graph.outputs) visit(v);
}

// Numbers as eight bytes, the lowest first, so that every machine hashes the same. Members are
// named one by one through structured bindings: one that is added does not compile until it counts.
class Hasher {
 public:
  explicit Hasher(const Graph& graph) : graph_(graph), numbers_(value_numbers(graph)) {}

  std::string run() {
    add("graph");
    list(graph_.inputs, [&](ValueId v) { use(v); });
    list(graph_.nodes, [&](const Node& node) { add(node); });
    list(graph_.outputs, [&](ValueId v) { use(v); });
    return to_hex(hash_.finish());
  }

 private:
  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void add(T value) {
    auto bits = static_cast<std::uint64_t>(value);
    char bytes[8];
    for (char& byte : bytes) byte = static_cast<char>(bits & 0xff), bits >>= 8;
    hash_.add({bytes, sizeof bytes});
  }
  void add(float value) { add(std::bit_cast<std::uint32_t>(value)); }
  void add(std::string_view text) {
    add(text.size());
    hash_.add(text);
  }
  template <class T>
  void add(const std::vector<T>& values) {
    list(values, [&](const T& value) { add(value); });
  }
  void add(const Pair& pair) { all(pair[0], pair[1]); }

  template <class... T>
  void all(const T&... values) {
    (add(values), ...);
  }
  template <class List, class Visit>
  void list(const List& values, const Visit& visit) {
    add(values.size());
    for (const auto& value : values) visit(value);
  }

  void add(const Shape& shape) {
    list(shape.dims(), [&](std::int64_t extent) { add(extent); });
  }

  void add(const ConstTensor& tensor) {
    add(tensor != nullptr);
    if (!tensor) return;
    const TensorView& view = tensor->view();
    all(view.dtype, view.layout, view.shape);
    add(std::string_view(view.as<const char>(), view.bytes()));
  }

  // A value by its number, and all that is known of it where it is first used.
  void use(ValueId v) {
    if (v == kNoValue) return add(-1);
    const std::int32_t number = numbers_[static_cast<std::size_t>(v)];
    add(number);
    if (number != next_) return;
    ++next_;
    const Value& value = graph_.value(v);
    all(value.dtype, value.layout, *value.shape, value.constant);
  }

  void add(const Node& node) {
    add(to_string(node.op));
    add(node.attrs.index());
    std::visit([&](const auto& attrs) { add(attrs); }, node.attrs);
    list(node.inputs, [&](ValueId v) { use(v); });
    list(node.outputs, [&](ValueId v) { use(v); });
  }

  void add(const std::monostate&) {}
  void add(const Pads& pads) {
    const auto& [top, left, bottom, right] = pads;
    all(top, left, bottom, right);
  }
  void add(const Unary& unary) {
    const auto& [kind, alpha, beta] = unary;
    all(kind, alpha, beta);
  }
  void add(const BinaryAttrs& attrs) {
    const auto& [kind, activation] = attrs;
    all(kind, activation);
  }
  void add(const Epilogue& epilogue) {
    const auto& [activation, residual] = epilogue;
    all(activation, residual);
  }
  void add(const ConvAttrs& attrs) {
    const auto& [stride, dilation, pads, auto_pad, groups, epilogue, precision] = attrs;
    all(stride, dilation, pads, auto_pad, groups, epilogue, precision);
  }
  void add(const FusedConvStage& stage) {
    const auto& [conv, y_scale] = stage;
    all(conv, y_scale);
  }
  void add(const FusedConvAttrs& attrs) {
    const auto& [stages, residual, residual_scale] = attrs;
    all(stages, residual, residual_scale);
  }
  void add(const ConvTransposeAttrs& attrs) {
    const auto& [stride, dilation, pads, auto_pad, groups, output_padding, output_shape,
                 activation] = attrs;
    all(stride, dilation, pads, auto_pad, groups, output_padding, output_shape, activation);
  }
  void add(const PoolAttrs& attrs) {
    const auto& [kind, kernel, stride, dilation, pads, auto_pad, ceil_mode, count_pad] = attrs;
    all(kind, kernel, stride, dilation, pads, auto_pad, ceil_mode, count_pad);
  }
  void add(const ReduceAttrs& attrs) {
    const auto& [kind, keep_dims, spatial, noop_without_axes] = attrs;
    all(kind, keep_dims, spatial, noop_without_axes);
  }
  void add(const NormAttrs& attrs) {
    const auto& [epsilon, axis] = attrs;
    all(epsilon, axis);
  }
  void add(const GemmAttrs& attrs) {
    const auto& [transpose_a, transpose_b, alpha, beta, activation] = attrs;
    all(transpose_a, transpose_b, alpha, beta, activation);
  }
  void add(const AxisAttrs& attrs) {
    const auto& [axis, flatten] = attrs;
    all(axis, flatten);
  }
  void add(const CastAttrs& attrs) {
    const auto& [to] = attrs;
    add(to);
  }
  void add(const ReshapeAttrs& attrs) {
    const auto& [allow_zero] = attrs;
    add(allow_zero);
  }
  void add(const TransposeAttrs& attrs) {
    const auto& [perm] = attrs;
    add(perm);
  }
  void add(const PadAttrs& attrs) {
    const auto& [mode] = attrs;
    add(mode);
  }
  void add(const ResizeAttrs& attrs) {
    const auto& [mode, coordinates, nearest, policy, cubic_a, exclude_outside, extrapolation,
                 axes] = attrs;
    all(mode, coordinates, nearest, policy, cubic_a, exclude_outside, extrapolation, axes);
  }
  void add(const BlockAttrs& attrs) {
    const auto& [block, column_row] = attrs;
    all(block, column_row);
  }
  void add(const ShapeAttrs& attrs) {
    const auto& [start, end] = attrs;
    all(start, end);
  }
  void add(const FillAttrs& attrs) {
    const auto& [value] = attrs;
    add(value);
  }

  const Graph& graph_;
  std::vector<std::int32_t> numbers_;
  std::int32_t next_ = 0;
  Sha256 hash_;
};

}  // namespace

std::string graph_hash(const Graph& graph) { return Hasher(graph).run(); }

std::vector<std::int32_t> value_numbers(const Graph& graph) {
  std::vector<std::int32_t> numbers(graph.values.size(), -1);
  std::int32_t next = 0;
  for_each_use(graph, [&](ValueId v) {
    if (v == kNoValue) return;
    std::int32_t& number = numbers[static_cast<std::size_t>(v)];
    if (number < 0) number = next++;
  });
  return numbers;
}

}  // namespace convoy
