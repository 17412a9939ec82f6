#include "api/conv2d_problem.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>

#include "api/boundary.h"
#include "device/name.h"
#include "kernels/fused/fused.h"

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
  const int precision = number_of(d.precision);
  if (precision < CONVOY_STRICT || precision > CONVOY_SPLIT) {
    fail(ErrorCode::kInvalidArgument, "desc: unknown precision " + std::to_string(precision));
  }
  if (d.threads < 0 || d.threads > 1024) {
    fail(ErrorCode::kInvalidArgument,
         "desc: threads is " + std::to_string(d.threads) + ", expected 0 to 1024");
  }
}

ConvAttrs conv_attrs(const convoy_conv2d_desc& d) {
  ConvAttrs conv;
  conv.stride = {d.stride_h, d.stride_w};
  conv.dilation = {d.dilation_h, d.dilation_w};
  conv.pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right};
  conv.groups = d.groups;
  if (d.precision == CONVOY_SPLIT) conv.precision = Precision::kSplit;
  conv.epilogue.activation = {unary_kind(d.activation), d.alpha, d.beta};
  return conv;
}

// Whether `d`, the i-th convolution, can take what `former` makes where `former` makes it.
void check_follows(const convoy_conv2d_desc& former, const convoy_conv2d_desc& d, std::size_t i) {
  const auto refuse = [&](const std::string& what) {
    fail(ErrorCode::kInvalidArgument, "convolution " + std::to_string(i) + " " + what);
  };
  const ConvDesc makes = conv_desc(former);
  const std::int64_t expected[] = {makes.n, makes.k, makes.p(), makes.q()};
  const std::int64_t given[] = {d.n, d.c, d.h, d.w};
  for (int axis = 0; axis < 4; ++axis) {
    if (given[axis] == expected[axis]) continue;
    refuse(std::string("has ") + "nchw"[axis] + " " + std::to_string(given[axis]) +
           ", the one before makes " + std::to_string(expected[axis]));
  }
  if (former.has_residual != 0) refuse("follows one with a residual, which only the last may have");
  const DeviceName here = device_name(d), there = device_name(former);
  if (d.dtype != former.dtype || d.layout != former.layout || d.threads != former.threads ||
      here.kind != there.kind || here.ordinal != there.ordinal) {
    refuse("has another dtype, layout, device or number of threads than the one before");
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

Conv2dProblem::Conv2dProblem(std::span<const convoy_conv2d_desc> stages)
    : stage_count_(stages.size()) {
  if (stages.empty() || stages.size() > kMostStages) {
    fail(ErrorCode::kInvalidArgument, "there are " + std::to_string(stages.size()) +
                                          " convolutions, expected 1 to " +
                                          std::to_string(kMostStages));
  }
  const bool fused = stages.size() > 1;
  const convoy_conv2d_desc &first = stages.front(), &last = stages.back();
  const auto dtype = static_cast<DType>(first.dtype);
  const auto layout = static_cast<Layout>(first.layout);
  FusedConvAttrs chain;
  inputs_[input_count_++] = {nullptr, dtype, layout, {first.n, first.c, first.h, first.w}};
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const convoy_conv2d_desc& d = stages[i];
    const ConvDesc desc = conv_desc(d);
    check_fields(d);
    if (i > 0) check_follows(stages[i - 1], d, i);
    chain.stages.push_back({.conv = conv_attrs(d)});
    inputs_[input_count_++] = {nullptr, dtype, Layout::kNchw, {d.k, d.c / d.groups, d.r, d.s}};
    absent_[input_count_] = true;
    inputs_[input_count_++] = {nullptr, dtype, Layout::kNchw, {d.k}};
    if (fused) absent_[input_count_++] = true;  // scales, of other types
    output_ = {nullptr, dtype, layout, {d.n, d.k, desc.p(), desc.q()}};
  }
  has_residual_ = last.has_residual != 0;
  const auto residual =
      has_residual_ ? Epilogue::Residual::kBeforeActivation : Epilogue::Residual::kNone;
  if (fused) {
    chain.residual = residual;
    attrs_ = chain;
  } else {
    chain.stages[0].conv.epilogue.residual = residual;
    attrs_ = chain.stages[0].conv;
  }
  // Of a fused module a residual that is not there is no operand.
  if (has_residual_ || !fused) {
    absent_[input_count_] = !has_residual_;
    inputs_[input_count_++] = output_;
  }
  const DeviceName name = device_name(first);
  if (name.kind == DeviceDesc::Kind::kCuda) {
    gpu_ = &cuda::Device::get(name.ordinal);
    device_ = gpu_->desc();
  } else {
    device_ = detect_cpu(first.threads);
  }
}

Conv2dStage Conv2dProblem::stage(std::size_t i) const {
  return stage_count_ == 1 ? Conv2dStage{1, 2} : Conv2dStage{fused_w(i), fused_bias(i)};
}

void Conv2dProblem::set_weights(std::size_t i, const void* weights, const void* bias) {
  const Conv2dStage at = stage(i);
  inputs_[at.weights].data = const_cast<void*>(weights);
  inputs_[at.bias].data = const_cast<void*>(bias);
  absent_[at.bias] = bias == nullptr;
}

const Implementation& choose_kernel(const Conv2dProblem& problem, const char* name) {
  const OpDesc desc = problem.op_desc();
  const DeviceDesc& device = problem.device();
  const Implementation* best = nullptr;
  double least = 0;
  std::string declined;
  for (const Implementation* entry : implementations(problem.op())) {
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
