// What the machine can do: detected, calibrated, or a stored profile.
#pragma once

#include <cstdint>
#include <string>

namespace convoy {

// What kernels for NVIDIA GPUs are chosen and compiled by.
struct CudaDesc {
  int ordinal = 0;
  int compute_major = 0, compute_minor = 0;
  std::string arch;  // the target of NVRTC's --gpu-architecture: "sm_90a", "sm_86"
  std::int64_t shared_bytes_block = 48 << 10;  // the most a block may ask for (opt-in)
  std::int64_t shared_bytes_multiprocessor = 64 << 10;
  std::int64_t registers_multiprocessor = 64 << 10;
  int threads_multiprocessor = 1024;
  std::int64_t memory_bytes = 0;
  double clock_hz = 1.5e9;  // of the multiprocessors, boosted
};

struct DeviceDesc {
  enum class Kind : std::uint8_t { kCpu, kCuda };
  Kind kind = Kind::kCpu;
  std::string name;
  std::string isa;                      // CPU: the Highway target kernels run on ("AVX3")
  int vector_bytes = 16;                // CPU: of one register
  int cores = 1;                        // usable by this process
  int threads = 1;                      // the session will use
  std::int64_t l1_bytes = 32 << 10;     // per core, data; GPU: shared memory is cut from it
  std::int64_t l2_bytes = 1 << 20;      // per core
  std::int64_t l3_bytes = 32 << 20;     // shared
  double flops_per_second_core = 5e10;  // f32 fused multiply-add, one core
  double bytes_per_second = 2e10;       // main memory, all cores
  double l2_bytes_per_second_core = 1e11;
  CudaDesc cuda;  // GPU: cores and flops_per_second_core are of its multiprocessors
};

// The CPU this process runs on; threads 0 takes available_threads(). The environment variable
// CONVOY_ISA (avx512, avx2, sse4, neon, scalar) limits the instruction set: kInvalidArgument when
// this CPU lacks it.
DeviceDesc detect_cpu(int threads = 0);

}  // namespace convoy
