// What a fused module on the CPU moves between the levels of memory, as functions of the problem,
// its tile and the device. Verified by counting: cpu_count.h.
#pragma once

#include "device/device.h"
#include "kernels/fused/cpu_tiles.h"

namespace convoy {

struct CpuBytes {
  double x = 0;        // the first map
  double weights = 0;  // packed, and biases
  double y = 0;        // the result, what was added up there before, and the residual
  double scratch = 0;  // ring and tile: the maps between stages
  double total() const { return x + weights + y + scratch; }
};

// Bytes read and written in one run of many, the caches as the run before has left them.
struct CpuTraffic {
  CpuBytes registers;  // loaded and stored by the kernels' instructions
  CpuBytes l2;         // between L1 and L2
  CpuBytes l3;         // between L2 and L3, of all cores
  CpuBytes dram;       // between L3 and memory
};

// Registers. A matrix product of R pixels, D channels deep, into K columns reads its left side once
// for each panel, 4 R D panels, and each panel of the right side once for each register tile of
// rows: 4 sum(ceil(R / tile rows) (D + bias) width). Its y is written once, 4 R K, and read as
// often as something is added. A depthwise filter reads each row of its input once for each two
// rows of y (once for each, where it is not streamed), and its taps once for each block of channels
// or, from 5 x 5 on, for each output.
//
// Beyond a cache of C bytes: what is used again is still there if all that is used in between is at
// most C bytes. With F(step), F(task), F(run) the bytes used by one step, by all steps of a task,
// by everything:
//   nothing   if F(run) <= C
//   x         fresh rows x fresh columns of every slice: what tiles share is read by each unless
//   the
//             cache keeps it from strip to strip or from band to band; once for each panel where
//             the rows of one product do not stay
//   weights   once (by each thread that has such a cache) if F(step) <= C and they are not sliced,
//             for each task if they are, else for each step, each product or each register tile
//   scratch   nothing if F(step) <= C, else all that is written, and what is read after that
//   y         once; every slice but the first reads and writes it again unless F(slice) <= C
CpuTraffic cpu_traffic(const FusedProblem& problem, const CpuTile& tile, const DeviceDesc& device);

}  // namespace convoy
