// Our kernels of a pair or block: fused, and one after the other.
#pragma once

#include <vector>

#include "bench/cuda/fcm_cudnn.h"
#include "cuda/compile.h"
#include "kernels/fused/cuda/module.h"

namespace convoy::bench {

// The tiles to measure: some of the whole, the least estimate first, and the first of each
// convolution on its own. Empty where there are none.
struct FcmTiles {
  std::vector<fused_cuda::Tile> whole;
  std::vector<std::vector<fused_cuda::Tile>> stages;
};
// Some tenths of a second for each convolution; may be called by many threads at once.
FcmTiles fcm_tiles(const FcmCase& fcm, DType dtype, const DeviceDesc& device,
                   std::size_t candidates);

// What measuring them compiles.
std::vector<cuda::Program> fcm_programs(const FcmCase& fcm, DType dtype, const FcmTiles& tiles);

// "unfused.dwpw.cuda.f16", then "fused.dwpw.cuda.f16" with the tile that the cost model ranks
// first and, where there are more, with the fastest. Checked before they are measured:
// what is wrong has a status and no time.
std::vector<FcmVariant> our_fcm_variants(FcmStep& step, const GraphTimer& timer, const Row& base,
                                         const FcmTiles& tiles);

}  // namespace convoy::bench
