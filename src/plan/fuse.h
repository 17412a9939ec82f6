// Convolutions that one fused module may compute, and the graph in which it does.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace convoy {

// Nodes of the graph that become one step, in execution order: one node, or a path of convolutions
// each of which alone reads the one before.
using Group = std::vector<std::int32_t>;

// The paths along which convolutions may fuse, as long as they go; every convolution is on exactly
// one, perhaps alone.
std::vector<Group> conv_paths(const Graph& graph);

// Why the second of two convolutions, which reads the first, cannot be fused with it whatever the
// kernels; empty when it can.
std::string cannot_fuse(const Graph& graph, const Uses& uses, std::int32_t first,
                        std::int32_t second);

// The node that computes convolutions that follow each other: an Op::kFusedConv from the first
// one's x to the last one's result.
Node fused_node(std::span<const Node* const> convs);
Node fused_node(const Graph& graph, std::span<const std::int32_t> group);

// Every group of several as one node, at the place of its last. What lay between has no producer
// any more.
void fuse(Graph& graph, std::span<const Group> groups);

}  // namespace convoy
