// The bytes that a fused module moves, cut by a tile: counted, not fitted.
#pragma once

#include "device/device.h"
#include "kernels/fused/cuda/tile.cuh"

namespace convoy::fused_cuda {

// What moves between multiprocessors and L2 in a launch. Parts of x that several blocks need count
// each time, what lies outside the map does not; weights and constants count once for every block
// that reads them, however many of its warps do, but for weights that pass no shared memory: those
// stay in L1 for the next block as far as they fit. L2 is asked in sectors of 32 bytes. What blocks
// of a cluster read of each other moves over the same network.
struct Traffic {
  double x = 0, weights = 0, constants = 0;  // constants: taps, biases and scales
  double y = 0;                              // written, and the residual read
  double sums = 0;                           // of other blocks of a cluster
  double l2() const { return x + weights + constants + y + sums; }
};
Traffic traffic(const Module& module, const Tile& tile, const Cut& cut, const DeviceDesc& device);

// What a run moves between memory and L2 where the maps do not stay in L2 from one run to the next:
// x, weights, y and the residual once. What blocks share they share within L2: they run in the
// order of the map.
double memory_bytes(const Module& module);

}  // namespace convoy::fused_cuda
