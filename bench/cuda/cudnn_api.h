// cuDNN, opened at run time. Only where its header was found when building
// (CONVOY_BENCH_HAVE_CUDNN_HEADER).
#pragma once

#include <cudnn.h>

#include <string>
#include <vector>

#include "base/tensor.h"

namespace convoy::bench {

// clang-format off
#define CUDNN_ENTRIES(X)                                                                           \
  X(cudnnCreate) X(cudnnDestroy) X(cudnnGetErrorString) X(cudnnSetStream)                          \
  X(cudnnCreateTensorDescriptor) X(cudnnSetTensor4dDescriptor) X(cudnnDestroyTensorDescriptor)     \
  X(cudnnCreateFilterDescriptor) X(cudnnSetFilter4dDescriptor) X(cudnnDestroyFilterDescriptor)     \
  X(cudnnCreateActivationDescriptor) X(cudnnSetActivationDescriptor)                               \
  X(cudnnDestroyActivationDescriptor)                                                              \
  X(cudnnCreateConvolutionDescriptor) X(cudnnSetConvolution2dDescriptor)                           \
  X(cudnnSetConvolutionMathType) X(cudnnSetConvolutionGroupCount)                                  \
  X(cudnnDestroyConvolutionDescriptor) X(cudnnGetConvolutionForwardWorkspaceSize)                  \
  X(cudnnConvolutionForward) X(cudnnConvolutionBiasActivationForward)
// clang-format on

struct Cudnn {
#define CUDNN_ENTRY(name) decltype(&::name) name = nullptr;
  CUDNN_ENTRIES(CUDNN_ENTRY)
#undef CUDNN_ENTRY
  std::string missing;  // why it cannot be used; empty when it can
};

const Cudnn& cudnn();

// Throws kDevice naming the call and cuDNN's error.
void check_cudnn(cudnnStatus_t status, const char* call);

// By cudnnConvolutionFwdAlgo_t.
inline constexpr const char* kCudnnAlgorithms[CUDNN_CONVOLUTION_FWD_ALGO_COUNT] = {
    "implicit_gemm", "implicit_precomp_gemm", "gemm", "direct", "fft", "fft_tiling",
    "winograd",      "winograd_nonfused"};

// k x c x r x s put in the order that cuDNN wants for NHWC, k x r x s x c.
std::vector<std::byte> channels_last(const Tensor& w);

}  // namespace convoy::bench

// CUDNN_CALL(cudnnCreate, &handle): calls and checks.
#define CUDNN_CALL(name, ...) \
  ::convoy::bench::check_cudnn(::convoy::bench::cudnn().name(__VA_ARGS__), #name)
