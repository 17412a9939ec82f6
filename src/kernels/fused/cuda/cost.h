// What a fused module costs on a GPU, cut by a tile: a pure function of both and of the device.
#pragma once

#include "kernels/fused/cuda/module.h"
#include "kernels/fused/cuda/tile.cuh"

namespace convoy::fused_cuda {

// Bytes from L2 (everything that blocks read, halos and slices again and again) and from memory
// (each operand once, where it does not fit L2 more often), arithmetic including what is computed
// twice, and time.
Estimate estimate(const Module& module, const Tile& tile, const Cut& cut, const DeviceDesc& device);

// report() for the module as the kernel sees it.
TileReport judge(const Module& module, const Tile& tile, const DeviceDesc& device);

}  // namespace convoy::fused_cuda
