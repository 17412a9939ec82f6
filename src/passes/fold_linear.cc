// Scale and shift per column behind a Gemm or MatMul with constant weights go into the weights and
// the bias of a Gemm. A MatMul of more than two dimensions becomes a Gemm over all its rows.
#include <optional>
#include <utility>

#include "passes/affine.h"
#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

// y = activation-free alpha * a b + beta * c, with b known and two-dimensional.
struct Linear {
  ValueId a = kNoValue;
  ConstTensor b;
  std::vector<double> bias;  // beta * c, one per column
  GemmAttrs attrs;
};

std::optional<Linear> read_linear(Editor& editor, int n) {
  const Node& node = editor.node(n);
  const bool gemm = node.op == Op::kGemm;
  if (!gemm && node.op != Op::kMatMul) return std::nullopt;
  const Graph& graph = editor.graph();
  const ValueId a = node.inputs[0], b = node.inputs[1], c = gemm ? node.input(2) : kNoValue;
  if (!is_f32_constant(graph, b) || editor.shape(b).rank() != 2 || is_constant(graph, a) ||
      editor.shape(a).rank() < 2) {
    return std::nullopt;
  }
  Linear linear{a, editor.value(b).constant, {}, gemm ? node.as<GemmAttrs>() : GemmAttrs{}};
  if (linear.attrs.activation.kind != UnaryKind::kIdentity) return std::nullopt;
  const Shape& result = editor.shape(node.outputs[0]);
  const int columns = result.rank() - 1;
  linear.bias.assign(static_cast<std::size_t>(result[columns]), 0);
  if (c != kNoValue) {
    const auto values = per_channel(graph, c, result, columns);
    if (!values) return std::nullopt;
    linear.bias = *values;
    for (double& v : linear.bias) v *= static_cast<double>(linear.attrs.beta);
  }
  return linear;
}

std::vector<double> scaled_columns(const Linear& linear, const std::vector<double>& scale) {
  const Tensor& b = *linear.b;
  std::vector<double> out(b.as<float>(), b.as<float>() + b.shape().elements());
  const auto width = static_cast<std::size_t>(b.shape()[1]);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] *= scale[linear.attrs.transpose_b ? i / width : i % width];
  }
  return out;
}

Node make_node(Op op, Attrs attrs, std::string name, std::vector<ValueId> inputs, ValueId output) {
  Node node;
  node.op = op;
  node.attrs = std::move(attrs);
  node.name = std::move(name);
  node.inputs = std::move(inputs);
  node.outputs = {output};
  return node;
}

// The node becomes Reshape(Gemm(Reshape(a), b, c)); reshaping moves nothing.
void place_flattened(Editor& editor, int n, const std::string& name, const Linear& linear,
                     ValueId b, ValueId c) {
  const Shape in = editor.shape(linear.a), out = editor.shape(editor.node(n).outputs[0]);
  const std::int64_t depth = in[in.rank() - 1], columns = out[out.rank() - 1];
  const std::int64_t rows = in.elements() / depth;
  const ValueId flat = editor.add_value(name + ".rows", DType::kF32, {rows, depth});
  const ValueId product = editor.add_value(name + ".product", DType::kF32, {rows, columns});
  const ValueId flat_shape = editor.add_constant(name + ".rows_shape", make_s64({rows, depth}));
  const ValueId out_shape = editor.add_constant(name + ".shape", make_s64(out.dims()));
  editor.insert_before(
      n, make_node(Op::kReshape, ReshapeAttrs{}, name + ".rows", {linear.a, flat_shape}, flat));
  editor.insert_before(n, make_node(Op::kGemm, linear.attrs, name, {flat, b, c}, product));
  editor.rewrite(n, Op::kReshape, ReshapeAttrs{}, {product, out_shape});
}

bool fold(Editor& editor, int n) {
  auto linear = read_linear(editor, n);
  if (!linear) return false;
  const Shape result = editor.shape(editor.node(n).outputs[0]);
  const int rank = result.rank();
  if (rank != editor.shape(linear->a).rank() || result.elements() == 0 ||
      linear->b->shape().elements() == 0) {
    return false;
  }
  const AffineChain chain = affine_chain(editor, n, rank - 1);
  if (chain.last < 0) return false;
  const auto& [x, scale, shift] = chain.affine;
  for (std::size_t k = 0; k < linear->bias.size(); ++k) {
    linear->bias[k] = linear->bias[k] * scale[k] + shift[k];
  }
  linear->attrs.beta = 1;
  const std::string name = editor.node(n).name;
  const ValueId b = editor.add_constant(
      name + ".weights", make_f32(linear->b->shape(), scaled_columns(*linear, scale)));
  const ValueId c = editor.add_constant(name + ".bias", make_f32({result[rank - 1]}, linear->bias));
  if (rank == 2) {
    editor.sink(n, chain.last, {linear->a, b, c});
    editor.node(chain.last).op = Op::kGemm;
    editor.node(chain.last).attrs = linear->attrs;
  } else {
    place_flattened(editor, chain.last, name, *linear, b, c);
  }
  return true;
}

}  // namespace

int fold_linear(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  const int nodes = editor.size();
  for (int n = 0; n < nodes; ++n) {
    if (!editor.dead(n) && fold(editor, n)) editor.changed();
  }
  return editor.finish();
}

}  // namespace convoy::passes
