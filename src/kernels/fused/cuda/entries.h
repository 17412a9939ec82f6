// Modules of one stage as entries of the cells that single convolutions are looked for in.
#pragma once

#include <vector>

#include "kernels/registry.h"

namespace convoy {

void append_cuda_depthwise(std::vector<Implementation>& list);
void append_cuda_pointwise(std::vector<Implementation>& list);

}  // namespace convoy
