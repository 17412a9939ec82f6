#include "api/conv2d_problem.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>

#include "api/boundary.h"
#include "device/name.h"

namespace convoy::api {
namespace {

UnaryKind unary_kind(convoy_activation activation) {
  switch (activation) {
    case CONVOY_NO_ACTIVATION:
      return UnaryKind::kIdentity;
    case CONVOY_RELU:
      return UnaryKind::kRelu;
    case CONVOY_CLIP:
      return UnaryKind::kClip;
    case CONVOY_LEAKY_RELU:
      return UnaryKind::kLeakyRelu;
    case CONVOY_HARD_SIGMOID:
      return UnaryKind::kHardSigmoid;
    case CONVOY_HARD_SWISH:
      return UnaryKind::kHardSwish;
    case CONVOY_SIGMOID:
      return UnaryKind::kSigmoid;
    case CONVOY_SILU:
      return UnaryKind::kSilu;
    case CONVOY_TANH:
      return UnaryKind::kTanh;
    case CONVOY_GELU:
      return UnaryKind::kGelu;
  }
  fail(ErrorCode::kInvalidArgument,
       "desc: unknown activation " + std::to_string(static_cast<int>(activation)));
}

DeviceName device_name(const convoy_conv2d_desc& desc) {
  try {
    return desc.device == nullptr ? DeviceName{} : parse_device(desc.device);
  } catch (const Error& error) {
    fail(error.code(), std::string("desc: ") + error.what());
  }
}

void check_fields(const convoy_conv2d_desc& d) {
  if (d.dtype != CONVOY_F32 && d.dtype != CONVOY_F64 && d.dtype != CONVOY_F16 &&
      d.dtype != CONVOY_BF16) {
    fail(ErrorCode::kUnsupported, "desc: dtype is " + std::to_string(static_cast<int>(d.dtype)) +
                                      ", supported are f32, f64, f16 and bf16");
  }
  if (d.layout < CONVOY_NCHW || d.layout > CONVOY_CHWN8) {
    fail(ErrorCode::kInvalidArgument,
         "desc: unknown layout " + std::to_string(static_cast<int>(d.layout)));
  }
  if (d.precision < CONVOY_STRICT || d.precision > CONVOY_SPLIT) {
    fail(ErrorCode::kInvalidArgument,
         "desc: unknown precision " + std::to_string(static_cast<int>(d.precision)));
  }
  if (d.threads < 0 || d.threads > 1024) {
    fail(ErrorCode::kInvalidArgument,
         "desc: threads is " + std::to_string(d.threads) + ", expected 0 to 1024");
  }
}

}  // namespace

convoy_conv2d_desc known_fields(const convoy_conv2d_desc* desc) {
  // `device` came after the first version, `precision` after the second.
  constexpr std::size_t kVersions[] = {sizeof(convoy_conv2d_desc),
                                       offsetof(convoy_conv2d_desc, precision),
                                       offsetof(convoy_conv2d_desc, device)};
  const std::size_t given = sized(desc, "desc", std::end(kVersions)[-1]).struct_size;
  convoy_conv2d_desc known = {};
  std::memcpy(&known, desc,
              *std::find_if(std::begin(kVersions), std::end(kVersions),
                            [&](auto size) { return size <= given; }));
  return known;
}

ConvDesc conv_desc(const convoy_conv2d_desc& d) {
  ConvDesc desc{d.n,        d.c,          d.h,         d.w,          d.k,          d.r,
                d.s,        d.stride_h,   d.stride_w,  d.dilation_h, d.dilation_w, d.pad_top,
                d.pad_left, d.pad_bottom, d.pad_right, d.groups};
  desc.validate();
  return desc;
}

Conv2dProblem::Conv2dProblem(const convoy_conv2d_desc& d) {
  const ConvDesc desc = conv_desc(d);
  check_fields(d);
  const DeviceName name = device_name(d);
  ConvAttrs conv;
  conv.stride = {d.stride_h, d.stride_w};
  conv.dilation = {d.dilation_h, d.dilation_w};
  conv.pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right};
  conv.groups = d.groups;
  if (d.precision == CONVOY_SPLIT) conv.precision = Precision::kSplit;
  conv.epilogue.activation = {unary_kind(d.activation), d.alpha, d.beta};
  if (d.has_residual != 0) {
    conv.epilogue.residual = Epilogue::Residual::kBeforeActivation;
    absent_[3] = false;
  }
  attrs_ = conv;
  const auto dtype = static_cast<DType>(d.dtype);
  const auto layout = static_cast<Layout>(d.layout);
  output_ = {nullptr, dtype, layout, {d.n, d.k, desc.p(), desc.q()}};
  inputs_[0] = {nullptr, dtype, layout, {d.n, d.c, d.h, d.w}};
  inputs_[1] = {nullptr, dtype, Layout::kNchw, {d.k, d.c / d.groups, d.r, d.s}};
  inputs_[2] = {nullptr, dtype, Layout::kNchw, {d.k}};
  inputs_[3] = output_;
  if (name.kind == DeviceDesc::Kind::kCuda) {
    gpu_ = &cuda::Device::get(name.ordinal);
    device_ = gpu_->desc();
  } else {
    device_ = detect_cpu(d.threads);
  }
}

void Conv2dProblem::set_weights(const void* weights, const void* bias) {
  inputs_[1].data = const_cast<void*>(weights);
  inputs_[2].data = const_cast<void*>(bias);
  absent_[2] = bias == nullptr;
}

const Implementation& choose_kernel(const Conv2dProblem& problem, const char* name) {
  const OpDesc desc = problem.op_desc();
  const DeviceDesc& device = problem.device();
  const Implementation* best = nullptr;
  double least = 0;
  std::string declined;
  for (const Implementation* entry : implementations(Op::kConv)) {
    if (name != nullptr && entry->name != name) continue;
    if (const Support support = can_run(*entry, desc, device); !support) {
      if (entry->device == device.kind || name != nullptr) {
        declined += (declined.empty() ? "" : "; ") + std::string(entry->name) +
                    " declines: " + support.reason;
      }
      continue;
    }
    const double seconds = entry->estimate(desc, device).seconds;
    if (best == nullptr || seconds < least) {
      best = entry;
      least = seconds;
    }
  }
  if (best != nullptr) return *best;
  if (!declined.empty()) fail(ErrorCode::kUnsupported, declined);
  fail(ErrorCode::kNotFound, name != nullptr
                                 ? "there is no convolution kernel '" + std::string(name) + "'"
                                 : "there is no convolution kernel for " + device.name);
}

}  // namespace convoy::api
