// CUDA C++ to machine code at run time (NVRTC), through a cache on disk.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace convoy::cuda {

// One kernel to compile. `source` is a generated text of one include of an embedded file
// ("kernels/conv/cuda/window.cuh", embedded from src/ when Convoy is built) and one extern "C"
// __global__ function with named constants.
struct Program {
  std::string kernel;  // name of the extern "C" function
  std::string source;
  std::vector<std::string> options;  // beside architecture and language ("--maxrregcount=128")
};

// What the compiler says one kernel takes.
struct Resources {
  int registers = 0;              // per thread
  std::int64_t spill_bytes = 0;   // stores and loads
  std::int64_t stack_bytes = 0;   // per thread, spills and arrays indexed at run time
  std::int64_t shared_bytes = 0;  // per block, static
};

struct Binary {
  std::string kernel;
  std::vector<char> cubin;
  Resources resources;
  bool from_cache = false;
  double seconds = 0;  // to compile or to read
};

// Compiles for `arch` ("sm_90a"), as many at once as `threads` (0: one per core); from the cache
// where it holds the same source, headers, options, compiler and architecture. Throws kDevice when
// NVRTC is absent and kInternal with its log when a source does not compile.
std::vector<Binary> compile(std::span<const Program> programs, const std::string& arch,
                            int threads = 0);

// Compiles without looking at the cache or writing to it.
Binary compile_uncached(const Program& program, const std::string& arch);

// Why NVRTC cannot be used; empty when it can.
std::string compiler_missing();
// "NVRTC 13.0"; empty when there is none.
std::string compiler_version();

}  // namespace convoy::cuda
