#include <sstream>

#include "graph/graph.h"

namespace convoy {
namespace {

std::string describe_dim(const Dim& dim) {
  if (dim.value >= 0) return std::to_string(dim.value);
  return dim.symbol.empty() ? "?" : dim.symbol;
}

// "f32 1x3x224x224", with the layout unless it is the plain one; what the file declares while
// nothing is inferred.
std::string describe_type(const Value& v) {
  std::string text(to_string(v.dtype));
  if (v.shape) {
    text += " " + to_string(*v.shape);
  } else if (v.has_declared) {
    text += v.declared.empty() ? " scalar" : " ";
    for (std::size_t i = 0; i < v.declared.size(); ++i) {
      text += (i == 0 ? "" : "x") + describe_dim(v.declared[i]);
    }
  } else {
    text += " ?";
  }
  if (v.layout != Layout::kNchw) text += " " + std::string(to_string(v.layout));
  return text;
}

std::string describe_value(const Graph& graph, ValueId id) {
  if (id == kNoValue) return "-";
  const Value& v = graph.value(id);
  return "'" + v.name + "' " + (v.constant ? "const " : "") + describe_type(v);
}

std::string describe_activation(const Unary& unary) {
  if (unary.kind == UnaryKind::kIdentity) return {};
  std::ostringstream out;
  out << " " << to_string(unary.kind);
  if (unary.alpha != 0 || unary.beta != 0) out << "(" << unary.alpha << ", " << unary.beta << ")";
  return out.str();
}

std::string describe_pads(const Pads& p) {
  if (p == Pads{}) return {};
  return " pads " + std::to_string(p.top) + "," + std::to_string(p.left) + "," +
         std::to_string(p.bottom) + "," + std::to_string(p.right);
}

std::string describe_pair(const char* what, const Pair& pair) {
  if (pair == Pair{1, 1}) return {};
  return std::string(" ") + what + " " + std::to_string(pair[0]) + "," + std::to_string(pair[1]);
}

// What tells two nodes of one operator apart at a glance; not every attribute.
std::string describe_attrs(const Node& node) {
  switch (node.op) {
    case Op::kConv: {
      const auto& a = node.as<ConvAttrs>();
      using Residual = Epilogue::Residual;
      const Residual r = a.epilogue.residual;
      return describe_pair("stride", a.stride) + describe_pair("dilation", a.dilation) +
             describe_pads(a.pads) +
             (a.groups == 1 ? std::string() : " groups " + std::to_string(a.groups)) +
             (r == Residual::kBeforeActivation ? " +residual" : "") +
             describe_activation(a.epilogue.activation) +
             (r == Residual::kAfterActivation ? " +residual" : "");
    }
    case Op::kConvTranspose: {
      const auto& a = node.as<ConvTransposeAttrs>();
      return describe_pair("stride", a.stride) + describe_pair("dilation", a.dilation) +
             describe_pads(a.pads) +
             (a.groups == 1 ? std::string() : " groups " + std::to_string(a.groups)) +
             describe_activation(a.activation);
    }
    case Op::kPool: {
      const auto& a = node.as<PoolAttrs>();
      return std::string(a.kind == PoolAttrs::Kind::kMax ? " max" : " average") +
             describe_pair("kernel", a.kernel) + describe_pair("stride", a.stride) +
             describe_pair("dilation", a.dilation) + describe_pads(a.pads);
    }
    case Op::kUnary:
      return describe_activation(node.as<Unary>());
    case Op::kBinary: {
      const auto& a = node.as<BinaryAttrs>();
      return " " + std::string(to_string(a.kind)) + describe_activation(a.activation);
    }
    case Op::kGemm:
      return describe_activation(node.as<GemmAttrs>().activation);
    case Op::kSoftmax:
    case Op::kConcat:
    case Op::kSplit:
    case Op::kGather:
    case Op::kFlatten:
      return " axis " + std::to_string(node.as<AxisAttrs>().axis);
    case Op::kTranspose: {
      std::string text = " perm";
      for (std::int64_t axis : node.as<TransposeAttrs>().perm) text += " " + std::to_string(axis);
      return text;
    }
    default:
      return {};
  }
}

}  // namespace

std::string to_string(const Graph& graph) {
  std::string text = "graph '" + graph.name + "'\n";
  for (ValueId id : graph.inputs) text += "  input " + describe_value(graph, id) + "\n";
  for (const Node& node : graph.nodes) {
    text += "  ";
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      text += (i == 0 ? "" : ", ") + describe_value(graph, node.outputs[i]);
    }
    text +=
        " = " + std::string(to_string(node.op)) + describe_attrs(node) + " [" + node.name + "] (";
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      text += (i == 0 ? "" : ", ") + describe_value(graph, node.inputs[i]);
    }
    text += ")\n";
  }
  for (ValueId id : graph.outputs) text += "  output " + describe_value(graph, id) + "\n";
  return text;
}

}  // namespace convoy
