#include "exec/session.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "base/error.h"

namespace convoy {

// Everything run() needs, resolved once: views whose pointers are final, but for those into the
// caller's memory, which `patches` names.
struct Session::Impl {
  struct BoundStep {
    const Kernel* kernel;
    std::vector<TensorView> inputs, outputs;
    std::span<std::byte> workspace;
  };
  struct Patch {
    TensorView* view;
    bool is_output;
    std::size_t index;
    std::size_t offset;  // bytes into that tensor
  };
  struct Copy {
    const void* from;  // null: the caller's input or output `index`
    bool from_output;
    std::size_t index;
    std::size_t output;
    std::size_t bytes;
  };

  Impl(const Program& program, int threads)
      : pool(threads > 0 ? std::min(threads, program.plan.device.threads)
                         : program.plan.device.threads),
        arena(program.plan.arena_bytes) {
    steps.reserve(program.plan.steps.size());
    for (std::size_t s = 0; s < program.plan.steps.size(); ++s) bind(program, s);
    for (const OutputCopy& copy : program.plan.copies) bind_copy(program, copy);
    const auto describe = [&](ValueId id) {
      const Value& value = program.graph.value(id);
      return TensorView{nullptr, value.dtype, Layout::kNchw, *value.shape};
    };
    for (ValueId id : program.graph.inputs) input_views.push_back(describe(id));
    for (ValueId id : program.graph.outputs) output_views.push_back(describe(id));
  }

  void bind(const Program& program, std::size_t s) {
    const Step& step = program.plan.steps[s];
    const Node& node = program.graph.nodes[static_cast<std::size_t>(step.node)];
    BoundStep& bound = steps.emplace_back();
    bound.kernel = program.kernels[s].get();
    bound.inputs.resize(node.inputs.size());
    bound.outputs.resize(node.outputs.size());
    bound.workspace = {arena.data() + step.workspace_offset, step.workspace_bytes};
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      bind_view(program, node.inputs[i], bound.inputs[i]);
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      bind_view(program, node.outputs[i], bound.outputs[i]);
    }
  }

  // The constant behind a value: its own, or that of the value it renames.
  static const void* constant_data(const Program& program, ValueId id) {
    for (;;) {
      const Value& value = program.graph.value(id);
      if (value.constant) return value.constant->view().data;
      const Node* producer = nullptr;
      for (const Node& node : program.graph.nodes) {
        if (!node.outputs.empty() && node.outputs[0] == id) producer = &node;
      }
      if (producer == nullptr) return nullptr;
      id = producer->inputs[0];
    }
  }

  void bind_view(const Program& program, ValueId id, TensorView& view) {
    if (id == kNoValue) return;
    const Value& value = program.graph.value(id);
    const Place& place = program.plan.places[static_cast<std::size_t>(id)];
    view = {nullptr, value.dtype, value.layout, *value.shape};
    switch (place.kind) {
      case Place::Kind::kArena:
        view.data = arena.data() + place.offset;
        break;
      case Place::Kind::kConstant:
        view.data = const_cast<void*>(constant_data(program, id));
        break;
      case Place::Kind::kInput:
      case Place::Kind::kOutput:
        patches.push_back({&view, place.kind == Place::Kind::kOutput,
                           static_cast<std::size_t>(place.index), place.offset});
        break;
      case Place::Kind::kNone:
        break;
    }
  }

  void bind_copy(const Program& program, const OutputCopy& copy) {
    const Place& place = program.plan.places[static_cast<std::size_t>(copy.value)];
    Copy bound{};
    bound.output = static_cast<std::size_t>(copy.output);
    bound.bytes = place.bytes;
    if (place.kind == Place::Kind::kConstant) {
      bound.from = constant_data(program, copy.value);
    } else {
      bound.from_output = place.kind == Place::Kind::kOutput;
      bound.index = static_cast<std::size_t>(place.index);
    }
    copies.push_back(bound);
  }

  ThreadPool pool;
  Buffer arena;
  std::vector<BoundStep> steps;
  std::vector<Patch> patches;
  std::vector<Copy> copies;
  std::vector<TensorView> input_views, output_views;  // for run_pointers
  std::atomic_flag busy = ATOMIC_FLAG_INIT;
};

namespace {

void check_view(const Graph& graph, ValueId id, const TensorView& view, const char* what) {
  const Value& value = graph.value(id);
  const auto complain = [&](const std::string& found, const std::string& expected) {
    fail(ErrorCode::kInvalidArgument,
         std::string(what) + " '" + value.name + "' " + found + ", expected " + expected);
  };
  if (view.dtype != value.dtype) {
    complain("has elements of type " + std::string(to_string(view.dtype)),
             std::string(to_string(value.dtype)));
  }
  if (!(view.shape == *value.shape)) {
    complain("has shape " + to_string(view.shape), to_string(*value.shape));
  }
  if (view.layout != Layout::kNchw) {
    complain("is in layout " + std::string(to_string(view.layout)), "nchw");
  }
  if (view.data == nullptr && view.bytes() > 0) complain("is null", "memory");
  if (reinterpret_cast<std::uintptr_t>(view.data) % size_of(view.dtype) != 0) {
    complain("is not aligned", "alignment to its element size");
  }
}

bool overlap(const TensorView& a, const TensorView& b) {
  const auto* pa = a.as<std::byte>();
  const auto* pb = b.as<std::byte>();
  return pa < pb + b.bytes() && pb < pa + a.bytes();
}

void check_arguments(const Graph& graph, std::span<const TensorView> inputs,
                     std::span<const TensorView> outputs) {
  if (inputs.size() != graph.inputs.size() || outputs.size() != graph.outputs.size()) {
    fail(ErrorCode::kInvalidArgument, "run: got " + std::to_string(inputs.size()) + " inputs and " +
                                          std::to_string(outputs.size()) + " outputs, expected " +
                                          std::to_string(graph.inputs.size()) + " and " +
                                          std::to_string(graph.outputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_view(graph, graph.inputs[i], inputs[i], "input");
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    check_view(graph, graph.outputs[i], outputs[i], "output");
    const std::string& name = graph.value(graph.outputs[i]).name;
    for (const TensorView& input : inputs) {
      if (overlap(outputs[i], input)) {
        fail(ErrorCode::kInvalidArgument, "output '" + name + "' overlaps an input");
      }
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (overlap(outputs[i], outputs[j])) {
        fail(ErrorCode::kInvalidArgument, "output '" + name + "' overlaps another output");
      }
    }
  }
}

// Held while a thread is inside run(); a second one is refused rather than racing.
class Entry {
 public:
  explicit Entry(std::atomic_flag& busy) : busy_(busy) {
    if (busy_.test_and_set(std::memory_order_acquire)) {
      fail(ErrorCode::kInvalidArgument,
           "the session is running in another thread; make one session per thread");
    }
  }
  ~Entry() { busy_.clear(std::memory_order_release); }

 private:
  std::atomic_flag& busy_;
};

}  // namespace

Session::Session(std::shared_ptr<const Program> program, int threads)
    : program_(std::move(program)) {
  if (program_->kernels.size() != program_->plan.steps.size()) {
    fail(ErrorCode::kUnsupported, "the program was only planned, for " +
                                      program_->plan.device.name + ": it has no kernels to run");
  }
  impl_ = std::make_unique<Impl>(*program_, threads);
}

Session::~Session() = default;

void Session::run(std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Entry entry(impl_->busy);
  run_steps(inputs, outputs, nullptr);
}

void Session::run_pointers(const void* const* inputs, void* const* outputs) {
  const Entry entry(impl_->busy);
  for (std::size_t i = 0; i < impl_->input_views.size(); ++i) {
    impl_->input_views[i].data = const_cast<void*>(inputs[i]);
  }
  for (std::size_t i = 0; i < impl_->output_views.size(); ++i) {
    impl_->output_views[i].data = outputs[i];
  }
  run_steps(impl_->input_views, impl_->output_views, nullptr);
}

void Session::run_profiled(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                           const StepHook& hook) {
  const Entry entry(impl_->busy);
  run_steps(inputs, outputs, &hook);
}

void Session::run_steps(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                        const StepHook* hook) {
  check_arguments(program_->graph, inputs, outputs);
  for (const Impl::Patch& patch : impl_->patches) {
    const TensorView& tensor = patch.is_output ? outputs[patch.index] : inputs[patch.index];
    patch.view->data = tensor.as<std::byte>() + patch.offset;
  }
  using Clock = std::chrono::steady_clock;
  for (std::size_t s = 0; s < impl_->steps.size(); ++s) {
    const Impl::BoundStep& step = impl_->steps[s];
    const auto start = hook ? Clock::now() : Clock::time_point();
    step.kernel->run({step.inputs, step.outputs, step.workspace, impl_->pool});
    if (hook) (*hook)(s, std::chrono::duration<double>(Clock::now() - start).count());
  }
  for (const Impl::Copy& copy : impl_->copies) {
    const void* from = copy.from          ? copy.from
                       : copy.from_output ? outputs[copy.index].data
                                          : inputs[copy.index].data;
    if (copy.bytes > 0) std::memcpy(outputs[copy.output].data, from, copy.bytes);
  }
}

}  // namespace convoy
