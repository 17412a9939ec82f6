// What rows of its operands a node needs for some rows of its result.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "graph/graph.h"

namespace convoy {

// Rows [begin, end) of a feature map n x c x h x w.
struct Rows {
  std::int64_t begin = 0, end = 0;
  std::int64_t count() const { return end - begin; }
  bool operator==(const Rows&) const = default;
};

// What a node that computes some rows of its result reads, for one operand.
struct OperandRows {
  bool whole = false;  // weights, biases, what is broadcast along the rows: all of it
  Rows rows;           // else these
};

// Why a node cannot compute a few rows of its result alone; empty when it can: convolutions, pools
// and whatever works element by element or pixel by pixel. Shapes are inferred, auto_pad resolved.
std::string cannot_cut(const Graph& graph, const Node& node);

// Of operand `slot`, which is present; nothing when the windows of these rows lie in the padding
// alone. Only for nodes that can be cut. For a window of r rows with stride s, dilation d and t
// rows of padding at the top, rows [a, b) need [a s - t, (b - 1) s - t + (r - 1) d + 1), as far as
// the operand has them: neighbouring strips both need the r - s rows (for d = 1) between them.
std::optional<OperandRows> operand_rows(const Graph& graph, const Node& node, std::size_t slot,
                                        const Rows& result);

// The node's attributes when it reads those rows alone: the padding is what its windows reach
// beyond the whole operand, none at the borders between strips.
Attrs strip_attrs(const Graph& graph, const Node& node, const Rows& result);

}  // namespace convoy
