// What differs between two plans of a model, or of two models alike: steps, kernels, tiles,
// estimates and memory.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "plan/plan_file.h"

namespace convoy {

// Something that a plan says in one place: "objective", "arena", "kernel".
struct PlanField {
  std::string name, before, after;
};

// Steps that compute the same nodes, as few as can be told apart: one on each side with other
// fields, several where nodes are grouped in another way, none on one side where it lacks them.
struct StepDiff {
  std::vector<PlanFile::Step> before, after;
  std::vector<PlanField> fields;  // one step on each side: what differs
};

struct PlanDiff {
  std::vector<PlanField> fields;  // of the whole plan
  std::vector<StepDiff> steps;    // in the order of the plans
  std::size_t equal_steps = 0;
  std::size_t moved = 0;  // values and scratch at other offsets, of steps that are equal otherwise
  bool equal() const { return fields.empty() && steps.empty() && moved == 0; }
};

// Nodes are the same by their index where the model is the same, else by their name. Which version
// of Convoy wrote the files does not count.
PlanDiff diff(const PlanFile& before, const PlanFile& after);

// Sum over the steps.
Estimate total(const std::vector<PlanFile::Step>& steps);

}  // namespace convoy
