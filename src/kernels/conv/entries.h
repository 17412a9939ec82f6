// The entries of this cell, each defined in the file of its algorithm.
#pragma once

#include "kernels/registry.h"

namespace convoy {

extern const Implementation kConvReference;  // reference.cc

}  // namespace convoy
