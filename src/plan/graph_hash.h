// What tells one model from another when a plan is kept in a file.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace convoy {

// 64 digits, of everything that a plan and its results depend on: the graph's structure, shapes,
// layouts, element types, attributes and the contents of its constants; but not of names, which
// decide nothing, nor of values that nothing uses. Shapes are inferred.
std::string graph_hash(const Graph& graph);

// A number for every value, in the order in which inputs, nodes and outputs first name it; -1 for
// values that none of them names. The same for equal graphs, whatever else they hold.
std::vector<std::int32_t> value_numbers(const Graph& graph);

}  // namespace convoy
