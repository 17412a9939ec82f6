// Which instruction set the vector kernels run on: the best one of the CPU, unless the environment
// asks for a lesser one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

struct Isa {
  std::int64_t target;    // Highway's bit
  std::string_view name;  // "AVX-512": as DeviceDesc::isa and messages say it
  std::string_view key;   // "avx512": as CONVOY_ISA says it
  int vector_bytes;
  // Multiply-adds a core starts per cycle (two vector pipes) at 3 GHz: a default until the machine
  // is calibrated; only ratios between kernels matter to the choice.
  double flops;
};

// What the library has code for and the CPU can run, best first.
std::vector<Isa> available_isas();

// Limits the whole process to one instruction set, by its key; "" lifts the limit. Steps prepared
// before must not run after. Throws kInvalidArgument, naming what there is, for any other key.
void limit_isa(std::string_view key);

// Applies the environment variable CONVOY_ISA, once per process; throws as limit_isa does.
void apply_isa_environment();

// The instruction set that vector code runs on now, asked of such code itself.
const Isa& running_isa();

}  // namespace convoy
