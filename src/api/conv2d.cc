// The convolution primitive: describe, list the kernels, prepare one.
#include "api/conv2d.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "api/boundary.h"

using namespace convoy;
using namespace convoy::api;

namespace {

// Stands in for weights that are not known yet: kernels ask only whether there are any.
constexpr double kSomeWeights[1] = {};

}  // namespace

void convoy_conv2d_desc_init_sized(convoy_conv2d_desc* desc, size_t size) {
  if (desc == nullptr) return;
  convoy_conv2d_desc all = {};
  all.struct_size = std::min(size, sizeof all);
  all.n = all.c = all.h = all.w = all.k = all.r = all.s = 1;
  all.stride_h = all.stride_w = all.dilation_h = all.dilation_w = all.groups = 1;
  all.layout = CONVOY_NHWC;
  std::memcpy(desc, &all, all.struct_size);
}

void(convoy_conv2d_desc_init)(convoy_conv2d_desc* desc) {
  convoy_conv2d_desc_init_sized(desc, offsetof(convoy_conv2d_desc, device));
}

void convoy_conv2d_candidate_init(convoy_conv2d_candidate* candidate) {
  if (candidate != nullptr) *candidate = {sizeof *candidate, nullptr, nullptr, 0, 0};
}

convoy_status convoy_conv2d_output(const convoy_conv2d_desc* desc, int64_t* p, int64_t* q) {
  return guarded([&] {
    const ConvDesc conv = conv_desc(known_fields(desc));
    required(p, "p") = conv.p();
    required(q, "q") = conv.q();
  });
}

convoy_status convoy_conv2d_candidate_at(const convoy_conv2d_desc* desc, size_t index,
                                         convoy_conv2d_candidate* candidate) {
  thread_local std::string reason;
  return guarded([&] {
    Conv2dProblem problem(known_fields(desc));
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
    auto made = std::make_unique<convoy_conv2d>(known_fields(desc));
    Conv2dProblem& problem = made->problem;
    const auto copy = [&](const TensorView& like, const void* from) {
      auto tensor = std::make_unique<Tensor>(like.dtype, like.shape);
      std::copy_n(static_cast<const std::byte*>(from), like.bytes(), tensor->as<std::byte>());
      return tensor;
    };
    made->weights = copy(problem.inputs()[1], weights);
    if (bias != nullptr) made->bias = copy(problem.inputs()[2], bias);
    problem.set_weights(made->weights->view().data, bias ? made->bias->view().data : nullptr);
    made->implementation = &choose_kernel(problem, kernel);
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

void convoy_conv2d_free(convoy_conv2d* conv) {
  if (drop_handle(conv)) delete conv;
}
