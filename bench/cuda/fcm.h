// Fused modules on a GPU beside the same convolutions one after the other, ours and cuDNN's.
#pragma once

#include <string>
#include <vector>

#include "bench/suite.h"

namespace convoy::bench {

// f32, f16, bf16 or s8. Throws kInvalidArgument.
DType parse_fcm_dtype(const std::string& name);

// Every selected pair and block at each batch and type, in NHWC:
//   fused.dwpw.cuda.f16     one kernel, with the tile that the cost model ranks first (chosen_by
//                           "model") and, with --candidates, the fastest of the first ones ("time")
//   unfused.dwpw.cuda.f16   our kernels of one convolution each, their first tiles
//   cudnn.pair, cudnn.fused where the peers name cuDNN: see fcm_cudnn.h
// all inside CUDA graphs. Throws kDevice with the reason when there is no such GPU, kUnsupported
// when a peer, or the energy counter that was asked for, is missing. A device that is lost ends the
// suite with the rows that there are.
std::vector<Row> device_fcm_suite(const Options& options);

// What the rows say together, one line each: by type, batch and module (also
// of all pairs, and of each mark), how much faster the fused
// module is than cuDNN's convolutions, cuDNN's with bias and activation, and ours unfused
// (geometric mean and least), what the cost model's tile loses, the energy, and for what exceeds
// the L2 the share of `bytes_per_second` that compulsory bytes move at. Of the layouts of one
// problem the fastest counts, rows with a status do not.
std::vector<std::string> summarize_fcm(const std::vector<Row>& rows, double bytes_per_second);

}  // namespace convoy::bench
