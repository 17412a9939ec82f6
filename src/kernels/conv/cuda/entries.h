// The CUDA convolutions, each defined in the file of its algorithm.
#pragma once

#include <vector>

#include "cuda/compile.h"
#include "kernels/conv/conv.h"

namespace convoy {

// Best first.
void append_cuda_convolutions(std::vector<Implementation>& list);  // entries.cc

extern const Implementation kConvWindowCuda;        // conv.im2win.cuda.f32, window.cc
extern const Implementation kConvWindowBufferCuda;  // conv.im2win_explicit.cuda.f32, explicit.cc
extern const Implementation kConvIm2colCuda;        // conv.im2col.cuda.f32, im2col.cc; cuBLAS
extern const Implementation kConvDirectCuda;        // conv.direct.cuda.f32, direct.cc

// What each entry compiles for one step that it supports; compiling needs no GPU.
std::vector<cuda::Program> window_programs(const OpDesc& op, const DeviceDesc& device);
std::vector<cuda::Program> explicit_programs(const OpDesc& op, const DeviceDesc& device);
std::vector<cuda::Program> im2col_programs(const OpDesc& op, const DeviceDesc& device);
std::vector<cuda::Program> direct_programs(const OpDesc& op, const DeviceDesc& device);

}  // namespace convoy
