// cuDNN's convolutions one after the other, beside a fused module.
#pragma once

#include <vector>

#include "bench/cuda/fcm_step.h"
#include "bench/cuda/graph_timer.h"

namespace convoy::bench {

// Something that was measured and can be run again; nothing to run where its row has a status.
struct FcmVariant {
  Row row;
  Enqueue enqueue;
};

// The sequence in each layout that cuDNN has for the type, each convolution by the algorithm that
// is fastest alone in a graph, of all that take up to 1 GiB of workspace:
//   cudnn.pair   convolutions without bias and activation (the residual is not added either)
//   cudnn.fused  with bias and ReLU in the same call, ReLU standing for whatever the activation is
// Layouts: nchw, nhwc; s8 also nchw4 and nchw32 (channels in vectors). f32 is strict, f16 and bf16
// may use tensor cores, s8 requantises by one scale. Errors are of the convolutions, each on its
// own input; of the layouts in vectors they are not known. `base` is what the rows have in common.
std::vector<FcmVariant> cudnn_fcm_variants(FcmStep& step, const GraphTimer& timer, const Row& base);

}  // namespace convoy::bench
