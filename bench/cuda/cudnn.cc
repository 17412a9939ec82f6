#include "bench/cuda/cudnn.h"

#include "base/error.h"

#ifdef CONVOY_BENCH_HAVE_CUDNN_HEADER
#include "bench/cuda/cudnn_api.h"
#endif

namespace convoy::bench {

#ifndef CONVOY_BENCH_HAVE_CUDNN_HEADER

std::string cudnn_missing() { return "convoy-bench was built without cuDNN's header"; }
std::vector<Row> cudnn_rows(const Options&, const std::string&, DeviceStep&) { return {}; }

#else

namespace {

struct Descriptors {
  cudnnHandle_t handle;
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t conv;

  explicit Descriptors(const DeviceStep& step) {
    const ConvDesc& d = step.desc();
    const auto i = [](std::int64_t v) { return static_cast<int>(v); };
    const cudnnTensorFormat_t format =
        step.layout() == Layout::kNhwc ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
    CUDNN_CALL(cudnnCreate, &handle);
    CUDNN_CALL(cudnnCreateTensorDescriptor, &x);
    CUDNN_CALL(cudnnCreateTensorDescriptor, &y);
    CUDNN_CALL(cudnnCreateFilterDescriptor, &w);
    CUDNN_CALL(cudnnCreateConvolutionDescriptor, &conv);
    CUDNN_CALL(cudnnSetTensor4dDescriptor, x, format, CUDNN_DATA_FLOAT, i(d.n), i(d.c), i(d.h),
               i(d.w));
    CUDNN_CALL(cudnnSetTensor4dDescriptor, y, format, CUDNN_DATA_FLOAT, i(d.n), i(d.k), i(d.p()),
               i(d.q()));
    CUDNN_CALL(cudnnSetFilter4dDescriptor, w, CUDNN_DATA_FLOAT, format, i(d.k), i(d.c / d.groups),
               i(d.r), i(d.s));
    CUDNN_CALL(cudnnSetConvolution2dDescriptor, conv, i(d.pad_top), i(d.pad_left), i(d.stride_h),
               i(d.stride_w), i(d.dilation_h), i(d.dilation_w), CUDNN_CROSS_CORRELATION,
               CUDNN_DATA_FLOAT);
    CUDNN_CALL(cudnnSetConvolutionGroupCount, conv, i(d.groups));
  }
  ~Descriptors() {
    cudnn().cudnnDestroyConvolutionDescriptor(conv);
    cudnn().cudnnDestroyFilterDescriptor(w);
    cudnn().cudnnDestroyTensorDescriptor(y);
    cudnn().cudnnDestroyTensorDescriptor(x);
    cudnn().cudnnDestroy(handle);
  }
};

}  // namespace

std::string cudnn_missing() { return cudnn().missing; }

std::vector<Row> cudnn_rows(const Options& options, const std::string& layer, DeviceStep& step) {
  const cuda::ContextScope scope(step.device());
  const Descriptors all(step);
  const bool nhwc = step.layout() == Layout::kNhwc;
  cuda::DeviceBuffer w(step.device(), step.weights().view().bytes());
  const std::vector<std::byte> last =
      nhwc ? channels_last(step.weights()) : std::vector<std::byte>();
  w.upload(nhwc ? last.data() : step.weights().as<std::byte>(), w.bytes());
  const std::size_t operands = step.operand_bytes();

  std::vector<Row> rows;
  for (const bool tensor_cores : {false, true}) {
    CUDNN_CALL(cudnnSetConvolutionMathType, all.conv,
               tensor_cores ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH);
    for (int i = 0; i < CUDNN_CONVOLUTION_FWD_ALGO_COUNT; ++i) {
      const auto algorithm = static_cast<cudnnConvolutionFwdAlgo_t>(i);
      Row row{.suite = "im2win12",
              .layer = layer,
              .implementation = std::string("cudnn.") + kCudnnAlgorithms[i],
              .device = "cuda",
              .dtype = tensor_cores ? "tf32" : "f32",
              .layout = std::string(to_string(step.layout())),
              .batch = step.desc().n};
      row.flops = static_cast<double>(step.desc().flops());
      row.bytes = static_cast<double>(operands);
      std::size_t bytes = 0;
      if (cudnn().cudnnGetConvolutionForwardWorkspaceSize(all.handle, all.x, all.w, all.conv, all.y,
                                                          algorithm,
                                                          &bytes) != CUDNN_STATUS_SUCCESS) {
        row.status = "unsupported";
        rows.push_back(row);
        continue;
      }
      row.workspace_bytes = static_cast<double>(bytes);
      row.peak_bytes = static_cast<double>(operands + bytes);
      constexpr std::size_t kMostWorkspace = std::size_t{24} << 30;
      if (bytes > kMostWorkspace) {
        row.status = "workspace over 24 GiB";
        rows.push_back(row);
        continue;
      }
      const cuda::DeviceBuffer workspace(step.device(), bytes);
      const float one = 1, zero = 0;
      const auto forward = [&] {
        return cudnn().cudnnConvolutionForward(all.handle, &one, all.x, step.x(), all.w, w.data(),
                                               all.conv, algorithm, workspace.data(), bytes, &zero,
                                               all.y, step.y());
      };
      step.poison();
      if (forward() != CUDNN_STATUS_SUCCESS) {
        row.status = "refused when run";
        rows.push_back(row);
        continue;
      }
      step.device().synchronize();
      row.error = step.error(false);
      measure_device(
          step.device(), options.seconds, [&] { forward(); }, row);
      rows.push_back(row);
    }
  }
  return rows;
}

#endif

}  // namespace convoy::bench
