#include "bench/cuda/fcm_cudnn.h"

#ifdef CONVOY_BENCH_HAVE_CUDNN_HEADER
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>

#include "base/error.h"
#include "bench/cuda/cudnn_api.h"
#endif

namespace convoy::bench {

#ifndef CONVOY_BENCH_HAVE_CUDNN_HEADER

std::vector<FcmVariant> cudnn_fcm_variants(FcmStep&, const GraphTimer&, const Row&) { return {}; }

#else

namespace {

constexpr std::size_t kMostWorkspace = std::size_t{1} << 30;

struct Form {
  const char* name;
  cudnnTensorFormat_t format;
  int vector;  // channels that lie together
};
constexpr Form kFloatForms[] = {{"nchw", CUDNN_TENSOR_NCHW, 1}, {"nhwc", CUDNN_TENSOR_NHWC, 1}};
constexpr Form kS8Forms[] = {{"nhwc", CUDNN_TENSOR_NHWC, 1},
                             {"nchw4", CUDNN_TENSOR_NCHW_VECT_C, 4},
                             {"nchw32", CUDNN_TENSOR_NCHW_VECT_C, 32}};

cudnnDataType_t type_of(DType dtype, int vector) {
  switch (dtype) {
    case DType::kF16:
      return CUDNN_DATA_HALF;
    case DType::kBF16:
      return CUDNN_DATA_BFLOAT16;
    case DType::kS8:
      return vector == 4 ? CUDNN_DATA_INT8x4 : vector == 32 ? CUDNN_DATA_INT8x32 : CUDNN_DATA_INT8;
    default:
      return CUDNN_DATA_FLOAT;
  }
}

// One for the process: making one takes longer than measuring with it. Never destroyed, as the
// driver may be gone at the end.
cudnnHandle_t handle() {
  static const cudnnHandle_t once = [] {
    cudnnHandle_t made = nullptr;
    CUDNN_CALL(cudnnCreate, &made);
    return made;
  }();
  return once;
}

// One convolution of the sequence.
class Convolution {
 public:
  Convolution(const FcmStep& step, std::size_t i, const Form& form)
      : step_(step), i_(i), form_(form), desc_(step.fcm().stages[i]) {
    const FcmConstants::Stage& constants = step.constants().stages()[i];
    const bool quantised = step.dtype() == DType::kS8, last = form.format == CUDNN_TENSOR_NHWC;
    w_ = cuda::DeviceBuffer(step.device(), constants.w.view().bytes());
    checked_w_ = cuda::DeviceBuffer(step.device(), w_.bytes());
    checked_w_.upload(constants.w.view().data, w_.bytes());
    w_.upload(last ? channels_last(constants.w).data() : constants.w.as<std::byte>(), w_.bytes());
    const std::vector<float> no_bias(static_cast<std::size_t>(desc_.k));
    bias_ = cuda::DeviceBuffer(step.device(),
                               quantised ? no_bias.size() * 4 : constants.bias.view().bytes());
    bias_.upload(quantised ? static_cast<const void*>(no_bias.data()) : constants.bias.view().data,
                 bias_.bytes());
    if (quantised) {  // keeps y near the magnitude that the scales of the channels give it
      const double terms = static_cast<double>(desc_.c / desc_.groups * desc_.r * desc_.s);
      alpha_ = static_cast<float>(2 / (std::sqrt(terms) * 73 * 73) * 127 / 6);
    }
    describe();
  }
  ~Convolution() {
    cudnn().cudnnDestroyActivationDescriptor(activation_);
    cudnn().cudnnDestroyConvolutionDescriptor(conv_);
    cudnn().cudnnDestroyFilterDescriptor(filter_);
    for (const cudnnTensorDescriptor_t tensor : {x_, y_, one_bias_}) {
      cudnn().cudnnDestroyTensorDescriptor(tensor);
    }
  }
  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;

  bool fits_form() const { return desc_.c % form_.vector == 0 && desc_.k % form_.vector == 0; }

  // Bytes; none where cuDNN has not got the algorithm for this.
  std::optional<std::size_t> workspace(int algorithm) const {
    std::size_t bytes = 0;
    if (cudnn().cudnnGetConvolutionForwardWorkspaceSize(
            handle(), x_, filter_, conv_, y_, static_cast<cudnnConvolutionFwdAlgo_t>(algorithm),
            &bytes) != CUDNN_STATUS_SUCCESS) {
      return std::nullopt;
    }
    return bytes;
  }

  cudnnStatus_t run(int algorithm, bool fused, const cuda::DeviceBuffer& workspace) const {
    const auto chosen = static_cast<cudnnConvolutionFwdAlgo_t>(algorithm);
    const float zero = 0;
    const void* x = step_.map(i_).data();
    void* y = step_.map(i_ + 1).data();
    if (!fused) {
      return cudnn().cudnnConvolutionForward(handle(), &alpha_, x_, x, filter_, w_.data(), conv_,
                                             chosen, workspace.data(), workspace.bytes(), &zero, y_,
                                             y);
    }
    return cudnn().cudnnConvolutionBiasActivationForward(
        handle(), &alpha_, x_, x, filter_, w_.data(), conv_, chosen, workspace.data(),
        workspace.bytes(), &zero, y_, y, one_bias_, bias_.data(), activation_, y_, y);
  }

  // Of what was run last.
  double error(bool fused) const {
    if (form_.vector > 1) return std::numeric_limits<double>::quiet_NaN();
    RanConv ran{.desc = desc_,
                .layout = form_.format == CUDNN_TENSOR_NHWC ? Layout::kNhwc : Layout::kNchw,
                .uniform_scale = alpha_,
                .x = step_.map(i_).data(),
                .w = checked_w_.data(),
                .y = step_.map(i_ + 1).data()};
    if (fused) {
      if (activated()) ran.activation = {UnaryKind::kRelu};
      if (step_.dtype() != DType::kS8) ran.bias = bias_.data();
    }
    return step_.checker().error(ran);
  }

 private:
  bool activated() const {
    return step_.fcm().attrs.stages[i_].conv.epilogue.activation != Unary{};
  }

  void describe() {
    const ConvDesc& d = desc_;
    const auto i = [](std::int64_t v) { return static_cast<int>(v); };
    const DType dtype = step_.dtype();
    const cudnnDataType_t type = type_of(dtype, form_.vector);
    const bool quantised = dtype == DType::kS8;
    CUDNN_CALL(cudnnCreateTensorDescriptor, &x_);
    CUDNN_CALL(cudnnCreateTensorDescriptor, &y_);
    CUDNN_CALL(cudnnCreateTensorDescriptor, &one_bias_);
    CUDNN_CALL(cudnnCreateFilterDescriptor, &filter_);
    CUDNN_CALL(cudnnCreateConvolutionDescriptor, &conv_);
    CUDNN_CALL(cudnnCreateActivationDescriptor, &activation_);
    if (!fits_form()) return;
    CUDNN_CALL(cudnnSetTensor4dDescriptor, x_, form_.format, type, i(d.n), i(d.c), i(d.h), i(d.w));
    CUDNN_CALL(cudnnSetTensor4dDescriptor, y_, form_.format, type, i(d.n), i(d.k), i(d.p()),
               i(d.q()));
    CUDNN_CALL(cudnnSetTensor4dDescriptor, one_bias_,
               form_.format == CUDNN_TENSOR_NHWC ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW,
               quantised ? CUDNN_DATA_FLOAT : type, 1, i(d.k), 1, 1);
    if (cudnn().cudnnSetFilter4dDescriptor(filter_, type, form_.format, i(d.k), i(d.c / d.groups),
                                           i(d.r), i(d.s)) != CUDNN_STATUS_SUCCESS) {
      return;  // one channel of a filter is no vector; asking for the workspace then says so
    }
    CUDNN_CALL(cudnnSetConvolution2dDescriptor, conv_, i(d.pad_top), i(d.pad_left), i(d.stride_h),
               i(d.stride_w), i(d.dilation_h), i(d.dilation_w), CUDNN_CROSS_CORRELATION,
               quantised ? CUDNN_DATA_INT32 : CUDNN_DATA_FLOAT);
    CUDNN_CALL(cudnnSetConvolutionGroupCount, conv_, i(d.groups));
    CUDNN_CALL(cudnnSetConvolutionMathType, conv_,
               dtype == DType::kF32 ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH);
    CUDNN_CALL(cudnnSetActivationDescriptor, activation_,
               activated() ? CUDNN_ACTIVATION_RELU : CUDNN_ACTIVATION_IDENTITY,
               CUDNN_NOT_PROPAGATE_NAN, 0);
  }

  const FcmStep& step_;
  std::size_t i_;
  const Form& form_;
  ConvDesc desc_;
  float alpha_ = 1;
  cuda::DeviceBuffer w_, checked_w_, bias_;
  cudnnTensorDescriptor_t x_ = nullptr, y_ = nullptr, one_bias_ = nullptr;
  cudnnFilterDescriptor_t filter_ = nullptr;
  cudnnConvolutionDescriptor_t conv_ = nullptr;
  cudnnActivationDescriptor_t activation_ = nullptr;
};

struct Choice {
  int algorithm = 0;
  double milliseconds = 0, error = 0;
  std::size_t workspace_bytes = 0;
};

// The fastest algorithm; none when cuDNN has none.
std::optional<Choice> choose(const Convolution& conv, std::size_t i, bool fused, FcmStep& step,
                             const GraphTimer& timer) {
  std::optional<Choice> best;
  for (int algorithm = 0; algorithm < CUDNN_CONVOLUTION_FWD_ALGO_COUNT; ++algorithm) {
    const std::optional<std::size_t> bytes = conv.workspace(algorithm);
    if (!bytes || *bytes > kMostWorkspace) continue;
    const cuda::DeviceBuffer workspace(step.device(), *bytes);
    const auto run = [&] { return conv.run(algorithm, fused, workspace); };
    // Refusals come before anything is enqueued; what is wrong later ends the process's context.
    if (run() != CUDNN_STATUS_SUCCESS) continue;
    timer.synchronize();
    const Enqueue enqueue = [&](CUstream) { check_cudnn(run(), "cudnnConvolutionForward"); };
    if (best && timer.is_beaten(enqueue, best->milliseconds)) continue;
    Row row;
    timer.measure(enqueue, row);
    timer.synchronize();
    if (best && best->milliseconds <= row.milliseconds) continue;
    best = Choice{algorithm, row.milliseconds, 0, *bytes};
  }
  if (best) {
    const cuda::DeviceBuffer workspace(step.device(), best->workspace_bytes);
    step.poison_stage(i);
    check_cudnn(conv.run(best->algorithm, fused, workspace), "cudnnConvolutionForward");
    timer.synchronize();
    best->error = conv.error(fused);
  }
  return best;
}

struct Sequence {
  std::vector<std::unique_ptr<Convolution> > convolutions;
  std::vector<Choice> choices;
  cuda::DeviceBuffer workspace;
};

// The sequence with the fastest algorithms; the row says which, or which convolution has none.
FcmVariant variant(FcmStep& step, const GraphTimer& timer, const Form& form, bool fused, Row row) {
  row.implementation = fused ? "cudnn.fused" : "cudnn.pair";
  row.layout = form.name;
  const auto sequence = std::make_shared<Sequence>();
  std::size_t most_workspace = 0;
  for (std::size_t i = 0; i < step.fcm().stages.size(); ++i) {
    auto conv = std::make_unique<Convolution>(step, i, form);
    const std::optional<Choice> choice =
        conv->fits_form() ? choose(*conv, i, fused, step, timer) : std::nullopt;
    if (!choice) {
      row.status = "cuDNN has no algorithm for convolution " + std::to_string(i) + " of " +
                   step.fcm().module + " in " + std::string(to_string(step.dtype())) + " " +
                   form.name;
      return {row, nullptr};
    }
    char text[80];
    std::snprintf(text, sizeof text, "%s%s %.2f us", i == 0 ? "" : ", ",
                  kCudnnAlgorithms[choice->algorithm], choice->milliseconds * 1e3);
    row.algorithms += text;
    // A NaN, which is not known, stays.
    row.error = choice->error <= row.error ? row.error : choice->error;
    most_workspace = std::max(most_workspace, choice->workspace_bytes);
    sequence->convolutions.push_back(std::move(conv));
    sequence->choices.push_back(*choice);
  }
  sequence->workspace = cuda::DeviceBuffer(step.device(), most_workspace);
  row.workspace_bytes = static_cast<double>(most_workspace);
  const Enqueue enqueue = [sequence, fused](CUstream) {
    for (std::size_t i = 0; i < sequence->choices.size(); ++i) {
      check_cudnn(sequence->convolutions[i]->run(sequence->choices[i].algorithm, fused,
                                                 sequence->workspace),
                  "cudnnConvolutionForward");
    }
  };
  timer.measure(enqueue, row);
  return {row, enqueue};
}

}  // namespace

std::vector<FcmVariant> cudnn_fcm_variants(FcmStep& step, const GraphTimer& timer,
                                           const Row& base) {
  const std::span<const Form> forms = step.dtype() == DType::kS8
                                          ? std::span<const Form>(kS8Forms)
                                          : std::span<const Form>(kFloatForms);
  const cuda::ContextScope scope(step.device());
  std::vector<FcmVariant> variants;
  for (const bool fused : {false, true}) {
    for (const Form& form : forms) {
      try {
        CUDNN_CALL(cudnnSetStream, handle(), timer.stream());
        variants.push_back(variant(step, timer, form, fused, base));
      } catch (const Error& error) {
        step.device().synchronize();  // throws when the device is lost, not only cuDNN
        Row row = base;
        row.implementation = fused ? "cudnn.fused" : "cudnn.pair";
        row.layout = form.name;
        row.status = error.what();
        variants.push_back({row, nullptr});
      }
    }
  }
  return variants;
}

#endif

}  // namespace convoy::bench
