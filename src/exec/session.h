// A prepared program and the sessions that run it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/infer.h"
#include "passes/passes.h"
#include "plan/plan.h"

namespace convoy {

struct PlanFile;  // plan/plan_file.h

struct CompileOptions {
  Bindings bindings;
  int threads = 0;  // 0: available_threads()
  std::set<std::string, std::less<>> disabled_passes;
  bool reference_only = false;  // every step on its reference kernel, nothing fused: for --verify
  PlanOptions plan;             // compile() fills in the device and the measured times
  // The CPU this process runs on, where more is known of it than detect_cpu(threads) says.
  std::optional<DeviceDesc> cpu;
  // Plan for this device instead of that CPU; no kernel is prepared, and the program cannot be run.
  std::optional<DeviceDesc> plan_for;
  // Replayed instead of planning; plan_origin is what messages call it. With threads 0 as many as
  // it was planned for.
  std::shared_ptr<const PlanFile> replayed;
  std::string plan_origin;
  bool record_plan = false;  // Program::plan_file
  // Of the device that is planned for; null: plans by estimates.
  std::shared_ptr<const Measurements> measured;
};

// A model after its passes, its plan and its prepared kernels: immutable, shared by sessions.
struct Program {
  Graph graph;
  Plan plan;
  std::vector<PassReport> passes;
  std::vector<std::shared_ptr<const Kernel>> kernels;  // one per step, shared by equal steps
  std::shared_ptr<const PlanFile> plan_file;           // of the plan, with record_plan
  double load_ms = 0, passes_ms = 0, plan_ms = 0, prepare_ms = 0;
};

// The pipeline: infer shapes, run passes, assign layouts, plan, prepare.
std::shared_ptr<const Program> compile(Graph graph, const CompileOptions& options);

// Evaluates a node with the reference kernels; what infer_shapes and the passes fold with.
Evaluate reference_evaluator();

// One arena and one thread pool over a program. Not for concurrent use; make one per thread.
class Session {
 public:
  // Called after each step with its index and its time; for profiling.
  using StepHook = std::function<void(std::size_t step, double seconds)>;

  // At most as many threads as the program was compiled for: its workspace holds no more; 0 takes
  // all of them. Throws kUnsupported for a program that was only planned.
  explicit Session(std::shared_ptr<const Program> program, int threads = 0);
  ~Session();

  const Program& program() const { return *program_; }

  // Views in the order of graph.inputs and graph.outputs, with their shapes and types, in kNchw
  // order. Throws kInvalidArgument naming the tensor when one does not fit, when an output overlaps
  // an input, or when another thread is inside run(). Allocates nothing.
  void run(std::span<const TensorView> inputs, std::span<const TensorView> outputs);
  // The same with bare pointers to memory of the planned shapes.
  void run_pointers(const void* const* inputs, void* const* outputs);
  void run_profiled(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                    const StepHook& hook);

 private:
  struct Impl;
  void run_steps(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                 const StepHook* hook);
  std::shared_ptr<const Program> program_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy
