// Why convolutions that follow each other stay apart.
#pragma once

#include "plan/cost_model.h"
#include "plan/fuse.h"

namespace convoy {

// Every way to run the nodes as one step; those that cannot, with the reason.
const std::vector<Candidate>& candidates_of(const Graph& graph, const Group& group, DType precision,
                                            const CostModel& model);

// Every pair and triple of convolutions that follow each other and that no group of the plan holds,
// with the reason: of the graph, of the kernels, or of the costs.
std::vector<NotFused> explain_not_fused(const Graph& graph, const std::vector<Group>& paths,
                                        const std::vector<Group>& groups,
                                        const PlanOptions& options, const CostModel& model);

}  // namespace convoy
