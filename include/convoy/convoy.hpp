// Convoy for C++: a thin layer over the C interface (convoy.h), so that no C++ type crosses the
// library's border. Failures are convoy::Error.
//
//   convoy::Model model("mobilenet.onnx");
//   convoy::Session session(model, {.threads = 2});
//   session.run({image}, {scores});
#pragma once

#include <convoy/convoy.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace convoy {
inline namespace v1 {

// What went wrong, in words that name the node, tensor or argument.
class Error : public std::runtime_error {
 public:
  Error(convoy_status status, const std::string& message)
      : std::runtime_error(message), status_(status) {}
  convoy_status status() const noexcept { return status_; }

 private:
  convoy_status status_;
};

namespace detail {

inline void check(convoy_status status) {
  if (status != CONVOY_OK) throw Error(status, convoy_last_error());
}

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* handle) const noexcept {
    kFree(handle);
  }
};

}  // namespace detail

// A tensor's name, element type and extents; -1 for extents a model leaves open.
struct TensorInfo {
  std::string name;
  convoy_dtype dtype = CONVOY_F32;
  std::vector<std::int64_t> shape;

  std::size_t elements() const {
    std::size_t product = 1;
    for (std::int64_t dim : shape) product *= static_cast<std::size_t>(dim);
    return product;
  }
};

namespace detail {

template <class Ask, class Handle>
TensorInfo info(Ask ask, const Handle* handle, std::size_t index) {
  convoy_tensor_info raw;
  convoy_tensor_info_init(&raw);
  check(ask(handle, index, &raw));
  return {raw.name, raw.dtype, {raw.dims, raw.dims + (raw.rank < 0 ? 0 : raw.rank)}};
}

template <class Ask, class Handle>
std::size_t count(Ask ask, const Handle* handle) {
  std::size_t result = 0;
  check(ask(handle, &result));
  return result;
}

}  // namespace detail

// A loaded model.
class Model {
 public:
  explicit Model(const std::string& path) {
    convoy_model* raw = nullptr;
    detail::check(convoy_model_load(path.c_str(), &raw));
    handle_.reset(raw);
  }
  // From memory, which is copied.
  Model(const void* bytes, std::size_t size) {
    convoy_model* raw = nullptr;
    detail::check(convoy_model_load_bytes(bytes, size, &raw));
    handle_.reset(raw);
  }

  std::size_t input_count() const { return detail::count(convoy_model_input_count, get()); }
  std::size_t output_count() const { return detail::count(convoy_model_output_count, get()); }
  TensorInfo input(std::size_t i) const { return detail::info(convoy_model_input, get(), i); }
  TensorInfo output(std::size_t i) const { return detail::info(convoy_model_output, get(), i); }
  const convoy_model* get() const { return handle_.get(); }

 private:
  std::unique_ptr<convoy_model, detail::Free<convoy_model_free>> handle_;
};

enum class Objective {
  kTime = CONVOY_LEAST_TIME,
  kBytes = CONVOY_LEAST_BYTES,
  kMemory = CONVOY_LEAST_MEMORY
};

struct SessionOptions {
  int threads = 0;         // 0: what this process may use
  std::int64_t batch = 0;  // 0: as the model says
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;  // by input name
  std::vector<std::string> force;                                         // "conv=direct.cpu.f32"
  Objective objective = Objective::kTime;  // what the plan makes least
  std::uint64_t memory_budget = 0;         // bytes of activations at most; 0: no limit
  bool fusion = true;                      // convolutions that follow each other may be one step
  std::string plan;  // path of a saved plan to run instead of planning; empty: none
};

// A planned and prepared model with its activations; for one thread at a time.
class Session {
 public:
  explicit Session(const Model& model, const SessionOptions& options = {}) {
    std::vector<convoy_shape> shapes;
    for (const auto& [name, dims] : options.shapes) {
      shapes.push_back({name.c_str(), static_cast<std::int32_t>(dims.size()), dims.data()});
    }
    std::vector<const char*> force;
    for (const std::string& entry : options.force) force.push_back(entry.c_str());
    convoy_session_options raw;
    convoy_session_options_init(&raw);
    raw.threads = options.threads;
    raw.batch = options.batch;
    raw.shapes = shapes.data();
    raw.shape_count = shapes.size();
    raw.force = force.data();
    raw.force_count = force.size();
    raw.objective = static_cast<convoy_objective>(options.objective);
    raw.memory_budget = options.memory_budget;
    raw.no_fusion = options.fusion ? 0 : 1;
    raw.plan = options.plan.empty() ? nullptr : options.plan.c_str();
    convoy_session* made = nullptr;
    detail::check(convoy_session_create(model.get(), &raw, &made));
    handle_.reset(made);
  }

  // For another thread: shares weights and plan.
  Session clone() const {
    convoy_session* made = nullptr;
    detail::check(convoy_session_clone(handle_.get(), &made));
    return Session(made);
  }

  std::size_t input_count() const { return detail::count(convoy_session_input_count, get()); }
  std::size_t output_count() const { return detail::count(convoy_session_output_count, get()); }
  TensorInfo input(std::size_t i) const { return detail::info(convoy_session_input, get(), i); }
  TensorInfo output(std::size_t i) const { return detail::info(convoy_session_output, get(), i); }
  std::size_t arena_bytes() const { return memory().first; }
  std::size_t weight_bytes() const { return memory().second; }

  // Row-major memory of the sizes input() and output() say; allocates nothing in the library.
  void run(std::initializer_list<const void*> inputs, std::initializer_list<void*> outputs) {
    detail::check(convoy_session_run(handle_.get(), inputs.begin(), inputs.size(), outputs.begin(),
                                     outputs.size()));
  }
  void run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs) {
    detail::check(convoy_session_run(handle_.get(), inputs.data(), inputs.size(), outputs.data(),
                                     outputs.size()));
  }
  const convoy_session* get() const { return handle_.get(); }

 private:
  explicit Session(convoy_session* raw) : handle_(raw) {}
  std::pair<std::size_t, std::size_t> memory() const {
    std::size_t arena = 0, weights = 0;
    detail::check(convoy_session_memory(handle_.get(), &arena, &weights));
    return {arena, weights};
  }

  std::unique_ptr<convoy_session, detail::Free<convoy_session_free>> handle_;
};

// Fields as in convoy.h, at their defaults; `device = "cuda"` for a GPU.
struct ConvDesc : convoy_conv2d_desc {
  ConvDesc() { convoy_conv2d_desc_init(this); }
  std::int64_t p() const { return output().first; }   // output rows
  std::int64_t q() const { return output().second; }  // output columns

 private:
  std::pair<std::int64_t, std::int64_t> output() const {
    std::int64_t rows = 0, columns = 0;
    detail::check(convoy_conv2d_output(this, &rows, &columns));
    return {rows, columns};
  }
};

struct ConvCandidate {
  std::string name;
  std::string declined;  // the reason; empty when it can run
  std::size_t workspace_bytes = 0;
  double estimated_seconds = 0;
};

// One convolution, or some that follow each other as one kernel: describe, list candidates,
// prepare, run.
class Conv2d {
 public:
  static std::vector<ConvCandidate> candidates(const ConvDesc& desc) {
    return list([&](std::size_t i, convoy_conv2d_candidate* raw) {
      return convoy_conv2d_candidate_at(&desc, i, raw);
    });
  }
  static std::vector<ConvCandidate> fused_candidates(const std::vector<ConvDesc>& stages) {
    const std::vector<const convoy_conv2d_desc*> pointers = pointers_to(stages);
    return list([&](std::size_t i, convoy_conv2d_candidate* raw) {
      return convoy_conv2d_fused_candidate_at(pointers.data(), pointers.size(), i, raw);
    });
  }

  // Two or three convolutions, each taking what the one before makes; `biases` may be empty, and
  // any of them null.
  static Conv2d fused(const std::vector<ConvDesc>& stages, const std::vector<const void*>& weights,
                      std::vector<const void*> biases = {}, const std::string& kernel = "") {
    biases.resize(stages.size());
    if (weights.size() != stages.size()) {
      throw Error(CONVOY_INVALID_ARGUMENT, "there are " + std::to_string(stages.size()) +
                                               " convolutions and weights of " +
                                               std::to_string(weights.size()));
    }
    const std::vector<const convoy_conv2d_desc*> pointers = pointers_to(stages);
    convoy_conv2d* made = nullptr;
    detail::check(convoy_conv2d_create_fused(pointers.data(), pointers.size(),
                                             kernel.empty() ? nullptr : kernel.c_str(),
                                             weights.data(), biases.data(), &made));
    return Conv2d(made);
  }

  // `bias` may be null; `kernel` empty takes the least estimate.
  Conv2d(const ConvDesc& desc, const void* weights, const void* bias = nullptr,
         const std::string& kernel = "") {
    convoy_conv2d* made = nullptr;
    detail::check(convoy_conv2d_create(&desc, kernel.empty() ? nullptr : kernel.c_str(), weights,
                                       bias, &made));
    handle_.reset(made);
  }

  std::string name() const {
    const char* text = nullptr;
    detail::check(convoy_conv2d_name(handle_.get(), &text));
    return text;
  }
  std::size_t workspace_bytes() const {
    return detail::count(convoy_conv2d_workspace, handle_.get());
  }
  // `workspace`: workspace_bytes(), aligned to 64.
  void run(const void* x, void* y, void* workspace = nullptr, std::size_t bytes = 0,
           const void* residual = nullptr) const {
    detail::check(convoy_conv2d_execute(handle_.get(), x, residual, y, workspace, bytes));
  }
  // On a GPU: device memory, and returns before y is written. `stream`: a CUstream or cudaStream_t,
  // null for the default one; the Conv2d lives until its work is done.
  void enqueue(void* stream, const void* x, void* y, void* workspace = nullptr,
               std::size_t bytes = 0, const void* residual = nullptr) const {
    detail::check(convoy_conv2d_enqueue(handle_.get(), x, residual, y, workspace, bytes, stream));
  }

 private:
  explicit Conv2d(convoy_conv2d* raw) : handle_(raw) {}

  static std::vector<const convoy_conv2d_desc*> pointers_to(const std::vector<ConvDesc>& stages) {
    std::vector<const convoy_conv2d_desc*> pointers;
    for (const ConvDesc& desc : stages) pointers.push_back(&desc);
    return pointers;
  }
  template <class At>
  static std::vector<ConvCandidate> list(At&& at) {
    std::vector<ConvCandidate> all;
    for (std::size_t i = 0;; ++i) {
      convoy_conv2d_candidate raw;
      convoy_conv2d_candidate_init(&raw);
      const convoy_status status = at(i, &raw);
      if (status == CONVOY_NOT_FOUND) return all;
      detail::check(status);
      all.push_back(
          {raw.name, raw.declined ? raw.declined : "", raw.workspace_bytes, raw.estimated_seconds});
    }
  }

  std::unique_ptr<convoy_conv2d, detail::Free<convoy_conv2d_free>> handle_;
};

}  // namespace v1
}  // namespace convoy
