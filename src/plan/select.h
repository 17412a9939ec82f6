// Which implementation computes a node.
#pragma once

#include <vector>

#include "plan/plan.h"

namespace convoy {

// The forced entry where it can run, else the least estimated time among those that can; the
// reference when nothing else can. Fills everything of the step but its workspace offset.
Step select_kernel(const Graph& graph, std::int32_t node, const PlanOptions& options);

// Throws kNotFound, listing the operator's kernels, when options.force names one that does not
// exist.
void check_forced(const PlanOptions& options);

// Throws kUnsupported, with the reason, when a forced kernel runs no step of the plan: a flag
// without effect would pass for a measurement of what it names.
void check_forced_ran(const Graph& graph, const Plan& plan, const PlanOptions& options);

// True for a node whose output is its input under another name: the same bytes in the same order.
bool only_renames(const Graph& graph, const Node& node);

}  // namespace convoy
