// Our kernels of a pair or block: fused, and one after the other.
#pragma once

#include <vector>

#include "bench/cuda/fcm_cudnn.h"
#include "cuda/compile.h"

namespace convoy::bench {

// What measuring `candidates` tiles of the whole and the first of each convolution compiles.
// Needs the case's shapes alone, so that many cases can be compiled at once.
std::vector<cuda::Program> fcm_programs(const FcmCase& fcm, DType dtype, const DeviceDesc& device,
                                        std::size_t candidates);

// "unfused.dwpw.cuda.f16", then "fused.dwpw.cuda.f16" with the tile that the cost model ranks
// first and, where there are more candidates, with the fastest. Checked before they are measured:
// what is wrong has a status and no time.
std::vector<FcmVariant> our_fcm_variants(FcmStep& step, const GraphTimer& timer, const Row& base,
                                         std::size_t candidates);

}  // namespace convoy::bench
