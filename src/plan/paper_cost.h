// The FCM paper's cost model as one that plans can be made with.
#pragma once

#include "cost/paper.h"
#include "plan/cost_model.h"

namespace convoy {

// Depthwise and pointwise convolutions, and the paper's modules of two of them, cost the bytes that
// src/cost/paper.h counts, n times for a batch of n, and the time that memory takes for them; a
// module that has no feasible tile declines with the reason. Longer groups decline: the paper has
// none. The kernel, and its own tile, is the one that is fastest by the registry's estimates, which
// are also those of every other step. The options must outlive the model.
class PaperCost final : public CostModel {
 public:
  // Throws kInvalidArgument when the options' device is no GPU: the model is of those alone.
  explicit PaperCost(const PlanOptions& options);
  const std::vector<Candidate>& candidates(const OpDesc& desc) const override;

 private:
  std::vector<Candidate> judge(const OpDesc& desc) const;

  const PlanOptions& options_;
  RegistryCost registry_;
  mutable std::map<std::string, std::vector<Candidate>> known_;  // by problem
};

// The model that the options name.
std::unique_ptr<CostModel> named_cost_model(const PlanOptions& options);

}  // namespace convoy
