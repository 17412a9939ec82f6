// Which kernel computes each step, and where every tensor lives. A plan is data: printable,
// checked.
#pragma once

#include <cstddef>
#include <map>
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
    kArena,     // offset into the activation arena
  };
  Kind kind = Kind::kNone;
  std::int32_t index = 0;
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

struct Candidate {
  const Implementation* implementation = nullptr;
  Estimate estimate;
  std::string declined;  // the reason; empty when it could run
};

struct Step {
  std::int32_t node = 0;  // index in graph.nodes
  const Implementation* implementation = nullptr;
  Estimate estimate;
  std::size_t workspace_offset = 0;  // in the arena
  std::size_t workspace_bytes = 0;
  std::vector<Candidate> candidates;  // the chosen one included; for --explain
};

// A graph output that no step can write directly: it repeats another one, or is an input or
// constant.
struct OutputCopy {
  ValueId value = kNoValue;
  std::int32_t output = 0;  // position in graph.outputs
};

struct Plan {
  std::vector<Step> steps;         // nodes that only rename memory have none
  std::vector<Place> places;       // one per graph value
  std::vector<OutputCopy> copies;  // after the last step
  std::size_t arena_bytes = 0;     // activations and workspace; exactly what a session allocates
  std::size_t activation_peak =
      0;  // the largest sum of bytes alive in one step: the arena's lower bound
  std::size_t weight_bytes = 0;
  DeviceDesc device;
};

struct PlanOptions {
  DeviceDesc device;
  // "conv" -> "im2win.cpu.f32" or a full name under any key: forces it wherever it is supported;
  // refused (kNotFound) when no such kernel exists.
  std::map<std::string, std::string> force;
  bool keep_candidates = false;
  bool reference_only = false;
};

// An operator's step as kernels see it. The returned object owns what the OpDesc points to.
class StepDesc {
 public:
  StepDesc(const Graph& graph, const Node& node);
  const OpDesc& desc() const { return desc_; }

 private:
  std::vector<TensorView> inputs_, outputs_;
  std::unique_ptr<bool[]> absent_;
  OpDesc desc_;
};

// Throws kUnsupported naming the node and every kernel's reason when none can run it, or a forced
// kernel that can run no step; kNotFound for an unknown forced kernel.
Plan make_plan(const Graph& graph, const PlanOptions& options);

// Throws kInternal when two values that are alive at once overlap in the arena.
void verify(const Plan& plan, const Graph& graph);

// A table: step, operator, shapes, kernel, estimated time, arena offset.
std::string to_string(const Plan& plan, const Graph& graph);

}  // namespace convoy
