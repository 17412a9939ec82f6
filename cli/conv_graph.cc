#include "cli/conv_graph.h"

#include "base/conv_desc.h"
#include "base/error.h"
#include "cli/inputs.h"

namespace convoy::cli {
namespace {

ValueId add_map(Graph& graph, const std::string& name, DType dtype, Layout layout,
                const Shape& shape) {
  const ValueId id = graph.add_value(name, dtype);
  graph.value(id).shape = shape;
  graph.value(id).layout = layout;
  return id;
}

ConvAttrs attrs_of(const ConvDesc& d) {
  ConvAttrs attrs;
  attrs.stride = {d.stride_h, d.stride_w};
  attrs.dilation = {d.dilation_h, d.dilation_w};
  attrs.pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right};
  attrs.groups = d.groups;
  return attrs;
}

ConvDesc parsed(const std::string& text) {
  try {
    return parse_conv_desc(text);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

}  // namespace

bool is_convolution(const std::string& text) {
  if (text.ends_with(".onnx")) return false;
  return text.find(' ') != std::string::npos || text.find("ic") != std::string::npos;
}

Graph conv_graph(const std::string& text, DType dtype, Layout layout) {
  Graph graph;
  ValueId x = kNoValue;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('|', at), text.size());
    const ConvDesc d = parsed(text.substr(at, end - at));
    at = end + 1;
    const Shape reads{d.n, d.c, d.h, d.w};
    const std::string number = std::to_string(graph.nodes.size() + 1);
    if (x == kNoValue) {
      x = add_map(graph, "x", dtype, layout, reads);
      graph.inputs.push_back(x);
    } else if (*graph.value(x).shape != reads) {
      throw UsageError("convolution " + number + " reads " + to_string(reads) +
                       ", the one before makes " + to_string(*graph.value(x).shape));
    }
    const Shape weights{d.k, d.c / d.groups, d.r, d.s};
    Node node;
    node.op = Op::kConv;
    node.onnx_type = "Conv";
    node.name = "conv" + number;
    node.attrs = attrs_of(d);
    node.inputs = {x, graph.add_constant("w" + number, random_tensor(dtype, weights, 2)), kNoValue};
    x = add_map(graph, "y" + number, dtype, layout, {d.n, d.k, d.p(), d.q()});
    node.outputs = {x};
    graph.nodes.push_back(std::move(node));
  }
  graph.outputs = {x};
  return graph;
}

}  // namespace convoy::cli
