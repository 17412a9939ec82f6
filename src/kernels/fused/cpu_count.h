// Counts what a fused module on the CPU moves while it runs: the loops are the module's own, and
// before each call of a kernel its accesses go through a simulation of the caches. A module that is
// not counted pays nothing.
#pragma once

#include "kernels/fused/cpu_traffic.h"

namespace convoy {

// What the second of two runs on one thread moves; args.outputs receive its results. args.workspace
// must hold cpu_module_workspace(problem, tile, 1) bytes; args.pool must have one thread, else
// kInvalidArgument. Not counted: the fetching ahead in pwpw, the accumulators that an activation
// other than a clamp puts on the stack, and a residual that a sliced module adds last of all.
CpuTraffic count_cpu_traffic(const FusedProblem& problem, const CpuTile& tile,
                             const DeviceDesc& device, const RunArgs& args);

}  // namespace convoy
