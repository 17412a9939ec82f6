#include "cost/estimate.h"

#include <cstdio>

namespace convoy {

std::string to_string(const Estimate& e) {
  char text[160];
  std::snprintf(text, sizeof text,
                "%.3f ms, %.3g flop, %.3g B from L2, %.3g B from DRAM, %zu B workspace",
                e.seconds * 1e3, e.flops, e.bytes_l2, e.bytes_dram, e.workspace_bytes);
  return text;
}

}  // namespace convoy
