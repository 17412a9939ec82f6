// What a cost model says of one step: pure data, printable.
#pragma once

#include <cstddef>
#include <string>

namespace convoy {

struct Estimate {
  double flops = 0;
  double bytes_l2 = 0;    // moved between L1 and L2
  double bytes_dram = 0;  // moved between the last cache and memory
  double seconds = 0;
  std::size_t workspace_bytes = 0;
};

std::string to_string(const Estimate& estimate);

}  // namespace convoy
