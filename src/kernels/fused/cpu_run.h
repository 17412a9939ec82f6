// The fused modules on the CPU, in f32 and NHWC: packed matrix products and the depthwise rows
// kernel, what they exchange staying in a ring and a tile of each thread.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/depthwise/rows.h"
#include "kernels/fused/cpu_tiles.h"
#include "kernels/simd/gemm.h"

namespace convoy {

// Bytes of workspace for `threads` threads.
std::size_t cpu_module_workspace(const FusedProblem& problem, const CpuTile& tile, int threads);

// What a module computes with. Both must outlive it; a run that counts bytes goes before them
// (cpu_count.h).
struct CpuKernels {
  const GemmKernels& gemm = gemm_kernels();
  const DepthwiseKernels& depthwise = depthwise_kernels();
};

// `problem` is one that the module's entry supports; `tile` is fitted() to it.
std::unique_ptr<Kernel> make_cpu_module(const FusedProblem& problem, const CpuTile& tile,
                                        const CpuKernels& kernels = {});

}  // namespace convoy
