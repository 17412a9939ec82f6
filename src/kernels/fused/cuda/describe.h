// A fused module as its kernel sees it, and that as text.
#pragma once

#include <string>

#include "kernels/fused/cuda/tile.cuh"
#include "kernels/fused/fused.h"

namespace convoy::fused_cuda {

// What every kernel of this cell needs: a known sequence of stages, NCHW or NHWC, constant weights,
// an element type that the device computes, extents within an int.
Support supports(const FusedProblem& problem, const DeviceDesc& device);

// Only for what is supported.
Module describe(const FusedProblem& problem);

// "constexpr convoy::fused_cuda::Module kModule{...};\nconstexpr convoy::fused_cuda::Tile
// kTile{...};\n"; floats are exact.
std::string constants(const Module& module, const Tile& tile);

}  // namespace convoy::fused_cuda
