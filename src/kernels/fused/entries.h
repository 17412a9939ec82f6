// The entries of this cell, each defined in the file of its algorithm.
#pragma once

#include <vector>

#include "kernels/fused/fused.h"

namespace convoy {

extern const Implementation kFusedReference;  // reference.cc

// Best first.
void append_cpu_modules(std::vector<Implementation>& list);   // cpu.cc
void append_cuda_modules(std::vector<Implementation>& list);  // cuda/entries.cc

}  // namespace convoy
