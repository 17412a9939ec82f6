#include "plan/fuse.h"

#include <algorithm>

namespace convoy {
namespace {

bool is_map(const Graph& graph, ValueId v) {
  return v != kNoValue && graph.value(v).shape && graph.value(v).shape->rank() == 4;
}

bool is_conv(const Graph& graph, const Node& node) {
  return node.op == Op::kConv && is_map(graph, node.inputs[0]) && is_map(graph, node.outputs[0]);
}

Node& node_of(std::vector<Node>& nodes, std::int32_t at) {
  return nodes[static_cast<std::size_t>(at)];
}

}  // namespace

std::string cannot_fuse(const Graph& graph, const Uses& uses, std::int32_t first,
                        std::int32_t second) {
  const Node& a = graph.nodes[static_cast<std::size_t>(first)];
  const Node& b = graph.nodes[static_cast<std::size_t>(second)];
  const auto between = static_cast<std::size_t>(a.outputs[0]);
  const std::string name = "'" + graph.values[between].name + "'";
  if (uses.is_output[between]) return name + " is a result of the model";
  if (uses.consumers[between].size() > 1) {
    return name + " is read " + std::to_string(uses.consumers[between].size()) + " times";
  }
  if (b.inputs[0] != a.outputs[0]) return name + " is no feature map of the second";
  if (a.as<ConvAttrs>().epilogue.residual != Epilogue::Residual::kNone) {
    return "a residual is added to " + name;
  }
  return {};
}

std::vector<Group> conv_paths(const Graph& graph) {
  const Uses uses(graph);
  std::vector<Group> paths;
  std::vector<std::int32_t> path_of(graph.nodes.size(), -1);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!is_conv(graph, node)) continue;
    const auto at = static_cast<std::int32_t>(n);
    const std::int32_t before = uses.producer[static_cast<std::size_t>(node.inputs[0])];
    std::int32_t path = -1;
    if (before >= 0 && is_conv(graph, graph.nodes[static_cast<std::size_t>(before)]) &&
        cannot_fuse(graph, uses, before, at).empty()) {
      path = path_of[static_cast<std::size_t>(before)];
    }
    if (path < 0) {
      path = static_cast<std::int32_t>(paths.size());
      paths.emplace_back();
    }
    paths[static_cast<std::size_t>(path)].push_back(at);
    path_of[n] = path;
  }
  return paths;
}

Node fused_node(const Graph& graph, std::span<const std::int32_t> group) {
  std::vector<const Node*> convs;
  for (const std::int32_t at : group) convs.push_back(&graph.nodes[static_cast<std::size_t>(at)]);
  return fused_node(convs);
}

Node fused_node(std::span<const Node* const> convs) {
  Node fused;
  FusedConvAttrs attrs;
  fused.op = Op::kFusedConv;
  fused.onnx_type = "Conv";
  for (const Node* conv : convs) {
    const Node& node = *conv;
    FusedConvStage& stage = attrs.stages.emplace_back();
    stage.conv = node.as<ConvAttrs>();
    if (fused.inputs.empty()) fused.inputs.push_back(node.inputs[0]);
    fused.inputs.insert(fused.inputs.end(), {node.inputs[1], node.input(2), kNoValue});
    fused.name += (fused.name.empty() ? "" : " + ") + node.name;
    fused.outputs = node.outputs;
    if (conv == convs.back() && stage.conv.epilogue.residual != Epilogue::Residual::kNone) {
      attrs.residual = stage.conv.epilogue.residual;
      fused.inputs.push_back(node.input(3));
    }
    stage.conv.epilogue.residual = Epilogue::Residual::kNone;
  }
  fused.attrs = std::move(attrs);
  return fused;
}

void fuse(Graph& graph, std::span<const Group> groups) {
  std::vector<bool> gone(graph.nodes.size(), false);
  for (const Group& group : groups) {
    if (group.size() < 2) continue;
    Node fused = fused_node(graph, group);
    for (const std::int32_t at : group) gone[static_cast<std::size_t>(at)] = true;
    gone[static_cast<std::size_t>(group.back())] = false;
    node_of(graph.nodes, group.back()) = std::move(fused);
  }
  std::vector<Node> kept;
  for (std::size_t n = 0; n < gone.size(); ++n) {
    if (!gone[n]) kept.push_back(std::move(graph.nodes[n]));
  }
  graph.nodes = std::move(kept);
}

}  // namespace convoy
