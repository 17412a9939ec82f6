// What the loops of a fused module on the CPU read along the rows and along the columns of its
// maps: the sums that its traffic is made of (cpu_traffic.h). Sums are of one image and one slice
// of channels.
#pragma once

#include <map>

#include "kernels/fused/cpu_tiles.h"

namespace convoy {

// How many calls of a kernel have how many rows (of a matrix) each.
using CpuCalls = std::map<std::int64_t, double>;

// The rows of y, over all strips and their steps.
struct CpuRows {
  double steps = 0;
  CpuCalls steps_of;   // rows of y at a time
  double fresh = 0;    // rows of the depthwise filter's input that their strip did not have before
  CpuCalls fresh_of;   // fresh rows that are one run of pixels, where whole rows are
  double rounds = 0;   // rows or pairs of rows that the filter goes over its input for
  double under = 0;    // rows that those read
  double in_step = 0;  // rows that steps read, each once a step
  double uses = 0;     // rows of taps that those rows meet
};

// Its columns, over all bands.
struct CpuColumns {
  double bands = 0;
  CpuCalls widths;        // of y
  CpuCalls fresh_widths;  // of the filter's input
  double fresh = 0;
  double read = 0;    // columns that one row of the filter reads
  double uses = 0;    // columns of taps that those columns meet
  double slides = 0;  // register tiles of y, where a filter is not streamed
};

CpuRows cpu_rows(const CpuStages& stages, const CpuTile& tile);
CpuColumns cpu_columns(const CpuStages& stages, const CpuTile& tile);

}  // namespace convoy
