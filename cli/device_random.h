// Random operands in the memory of a GPU.
#pragma once

#include "base/dtype.h"
#include "cuda/memory.h"

namespace convoy::cli {

// Uniform values all over the buffer: a tile from the host, doubled on the device, since a batch
// may be gigabytes. Not zeros, which take less power and so run at a higher clock.
void fill_random(const cuda::Device& device, cuda::DeviceBuffer& buffer, DType dtype);

}  // namespace convoy::cli
