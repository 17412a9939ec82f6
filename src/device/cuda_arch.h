// What follows from an NVIDIA GPU's compute capability, which the driver does not say.
#pragma once

#include <cstdint>
#include <string>

namespace convoy {

// "sm_90a": Hopper and the Blackwell of data centres have instructions of their own architecture.
std::string cuda_arch_name(int major, int minor);

// f32 multiply-adds that a multiprocessor starts per cycle.
int cuda_f32_lanes(int major, int minor);

// The cache that L1 and shared memory are cut from, of one multiprocessor (CUDA C++ Programming
// Guide, "unified data cache"); 0 for capabilities that are not known.
std::int64_t cuda_l1_bytes(int major, int minor);

}  // namespace convoy
