// Which nodes compute in kNhwc.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace convoy::passes {

// One entry per node: true for kNhwc. Convolutions always, where the kernels can; other nodes so
// that the fewest bytes are reordered. None when the graph has neither convolution nor pooling.
std::vector<bool> choose_layouts(const Graph& graph);

// The layout in which a node of that choice wants operand `slot`. Constants have no say: they stay
// kNchw, and weights are packed by their kernels.
Layout operand_layout(const Node& node, std::size_t slot, bool nhwc);

}  // namespace convoy::passes
