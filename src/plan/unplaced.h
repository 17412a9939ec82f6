// Steps of a plan for a device on which no kernel of ours computes them yet: estimated, so that
// plans for devices that are not there are whole, but never run.
#pragma once

#include "kernels/registry.h"

namespace convoy {

// "unplaced": every operand read once and every result written once, at the rate of the level that
// holds them, and half the arithmetic peak. Its prepare() throws kUnsupported.
extern const Implementation kUnplaced;

}  // namespace convoy
