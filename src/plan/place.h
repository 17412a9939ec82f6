// Where every value lives: groups of values that share memory, and the arena's offsets.
#pragma once

#include "plan/plan.h"
#include "plan/views.h"

namespace convoy {

// Fills places, copies, workspace offsets, arena_bytes and activation_peak of a plan whose steps
// are chosen.
void place_values(const Graph& graph, const Views& views, Plan& plan);

}  // namespace convoy
