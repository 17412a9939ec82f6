// Replays a plan's reads and writes: does every step find its operands where it looks for them?
#pragma once

#include <string>

#include "plan/plan.h"

namespace convoy::testing {

// Empty, or the first read of memory that something else has overwritten, the first write past the
// arena, or the first step whose operands, results and workspace overlap.
std::string check_memory(const Plan& plan, const Graph& graph);

}  // namespace convoy::testing
