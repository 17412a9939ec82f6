// Where every value lives: groups of values that share memory, and the arena's offsets.
#pragma once

#include "plan/plan.h"

namespace convoy {

// Fills places, copies, workspace offsets, arena_bytes and activation_peak of a plan whose steps
// are chosen.
void place_values(const Graph& graph, Plan& plan);

}  // namespace convoy
