// Which kernel computes each step, and where every tensor lives. A plan is data: printable,
// checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cost/estimate.h"
#include "device/device.h"
#include "graph/graph.h"
#include "kernels/registry.h"

namespace convoy {

// Where a value's bytes are while the plan runs.
struct Place {
  enum class Kind : std::uint8_t {
    kNone,      // never materialised
    kInput,     // the caller's memory; index = position in graph.inputs
    kOutput,    // the caller's memory; index = position in graph.outputs
    kConstant,  // weights
    kArena,     // the activation arena
  };
  Kind kind = Kind::kNone;
  std::int32_t index = 0;
  std::size_t offset = 0;  // bytes, into that memory
  std::size_t bytes = 0;   // of this value
};

// One way to compute a step: a kernel and, where it can cut the step in several ways, a tile.
struct Candidate {
  const Implementation* implementation = nullptr;
  std::string tile;  // as Implementation::tiles() writes it; empty: the kernel's own choice
  Estimate estimate;
  std::string declined;   // the reason; empty when it could run
  bool forced = false;    // PlanOptions::force names it
  bool measured = false;  // estimate.seconds was measured on this device
};

struct Step {
  std::int32_t node = 0;  // index in graph.nodes
  const Implementation* implementation = nullptr;
  std::string tile;  // empty: the kernel's own choice
  Estimate estimate;
  bool measured = false;             // estimate.seconds was measured on this device
  std::size_t workspace_offset = 0;  // in the arena
  std::size_t workspace_bytes = 0;
  std::vector<Candidate> candidates;  // the chosen one included; for --explain
  // What the convolutions of a fused step would cost one after the other.
  std::optional<Estimate> apart;
};

// A graph output that no step can write directly: it repeats another one, or is an input or
// constant.
struct OutputCopy {
  ValueId value = kNoValue;
  std::int32_t output = 0;  // position in graph.outputs
};

// A fusion that was possible by the graph and is not in the plan.
struct NotFused {
  std::vector<std::string> nodes;
  std::string reason;
};

// Nodes that run strip by strip, so that what lies between them is never whole (patch.h).
struct StripRegion {
  std::string first, last;      // names of nodes
  std::int32_t first_node = 0;  // index in the graph before anything is cut or fused
  std::int32_t nodes = 0;       // from one to the other
  std::int64_t strips = 1;
};

struct Plan {
  std::vector<Step> steps;         // nodes whose results are views (views.h) have none
  std::vector<Place> places;       // one per graph value
  std::vector<OutputCopy> copies;  // after the last step
  std::size_t arena_bytes = 0;     // activations and workspace; exactly what a session allocates
  std::size_t activation_peak =
      0;  // the largest sum of bytes alive in one step: the arena's lower bound
  std::size_t weight_bytes = 0;
  DeviceDesc device;
  DType precision = DType::kF32;    // of the graph's f32 tensors
  std::vector<NotFused> not_fused;  // with keep_candidates
  std::vector<StripRegion> strips;  // in execution order
};

// What a plan makes least: the time of a run, the bytes that its steps move, or the arena.
enum class Objective : std::uint8_t { kTime, kBytes, kMemory };

// Times of steps measured earlier on the device that is planned for.
class Measurements {
 public:
  virtual ~Measurements() = default;
  // Of a problem as problem_text() writes it, computed in this way; none when it was not measured.
  virtual std::optional<double> seconds(const std::string& problem,
                                        const Candidate& candidate) const = 0;
  // Whether some way to compute the problem was measured.
  virtual bool knows(const std::string& problem) const = 0;
  // What estimates of the candidate's kernel are to be multiplied by, so that they can be added to
  // times that were measured.
  virtual double scale(const Candidate& candidate) const = 0;
};

class CostModel;

// By whose model steps are judged: Convoy's, the registry's estimates; or the FCM paper's.
enum class Costs : std::uint8_t { kConvoy, kPaper };

struct PlanOptions {
  DeviceDesc device;
  Objective objective = Objective::kTime;
  // The most that the arena may take.
  std::size_t memory_budget = SIZE_MAX;
  // Whether convolutions that follow each other may become fused modules.
  bool fuse = true;
  // Whether regions may run strip by strip where the budget demands it; on CPUs alone.
  bool strips = true;
  // Planning for a device that is not there, or on which not every operator has a kernel yet: such
  // steps are estimated and the plan cannot be run.
  bool what_if = false;
  // What f32 tensors are planned as: f32, f16, bf16 or s8. Others than f32 with what_if alone.
  DType precision = DType::kF32;
  const Measurements* measured = nullptr;  // must outlive planning
  Costs costs = Costs::kConvoy;
  const CostModel* cost_model = nullptr;  // in place of `costs`; must outlive planning
  // "conv" -> "im2win.cpu.f32" or a full name under any key: forces it wherever it is supported;
  // refused (kNotFound) when no such kernel exists.
  std::map<std::string, std::string> force;
  bool keep_candidates = false;
  bool reference_only = false;
};

// The value as a plan in that precision has it; no data.
TensorView planned_view(const Graph& graph, ValueId id, DType precision);

// An operator's step as kernels see it. The returned object owns what the OpDesc points to.
class StepDesc {
 public:
  // f32 tensors described as `precision`: for estimates alone where that is not f32, since
  // constants still have the model's values. In s8 a convolution is described as a module of one
  // stage, which has the scales that s8 needs.
  StepDesc(const Graph& graph, const Node& node, DType precision = DType::kF32);
  const OpDesc& desc() const { return desc_; }

 private:
  void describe(const Graph& graph, const Node& node, DType precision);

  std::optional<Node> module_;
  std::vector<TensorView> inputs_, outputs_;
  std::unique_ptr<bool[]> absent_;
  OpDesc desc_;
};

// A plan of the graph's nodes as they are. Throws kUnsupported naming the node and every kernel's
// reason when none can run it, or a forced kernel that can run no step; kNotFound for an unknown
// forced kernel; kOutOfMemory naming the step that needs most when the arena exceeds the budget.
Plan make_plan(const Graph& graph, const PlanOptions& options);

struct PlannedGraph {
  Graph graph;
  Plan plan;
};

// A plan of the graph, convolutions fused wherever that serves the objective (search.h), and, where
// that does not fit the memory budget, regions cut into strips (patch_search.h); the graph as it is
// then. Throws as make_plan() does.
PlannedGraph plan_graph(Graph graph, const PlanOptions& options);

// Throws kOutOfMemory, naming the step that needs most and the missing bytes, when the plan's arena
// exceeds options.memory_budget.
void check_budget(const Graph& graph, const Plan& plan, const PlanOptions& options);

// Throws kInternal when two values that are alive at once overlap in the arena.
void verify(const Plan& plan, const Graph& graph);

// A table: step, operator, shapes, kernel, estimated time, arena offset.
std::string to_string(const Plan& plan, const Graph& graph);

}  // namespace convoy
