#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "exec/session.h"
#include "plan/plan_file.h"

namespace convoy {
namespace {

class Stopwatch {
 public:
  double lap_ms() {
    const auto now = std::chrono::steady_clock::now();
    const double ms = std::chrono::duration<double, std::milli>(now - start_).count();
    start_ = now;
    return ms;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

bool same_view(const TensorView& a, const TensorView& b) {
  return a.data == b.data && a.dtype == b.dtype && a.layout == b.layout && a.shape == b.shape;
}

// True when a kernel prepared for one serves the other: the same geometry over the same constants.
bool same_step(const OpDesc& a, const OpDesc& b) {
  return a.op == b.op && *a.attrs == *b.attrs &&
         std::equal(a.inputs.begin(), a.inputs.end(), b.inputs.begin(), b.inputs.end(),
                    same_view) &&
         std::equal(a.absent.begin(), a.absent.end(), b.absent.begin(), b.absent.end()) &&
         std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(),
                    same_view);
}

// Steps of equal description share one kernel and its packed weights: a network that runs in strips
// of rows repeats most of its steps.
void prepare_kernels(Program& program) {
  struct Prepared {
    StepDesc desc;
    std::string tile;
    std::shared_ptr<const Kernel> kernel;
  };
  // By implementation and by the first constant, so that few are compared.
  std::map<std::pair<const Implementation*, const void*>, std::vector<Prepared>> known;
  for (const Step& step : program.plan.steps) {
    const Node& node = program.graph.nodes[static_cast<std::size_t>(step.node)];
    const Implementation& entry = *step.implementation;
    StepDesc desc(program.graph, node);
    const auto inputs = desc.desc().inputs;
    const void* constant = inputs.size() > 1 ? inputs[1].data : nullptr;
    std::vector<Prepared>& alike = known[{&entry, constant}];
    const auto found = std::find_if(alike.begin(), alike.end(), [&](const Prepared& p) {
      return p.tile == step.tile && same_step(p.desc.desc(), desc.desc());
    });
    if (found != alike.end()) {
      program.kernels.push_back(found->kernel);
      continue;
    }
    program.kernels.push_back(
        step.tile.empty() ? entry.prepare(desc.desc(), program.plan.device)
                          : entry.prepare_tile(desc.desc(), program.plan.device, step.tile));
    alike.push_back({std::move(desc), step.tile, program.kernels.back()});
  }
}

// Weights that kernels packed would be held twice; what no step reads again is let go.
void release_packed_constants(Program& program) {
  std::vector<bool> needed(program.graph.values.size(), false);
  const auto need = [&](ValueId v) {
    if (v != kNoValue) needed[static_cast<std::size_t>(v)] = true;
  };
  std::set<const Kernel*> counted;
  for (std::size_t s = 0; s < program.kernels.size(); ++s) {
    const Node& node = program.graph.nodes[static_cast<std::size_t>(program.plan.steps[s].node)];
    if (counted.insert(program.kernels[s].get()).second) {
      program.plan.weight_bytes += program.kernels[s]->packed_bytes();
    }
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (program.kernels[s]->reads_constant(i)) need(node.inputs[i]);
    }
  }
  for (const OutputCopy& copy : program.plan.copies) need(copy.value);
  // A name for constant memory needs the constant.
  for (std::size_t n = program.graph.nodes.size(); n-- > 0;) {
    const Node& node = program.graph.nodes[n];
    for (ValueId v : node.outputs) {
      if (v == kNoValue || !needed[static_cast<std::size_t>(v)]) continue;
      if (program.plan.places[static_cast<std::size_t>(v)].kind == Place::Kind::kConstant) {
        need(node.input(0));
      }
    }
  }
  for (std::size_t v = 0; v < program.graph.values.size(); ++v) {
    ConstTensor& constant = program.graph.values[v].constant;
    if (!constant) continue;
    if (!needed[v]) {
      constant.reset();
    } else {
      program.plan.weight_bytes += constant->view().bytes();
    }
  }
}

}  // namespace

Evaluate reference_evaluator() {
  return [](const Node& node, std::span<const TensorView> inputs,
            std::span<const TensorView> outputs) {
    const auto absent = std::make_unique<bool[]>(node.inputs.size());
    for (std::size_t i = 0; i < node.inputs.size(); ++i) absent[i] = node.inputs[i] == kNoValue;
    const OpDesc desc{node.op, &node.attrs, inputs, {absent.get(), node.inputs.size()}, outputs};
    evaluate_reference(desc, inputs, outputs);
  };
}

namespace {

// The plan, and with options.record_plan its file.
PlannedGraph plan_or_replay(const Graph& graph, const CompileOptions& options, Program& program) {
  PlanOptions plan_options = options.plan;
  plan_options.what_if = options.plan_for.has_value();
  plan_options.reference_only = options.reference_only;
  // The reference is there to be compared with, whatever memory it takes.
  if (options.reference_only) plan_options.memory_budget = SIZE_MAX;
  const PlanFile* const file = options.replayed.get();
  const int planned_threads = file != nullptr ? file->device.threads : 0;
  const int threads = options.threads > 0 ? options.threads : planned_threads;
  plan_options.device = options.plan_for                 ? *options.plan_for
                        : options.cpu && file == nullptr ? *options.cpu
                                                         : detect_cpu(threads);
  plan_options.measured = options.measured.get();
  if (file == nullptr) {
    PlannedGraph planned = plan_graph(graph, plan_options);
    if (options.record_plan) {
      program.plan_file = std::make_shared<PlanFile>(
          plan_file(graph, planned, plan_options, patches_of(planned.plan.strips)));
    }
    return planned;
  }
  if (options.record_plan) program.plan_file = options.replayed;
  return replay(graph, *file, plan_options, options.plan_origin);
}

}  // namespace

std::shared_ptr<const Program> compile(Graph graph, const CompileOptions& options) {
  auto program = std::make_shared<Program>();
  Stopwatch watch;
  infer_shapes(graph, options.bindings, reference_evaluator());
  if (!options.reference_only) {
    program->passes = run_passes(graph, {options.disabled_passes, reference_evaluator()});
  }
  verify(graph, true);
  program->passes_ms = watch.lap_ms();

  PlannedGraph planned = plan_or_replay(graph, options, *program);
  program->graph = std::move(planned.graph);
  program->plan = std::move(planned.plan);
  program->plan_ms = watch.lap_ms();

  if (options.plan_for) return program;
  prepare_kernels(*program);
  release_packed_constants(*program);
  program->prepare_ms = watch.lap_ms();
  return program;
}

}  // namespace convoy
