// Values that need no memory of their own: names, rows of another value, parts of a concatenation.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "plan/plan.h"

namespace convoy {

// Where a value lies in another one's memory.
struct View {
  ValueId of = kNoValue;   // kNoValue: the value has memory of its own
  std::size_t offset = 0;  // bytes from that value's first
};

struct Views {
  std::vector<View> values;  // one per graph value
  std::vector<bool> free;    // one per node: its results are there without a step
};

// Nodes whose results are their operands' bytes, in the same order:
// * whatever only renames (select.h);
// * a Slice of consecutive elements, such as rows of one NHWC image, is part of its operand;
// * the operands of a Concat that come to lie one after the other are computed in their places in
//   its result, where each is the result of a step, read by one Concat alone and no graph output.
// A slice that is a graph output stays a step, since the caller's memory holds nothing around it;
// so does one of a constant. With options.reference_only there are names alone, and a forced slice
// or concat kernel keeps its operator's steps.
Views find_views(const Graph& graph, const PlanOptions& options);

// The operands whose bytes a node without a step has as its result; the others only say which.
std::span<const ValueId> view_sources(const Node& node);

}  // namespace convoy
