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

struct Plan {
  std::vector<Step> steps;
  std::vector<Place> places;        // one per graph value
  std::size_t arena_bytes = 0;      // activations and workspace; exactly what a session allocates
  std::size_t activation_peak = 0;  // the largest sum of live activations at any step
  std::size_t weight_bytes = 0;
  DeviceDesc device;
};

struct PlanOptions {
  DeviceDesc device;
  // "conv" -> "im2win.cpu.f32" or a full name under any key: forces it wherever it is supported;
  // refused (kNotFound) when no such kernel exists.
  std::map<std::string, std::string> force;
  bool keep_candidates = false;
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

Plan make_plan(const Graph& graph, const PlanOptions& options);

// A table: step, operator, shapes, kernel, estimated time, arena offset.
std::string to_string(const Plan& plan, const Graph& graph);

}  // namespace convoy
