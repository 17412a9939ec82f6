// The convolution primitive: describe, list the kernels, prepare one.
#include "api/conv2d.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "api/boundary.h"

using namespace convoy;
using namespace convoy::api;

namespace {

// Stands in for weights that are not known yet: kernels ask only whether there are any.
constexpr double kSomeWeights[1] = {};

using Stages = std::vector<convoy_conv2d_desc>;

Stages known_stages(const convoy_conv2d_desc* const* stages, size_t count) {
  Stages known;
  // More than can be are refused by their number.
  for (size_t i = 0; i < std::min(count, Conv2dProblem::kMostStages + 1); ++i) {
    required(stages, "stages");
    known.push_back(known_fields(stages[i]));
  }
  return known;
}

void judge(const Stages& stages, size_t index, convoy_conv2d_candidate* candidate) {
  thread_local std::string reason;
  Conv2dProblem problem(stages);
  for (size_t i = 0; i < stages.size(); ++i) problem.set_weights(i, kSomeWeights, nullptr);
  convoy_conv2d_candidate& result = sized(candidate, "candidate");
  const auto list = implementations(problem.op());
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
}

// `weights` and `biases`: one of each convolution; of the latter null where there is none.
std::unique_ptr<convoy_conv2d> make(const Stages& stages, const char* kernel,
                                    std::span<const void* const> weights,
                                    std::span<const void* const> biases) {
  auto made = std::make_unique<convoy_conv2d>(stages);
  Conv2dProblem& problem = made->problem;
  const auto copy = [&](size_t operand, const void* from) -> const void* {
    if (from == nullptr) return nullptr;
    const TensorView& like = problem.inputs()[operand];
    auto tensor = std::make_unique<Tensor>(like.dtype, like.shape);
    std::copy_n(static_cast<const std::byte*>(from), like.bytes(), tensor->as<std::byte>());
    return (made->constants[operand] = std::move(tensor))->view().data;
  };
  for (size_t i = 0; i < stages.size(); ++i) {
    required(static_cast<const char*>(weights[i]), "weights");
    const Conv2dStage at = problem.stage(i);
    const void* const w = copy(at.weights, weights[i]);
    problem.set_weights(i, w, copy(at.bias, biases[i]));
  }
  made->implementation = &choose_kernel(problem, kernel);
  made->workspace_bytes = made->implementation->workspace(problem.op_desc(), problem.device());
  made->kernel = made->implementation->prepare(problem.op_desc(), problem.device());
  for (size_t operand = 0; operand < problem.inputs().size(); ++operand) {
    if (!made->kernel->reads_constant(operand)) made->constants[operand].reset();
  }
  add_handle(made.get());
  return made;
}

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
  return guarded([&] { judge({known_fields(desc)}, index, candidate); });
}

convoy_status convoy_conv2d_fused_candidate_at(const convoy_conv2d_desc* const* stages,
                                               size_t stage_count, size_t index,
                                               convoy_conv2d_candidate* candidate) {
  return guarded([&] { judge(known_stages(stages, stage_count), index, candidate); });
}

convoy_status convoy_conv2d_create(const convoy_conv2d_desc* desc, const char* kernel,
                                   const void* weights, const void* bias, convoy_conv2d** conv) {
  return guarded([&] {
    required(conv, "conv") = nullptr;
    *conv = make({known_fields(desc)}, kernel, {&weights, 1}, {&bias, 1}).release();
  });
}

convoy_status convoy_conv2d_create_fused(const convoy_conv2d_desc* const* stages,
                                         size_t stage_count, const char* kernel,
                                         const void* const* weights, const void* const* biases,
                                         convoy_conv2d** conv) {
  return guarded([&] {
    required(conv, "conv") = nullptr;
    const Stages known = known_stages(stages, stage_count);
    required(weights, "weights");
    const std::vector<const void*> none(known.size());
    *conv = make(known, kernel, {weights, known.size()},
                 biases != nullptr ? std::span(biases, known.size()) : std::span(none))
                .release();
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
