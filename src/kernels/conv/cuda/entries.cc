#include "kernels/conv/cuda/entries.h"

namespace convoy {

void append_cuda_convolutions(std::vector<Implementation>& list) {
  list.push_back(kConvWindowCuda);
  list.push_back(kConvWindowBufferCuda);
  list.push_back(kConvIm2colCuda);
  list.push_back(kConvDirectCuda);
}

}  // namespace convoy
