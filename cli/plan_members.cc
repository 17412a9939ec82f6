// What a step computes, in a few words.
#include <string>

#include "cli/plan_report.h"

namespace convoy::cli {
namespace {

std::string pair_text(const Pair& pair) {
  const std::string first = std::to_string(pair[0]);
  return pair[0] == pair[1] ? first : first + "x" + std::to_string(pair[1]);
}

// "pw 96->24", "dw 3x3/2 96", "conv 3x3/2 3->32"; w: k x c/groups x r x s.
std::string conv_work(const ConvAttrs& attrs, const Shape& w) {
  const bool flat = w.rank() == 3;
  const std::int64_t k = w[0], c = w[1] * attrs.groups;
  const std::int64_t r = flat ? 1 : w[2], s = flat ? w[2] : w[3];
  const bool depthwise = attrs.groups > 1 && w[1] == 1;
  const bool pointwise = attrs.groups == 1 && r == 1 && s == 1;
  std::string text = depthwise ? "dw" : pointwise ? "pw" : "conv";
  if (!pointwise) text += " " + std::to_string(r) + "x" + std::to_string(s);
  if (attrs.stride != Pair{1, 1}) text += "/" + pair_text(attrs.stride);
  if (attrs.dilation != Pair{1, 1}) text += " dilated " + pair_text(attrs.dilation);
  text += " " + std::to_string(c);
  if (k != c || !depthwise) text += "->" + std::to_string(k);
  if (!depthwise && attrs.groups > 1) text += ", " + std::to_string(attrs.groups) + " groups";
  const UnaryKind activation = attrs.epilogue.activation.kind;
  if (activation != UnaryKind::kIdentity) text += " " + std::string(to_string(activation));
  if (attrs.epilogue.residual != Epilogue::Residual::kNone) text += " + residual";
  return text;
}

std::string other_work(const Node& node) {
  if (!node.onnx_type.empty()) return node.onnx_type;
  // Made by a pass.
  if (node.op == Op::kBinary) return std::string(to_string(node.as<BinaryAttrs>().kind));
  if (node.op == Op::kUnary) return std::string(to_string(node.as<Unary>().kind));
  return std::string(to_string(node.op));
}

// The names of the nodes that a fused one was made of; its own, as often, when they hold what
// should part them.
std::vector<std::string> names_of(const Node& node, std::size_t count) {
  constexpr std::string_view kPlus = " + ";
  std::vector<std::string> names;
  std::size_t begin = 0;
  for (std::size_t at = 0; at != std::string::npos; begin = at + kPlus.size()) {
    at = node.name.find(kPlus, begin);
    names.push_back(node.name.substr(begin, at == std::string::npos ? at : at - begin));
    if (at == std::string::npos) break;
  }
  return names.size() == count ? names : std::vector<std::string>(count, node.name);
}

}  // namespace

std::vector<Member> members_of(const Graph& graph, const Node& node) {
  if (node.op == Op::kConv) {
    return {{node.name, conv_work(node.as<ConvAttrs>(), *graph.value(node.inputs[1]).shape)}};
  }
  if (node.op != Op::kFusedConv) return {{node.name, other_work(node)}};
  const auto& attrs = node.as<FusedConvAttrs>();
  const std::vector<std::string> names = names_of(node, attrs.stages.size());
  std::vector<Member> members;
  for (std::size_t i = 0; i < attrs.stages.size(); ++i) {
    // x, then {w, bias, scale} of each stage
    const Value& w = graph.value(node.inputs[1 + 3 * i]);
    ConvAttrs conv = attrs.stages[i].conv;
    if (i + 1 == attrs.stages.size()) conv.epilogue.residual = attrs.residual;
    members.push_back({names[i], conv_work(conv, *w.shape)});
  }
  return members;
}

}  // namespace convoy::cli
