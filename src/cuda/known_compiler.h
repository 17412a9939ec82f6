// Which NVRTC there is, without opening it.
#pragma once

#include <string>

#include "cuda/cache.h"

namespace convoy::cuda {

// compiler_identity().text as an earlier process noted it in the cache's folder, where the
// environment names the same library and its file is unchanged: opening NVRTC takes 8 ms, which
// kernels that are in the cache need not wait for. Else opens NVRTC, and notes. Throws kDevice when
// it is absent.
std::string known_compiler(const Cache& cache);

// Notes which NVRTC was opened.
void note_compiler(const Cache& cache);

}  // namespace convoy::cuda
