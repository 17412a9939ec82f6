// The twelve layers on a GPU: ours beside cuDNN's algorithms and cuBLAS, and the ablation.
#pragma once

#include <string>
#include <vector>

#include "bench/suite.h"

namespace convoy::bench {

// Throws kDevice with the reason when there is no such GPU, kUnsupported when a peer is missing.
std::vector<Row> device_convolution_suite(const Options& options);

// Tiles of the implicit im2win kernel: the ones the cost model ranks first, measured. Prints the
// lines of kernels/conv/cuda/tuned_tiles.inc and returns their rows.
std::vector<Row> tune_suite(const Options& options);

// Seconds to compile one kernel and milliseconds to find it in the cache.
std::vector<Row> compile_suite(const Options& options);

// What the rows say together, one line each: by batch, the geometric mean over the layers of how
// much faster the implicit im2win kernel is than each of the others, and the memory that it saves
// against im2col. Of the layouts of one problem the fastest counts; rows with a status or of the
// ablation do not.
std::vector<std::string> summarize(const std::vector<Row>& rows);

}  // namespace convoy::bench
