// Activations and residual additions go into the node that makes their operand.
#include <algorithm>

#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

using Residual = Epilogue::Residual;

bool is_activation(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::kRelu:
    case UnaryKind::kClip:
    case UnaryKind::kLeakyRelu:
    case UnaryKind::kHardSigmoid:
    case UnaryKind::kHardSwish:
    case UnaryKind::kSigmoid:
    case UnaryKind::kSilu:
    case UnaryKind::kTanh:
    case UnaryKind::kGelu:
    case UnaryKind::kGeluTanh:
    case UnaryKind::kElu:
    case UnaryKind::kSoftplus:
    case UnaryKind::kMish:
      return true;
    default:
      return false;
  }
}

// Where a node keeps the activation of its result; null when it cannot have (another) one.
Unary* activation_slot(Node& node) {
  Unary* slot = nullptr;
  switch (node.op) {
    case Op::kConv: {
      Epilogue& epilogue = node.as<ConvAttrs>().epilogue;
      if (epilogue.residual != Residual::kAfterActivation) slot = &epilogue.activation;
      break;
    }
    case Op::kConvTranspose:
      slot = &node.as<ConvTransposeAttrs>().activation;
      break;
    case Op::kGemm:
      slot = &node.as<GemmAttrs>().activation;
      break;
    case Op::kBinary:
      slot = &node.as<BinaryAttrs>().activation;
      break;
    default:
      break;
  }
  return slot && slot->kind == UnaryKind::kIdentity ? slot : nullptr;
}

// f(reshape(gemm)) is reshape(f(gemm)).
bool fuse_through_reshape(Editor& editor, int n, int reshape) {
  const ValueId product = editor.node(reshape).inputs[0];
  const int gemm = editor.producer(product, Op::kGemm);
  if (gemm < 0 || !editor.sole_use(product)) return false;
  Unary* slot = activation_slot(editor.node(gemm));
  if (slot == nullptr) return false;
  const Unary f = editor.node(n).as<Unary>();
  if (!editor.bypass(n, editor.node(reshape).outputs[0])) return false;
  *slot = f;
  return true;
}

bool fuse_activation(Editor& editor, int n, bool into_binary) {
  const Node& node = editor.node(n);
  if (node.op != Op::kUnary || !is_activation(node.as<Unary>().kind)) return false;
  const ValueId x = node.inputs[0];
  const int maker = editor.producer(x);
  if (maker < 0 || !editor.sole_use(x) || !is_f32(editor.graph(), x)) return false;
  if (!into_binary && editor.node(maker).op == Op::kBinary) return false;
  if (editor.node(maker).op == Op::kReshape) return fuse_through_reshape(editor, n, maker);
  Unary* slot = activation_slot(editor.node(maker));
  if (slot == nullptr) return false;
  *slot = node.as<Unary>();
  const std::vector<ValueId> inputs = editor.node(maker).inputs;
  editor.sink(maker, n, inputs);
  return true;
}

// The convolution whose result is `v` and that may add a residual to it, else -1.
int open_conv(Editor& editor, ValueId v) {
  const int n = editor.producer(v, Op::kConv);
  if (n < 0 || !editor.sole_use(v)) return -1;
  return editor.node(n).as<ConvAttrs>().epilogue.residual == Residual::kNone ? n : -1;
}

bool fuse_residual(Editor& editor, int add) {
  const Node& node = editor.node(add);
  if (node.op != Op::kBinary || node.as<BinaryAttrs>().kind != BinaryKind::kAdd ||
      node.as<BinaryAttrs>().activation.kind != UnaryKind::kIdentity ||
      !is_f32(editor.graph(), node.outputs[0])) {
    return false;
  }
  const ValueId a = node.inputs[0], b = node.inputs[1];
  if (!(editor.shape(a) == editor.shape(b)) || is_constant(editor.graph(), a) ||
      is_constant(editor.graph(), b)) {
    return false;
  }
  // Of two convolutions the later one: its result then never waits in memory.
  const int from_a = open_conv(editor, a), from_b = open_conv(editor, b);
  const int conv = std::max(from_a, from_b);
  if (conv < 0) return false;
  Epilogue& epilogue = editor.node(conv).as<ConvAttrs>().epilogue;
  epilogue.residual = epilogue.activation.kind == UnaryKind::kIdentity ? Residual::kBeforeActivation
                                                                       : Residual::kAfterActivation;
  std::vector<ValueId> inputs = editor.node(conv).inputs;  // x, w, [bias], [residual]
  inputs.resize(4, kNoValue);
  inputs[3] = conv == from_a ? b : a;
  editor.sink(conv, add, std::move(inputs));
  return true;
}

}  // namespace

int fuse_epilogues(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  const auto sweep = [&](auto&& fuse) {
    for (int n = 0; n < editor.size(); ++n) {
      if (!editor.dead(n) && fuse(n)) editor.changed();
    }
  };
  // Additions keep their activations until it is known which of them become residuals.
  sweep([&](int n) { return fuse_activation(editor, n, /*into_binary=*/false); });
  sweep([&](int n) { return fuse_residual(editor, n); });
  sweep([&](int n) { return fuse_activation(editor, n, /*into_binary=*/true); });
  return editor.finish();
}

}  // namespace convoy::passes
