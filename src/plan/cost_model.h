// What a planner asks of a cost model: every way to compute a step, and what each would cost.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace convoy {

class CostModel {
 public:
  virtual ~CostModel() = default;
  // Every way to compute the step; those that cannot be, with the reason. One that is forced and
  // can run leaves the others declined.
  virtual const std::vector<Candidate>& candidates(const OpDesc& desc) const = 0;
};

// The registry's kernels and their estimates, each with the few tiles that it finds best; times
// that were measured in their place where options.measured knows them. Equal problems are judged
// once. The options must outlive the model.
class RegistryCost final : public CostModel {
 public:
  explicit RegistryCost(const PlanOptions& options) : options_(options) {}
  const std::vector<Candidate>& candidates(const OpDesc& desc) const override;

 private:
  std::vector<Candidate> judge(const OpDesc& desc, const std::string& problem) const;

  const PlanOptions& options_;
  mutable std::map<std::string, std::vector<Candidate>> known_;  // convolutions, by problem
  mutable std::vector<Candidate> other_;                         // of the last other step
};

// What the objective counts: seconds, bytes of traffic, or bytes of scratch.
double cost_of(const Estimate& estimate, Objective objective, const DeviceDesc& device);

// The candidate of least cost that can run with at most so much scratch, the faster one of two that
// cost the same, the earlier one of two as fast; null when there is none.
const Candidate* best_of(const std::vector<Candidate>& candidates, Objective objective,
                         const DeviceDesc& device, std::size_t most_workspace);

}  // namespace convoy
