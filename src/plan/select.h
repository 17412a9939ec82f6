// Which implementation computes a node.
#pragma once

#include <vector>

#include "plan/cost_model.h"

namespace convoy {

// The candidate of least cost that leaves the budget's bytes to what is `live` beside the step; the
// reference when nothing else can run it. Fills everything of the step but its workspace offset.
// Throws kOutOfMemory naming the missing bytes when no candidate's scratch fits.
Step select_kernel(const Graph& graph, std::int32_t node, const PlanOptions& options,
                   const CostModel& model, std::size_t live);

// "conv" and "direct.cpu.f32" -> conv.direct.cpu.f32; full names under any key. Null when unknown.
const Implementation* find_forced(const std::string& key, const std::string& name);

// Throws kUnsupported with the reason of every candidate.
[[noreturn]] void no_kernel(const Graph& graph, std::int32_t node,
                            const std::vector<Candidate>& candidates);

// Throws kNotFound, listing the operator's kernels, when options.force names one that does not
// exist.
void check_forced(const PlanOptions& options);

// Throws kUnsupported, with the reason, when a forced kernel runs no step of the plan: a flag
// without effect would pass for a measurement of what it names.
void check_forced_ran(const Graph& graph, const Plan& plan, const PlanOptions& options);

// True for a node whose output is its input under another name: the same bytes in the same order.
bool only_renames(const Graph& graph, const Node& node);

}  // namespace convoy
