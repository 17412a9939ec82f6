// The fused modules on CUDA devices: one entry for each module and type of elements.
#include <string>

#include "kernels/fused/cuda/describe.h"
#include "kernels/fused/cuda/module.h"
#include "kernels/fused/entries.h"

namespace convoy {
void append_cuda_modules(std::vector<Implementation>&) {}
}  // namespace convoy
