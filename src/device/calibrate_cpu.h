// What this CPU reaches, measured: the rates that the cost models of its kernels rest on.
#pragma once

#include "device/device.h"

namespace convoy {

struct CpuRates {
  double flops_per_second_core = 0;     // f32 multiply-adds from registers, two each, one thread
  double l1_bytes_per_second_core = 0;  // read and written by a copy within half of L1, one thread
  double l2_bytes_per_second_core = 0;  // the same within half of L2
  double l3_bytes_per_second = 0;       // the same within half of L3, all threads
  double bytes_per_second = 0;          // the same of four times L3, 64 MiB to 1 GiB, all threads
};

// The most of each that was seen in `seconds`, since whatever else the machine does only ever takes
// from it. Uses device.threads threads and the cache sizes of the description. Throws kOutOfMemory
// where there is no room for the copies.
CpuRates calibrate_cpu(const DeviceDesc& device, double seconds = 0.3);

// The description with the rates that it has of them; L1's and L3's are in no cost model.
DeviceDesc with_rates(DeviceDesc device, const CpuRates& rates);

}  // namespace convoy
