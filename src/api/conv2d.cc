// The convolution primitive: one kernel of the registry, prepared for one problem.
#include <algorithm>
#include <memory>
#include <mutex>

#include "api/boundary.h"
#include "base/conv_desc.h"
#include "kernels/registry.h"

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

ConvDesc conv_desc(const convoy_conv2d_desc& d) {
  ConvDesc desc{d.n,        d.c,          d.h,         d.w,          d.k,          d.r,
                d.s,        d.stride_h,   d.stride_w,  d.dilation_h, d.dilation_w, d.pad_top,
                d.pad_left, d.pad_bottom, d.pad_right, d.groups};
  desc.validate();
  return desc;
}

// The problem in the registry's terms. Operands: x, weights, bias, residual.
class Problem {
 public:
  explicit Problem(const convoy_conv2d_desc& d) : desc_(conv_desc(d)) {
    if (d.dtype != CONVOY_F32 && d.dtype != CONVOY_F64) {
      fail(ErrorCode::kUnsupported, "desc: dtype is " + std::to_string(static_cast<int>(d.dtype)) +
                                        ", supported are f32 and f64");
    }
    if (d.layout < CONVOY_NCHW || d.layout > CONVOY_CHWN8) {
      fail(ErrorCode::kInvalidArgument,
           "desc: unknown layout " + std::to_string(static_cast<int>(d.layout)));
    }
    if (d.threads < 0 || d.threads > 1024) {
      fail(ErrorCode::kInvalidArgument,
           "desc: threads is " + std::to_string(d.threads) + ", expected 0 to 1024");
    }
    const auto dtype = static_cast<DType>(d.dtype);
    const auto layout = static_cast<Layout>(d.layout);
    ConvAttrs conv;
    conv.stride = {d.stride_h, d.stride_w};
    conv.dilation = {d.dilation_h, d.dilation_w};
    conv.pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right};
    conv.groups = d.groups;
    conv.epilogue.activation = {unary_kind(d.activation), d.alpha, d.beta};
    if (d.has_residual != 0) {
      conv.epilogue.residual = Epilogue::Residual::kBeforeActivation;
      absent_[3] = false;
    }
    attrs_ = conv;
    output_ = {nullptr, dtype, layout, {d.n, d.k, desc_.p(), desc_.q()}};
    inputs_[0] = {nullptr, dtype, layout, {d.n, d.c, d.h, d.w}};
    inputs_[1] = {nullptr, dtype, Layout::kNchw, {d.k, d.c / d.groups, d.r, d.s}};
    inputs_[2] = {nullptr, dtype, Layout::kNchw, {d.k}};
    inputs_[3] = output_;
    device_ = detect_cpu(d.threads);
  }

  const ConvDesc& conv() const { return desc_; }
  const DeviceDesc& device() const { return device_; }

  void set_weights(const void* weights, const void* bias) {
    inputs_[1].data = const_cast<void*>(weights);
    inputs_[2].data = const_cast<void*>(bias);
    absent_[2] = bias == nullptr;
  }

  OpDesc op_desc() const { return {Op::kConv, &attrs_, inputs_, absent_, {&output_, 1}}; }
  std::span<const TensorView> inputs() const { return inputs_; }
  const TensorView& output() const { return output_; }

 private:
  ConvDesc desc_;
  DeviceDesc device_;
  Attrs attrs_;
  TensorView inputs_[4];
  bool absent_[4] = {false, false, true, true};
  TensorView output_;
};

// Stands in for weights that are not known yet: kernels ask only whether there are any.
constexpr double kSomeWeights[1] = {};

const Implementation& choose(const Problem& problem, const char* name) {
  const OpDesc desc = problem.op_desc();
  const Implementation* best = nullptr;
  double least = 0;
  for (const Implementation* entry : implementations(Op::kConv)) {
    if (name != nullptr && entry->name != name) continue;
    if (const Support support = can_run(*entry, desc, problem.device()); !support) {
      if (name == nullptr) continue;
      fail(ErrorCode::kUnsupported, std::string(name) + " declines: " + support.reason);
    }
    const double seconds = entry->estimate(desc, problem.device()).seconds;
    if (best == nullptr || seconds < least) {
      best = entry;
      least = seconds;
    }
  }
  if (best == nullptr) {
    fail(ErrorCode::kNotFound,
         "there is no convolution kernel '" + std::string(name ? name : "") + "'");
  }
  return *best;
}

bool overlap(const void* a, std::size_t a_bytes, const void* b, std::size_t b_bytes) {
  const auto* pa = static_cast<const std::byte*>(a);
  const auto* pb = static_cast<const std::byte*>(b);
  return pa < pb + b_bytes && pb < pa + a_bytes;
}

}  // namespace
}  // namespace convoy::api

using namespace convoy;
using namespace convoy::api;

struct convoy_conv2d {
  explicit convoy_conv2d(const convoy_conv2d_desc& desc)
      : problem(desc), pool(problem.device().threads) {}

  Problem problem;
  mutable ThreadPool pool;
  mutable std::mutex turn;  // of the threads that share this handle's pool
  const Implementation* implementation = nullptr;
  std::unique_ptr<Kernel> kernel;
  std::size_t workspace_bytes = 0;
  std::unique_ptr<Tensor> weights, bias;  // copies for kernels that read them again
};

void convoy_conv2d_desc_init(convoy_conv2d_desc* desc) {
  if (desc == nullptr) return;
  *desc = {};
  desc->struct_size = sizeof *desc;
  desc->n = desc->c = desc->h = desc->w = desc->k = desc->r = desc->s = 1;
  desc->stride_h = desc->stride_w = desc->dilation_h = desc->dilation_w = desc->groups = 1;
  desc->layout = CONVOY_NHWC;
}

void convoy_conv2d_candidate_init(convoy_conv2d_candidate* candidate) {
  if (candidate != nullptr) *candidate = {sizeof *candidate, nullptr, nullptr, 0, 0};
}

convoy_status convoy_conv2d_output(const convoy_conv2d_desc* desc, int64_t* p, int64_t* q) {
  return guarded([&] {
    const ConvDesc conv = conv_desc(sized(desc, "desc"));
    required(p, "p") = conv.p();
    required(q, "q") = conv.q();
  });
}

convoy_status convoy_conv2d_candidate_at(const convoy_conv2d_desc* desc, size_t index,
                                         convoy_conv2d_candidate* candidate) {
  thread_local std::string reason;
  return guarded([&] {
    Problem problem(sized(desc, "desc"));
    problem.set_weights(kSomeWeights, nullptr);
    convoy_conv2d_candidate& result = sized(candidate, "candidate");
    const auto list = implementations(Op::kConv);
    if (index >= list.size()) {
      fail(ErrorCode::kNotFound, "there are " + std::to_string(list.size()) + " candidates");
    }
    const Implementation& entry = *list[index];
    reason = can_run(entry, problem.op_desc(), problem.device()).reason;
    result.name = entry.name.data();
    result.declined = reason.empty() ? nullptr : reason.c_str();
    result.workspace_bytes = 0;
    result.estimated_seconds = 0;
    if (!reason.empty()) return;
    result.workspace_bytes = entry.workspace(problem.op_desc(), problem.device());
    result.estimated_seconds = entry.estimate(problem.op_desc(), problem.device()).seconds;
  });
}

convoy_status convoy_conv2d_create(const convoy_conv2d_desc* desc, const char* kernel,
                                   const void* weights, const void* bias, convoy_conv2d** conv) {
  return guarded([&] {
    required(conv, "conv") = nullptr;
    required(static_cast<const char*>(weights), "weights");
    auto made = std::make_unique<convoy_conv2d>(sized(desc, "desc"));
    Problem& problem = made->problem;
    const auto copy = [&](const TensorView& like, const void* from) {
      auto tensor = std::make_unique<Tensor>(like.dtype, like.shape);
      std::copy_n(static_cast<const std::byte*>(from), like.bytes(), tensor->as<std::byte>());
      return tensor;
    };
    made->weights = copy(problem.inputs()[1], weights);
    if (bias != nullptr) made->bias = copy(problem.inputs()[2], bias);
    problem.set_weights(made->weights->view().data, bias ? made->bias->view().data : nullptr);
    made->implementation = &choose(problem, kernel);
    made->workspace_bytes = made->implementation->workspace(problem.op_desc(), problem.device());
    made->kernel = made->implementation->prepare(problem.op_desc(), problem.device());
    if (!made->kernel->reads_constant(1)) made->weights.reset();
    if (!made->kernel->reads_constant(2)) made->bias.reset();
    add_handle(made.get());
    *conv = made.release();
  });
}

convoy_status convoy_conv2d_name(const convoy_conv2d* conv, const char** name) {
  return guarded(
      [&] { required(name, "name") = checked(conv, "conv").implementation->name.data(); });
}

convoy_status convoy_conv2d_workspace(const convoy_conv2d* conv, size_t* bytes) {
  return guarded([&] { required(bytes, "bytes") = checked(conv, "conv").workspace_bytes; });
}

convoy_status convoy_conv2d_execute(const convoy_conv2d* conv, const void* x, const void* residual,
                                    void* y, void* workspace, size_t workspace_bytes) {
  return guarded([&] {
    const convoy_conv2d& c = checked(conv, "conv");
    TensorView inputs[4];
    std::copy_n(c.problem.inputs().begin(), 4, inputs);
    TensorView output = c.problem.output();
    const bool has_residual = c.problem.op_desc().present(3);
    required(static_cast<const char*>(x), "x");
    required(static_cast<char*>(y), "y");
    if (has_residual != (residual != nullptr)) {
      fail(ErrorCode::kInvalidArgument,
           has_residual ? "residual is null" : "residual: the description has none");
    }
    if (workspace_bytes < c.workspace_bytes) {
      fail(ErrorCode::kInvalidArgument, "workspace has " + std::to_string(workspace_bytes) +
                                            " bytes, expected " +
                                            std::to_string(c.workspace_bytes));
    }
    if (c.workspace_bytes > 0) {
      required(static_cast<char*>(workspace), "workspace");
      if (reinterpret_cast<std::uintptr_t>(workspace) % kAlignment != 0) {
        fail(ErrorCode::kInvalidArgument, "workspace is not aligned to 64 bytes");
      }
    }
    inputs[0].data = const_cast<void*>(x);
    inputs[1].data = c.weights ? c.weights->view().data : nullptr;
    inputs[2].data = c.bias ? c.bias->view().data : nullptr;
    inputs[3].data = const_cast<void*>(residual);
    output.data = y;
    if (overlap(y, output.bytes(), x, inputs[0].bytes())) {
      fail(ErrorCode::kInvalidArgument, "y overlaps x");
    }
    if (has_residual && overlap(y, output.bytes(), residual, output.bytes())) {
      fail(ErrorCode::kInvalidArgument, "y overlaps residual");
    }
    if (c.workspace_bytes > 0 && (overlap(y, output.bytes(), workspace, c.workspace_bytes) ||
                                  overlap(x, inputs[0].bytes(), workspace, c.workspace_bytes))) {
      fail(ErrorCode::kInvalidArgument, "workspace overlaps x or y");
    }
    const std::lock_guard lock(c.turn);
    c.kernel->run(
        {inputs, {&output, 1}, {static_cast<std::byte*>(workspace), c.workspace_bytes}, c.pool});
  });
}

void convoy_conv2d_free(convoy_conv2d* conv) {
  if (drop_handle(conv)) delete conv;
}
