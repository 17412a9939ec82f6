// Plans as files: what was decided for one model on one device, to be kept, compared and replayed
// bit for bit without searching again. Text that people read; its last line is the hash of the rest
// (docs/design/plan_files.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/patch.h"
#include "plan/plan.h"

namespace convoy {

inline constexpr int kPlanFormat = 1;
// No file is longer; one of a thousand steps has 500 KiB.
inline constexpr std::size_t kMostPlanBytes = 16 << 20;

struct PlanFile {
  struct Node {
    std::int32_t index = 0;  // in the graph after its passes, cut into strips, not yet fused
    std::string name;        // for people
    bool operator==(const Node&) const = default;
  };
  struct Step {
    std::vector<Node> nodes;  // what it computes, in execution order; several: fused
    std::string kernel;       // Implementation::name
    std::string tile;         // empty: the kernel's own choice
    Estimate estimate;
    bool measured = false;             // estimate.seconds was measured on the device
    std::size_t workspace_offset = 0;  // in the arena; its bytes are the estimate's
    std::optional<Estimate> apart;     // Step::apart
  };
  struct Value {
    std::int32_t number = 0;  // value_numbers() of the graph that runs
    std::string name;         // for people
    // kArena or kOutput: other places follow from the graph.
    Place place;
  };

  std::string version;  // of the Convoy that made it
  std::string model;    // graph_hash() after the passes
  std::string graph;    // its name, for people
  Objective objective = Objective::kTime;
  std::size_t memory_budget = SIZE_MAX;
  bool fuse = true;
  bool reference_only = false;
  bool what_if = false;  // PlanOptions::what_if: to be looked at, not to be run
  DType precision = DType::kF32;
  std::map<std::string, std::string> force;
  PatchChoice patches;  // what runs strip by strip, by nodes of the graph after its passes
  DeviceDesc device;    // every figure that kernels choose by
  std::vector<Step> steps;
  std::size_t arena_bytes = 0;
  std::vector<Value> values;
};

// The file of a plan that plan_graph() made of `before`, cut into strips as `patches` says, with
// `options`.
PlanFile plan_file(const Graph& before, const PlannedGraph& planned, const PlanOptions& options,
                   const PatchChoice& patches = {});

std::string to_text(const PlanFile& file);

// A model's name as the file has it, whatever it holds: on one line, in ASCII, not too long.
std::string printable_name(std::string_view name);

// Reads to_text() back to the same. `origin` is what messages call it. Throws kInvalidArgument,
// naming the line, what was found and what was expected, for text that is damaged, cut off, changed
// by hand or too long; kUnsupported for another version of the format.
PlanFile parse_plan_file(std::string_view text, const std::string& origin);

// The same of a file's text; kNotFound when it cannot be read.
PlanFile load_plan_file(const std::string& path);

// The plan of the file for `graph`, which is as its passes leave it: the same groups, kernels,
// tiles and offsets, without a search. Of the options the device, the budget and what_if count, the
// rest is the file's. The plan's device has the file's figures, so that kernels that choose by them
// choose the same again. Throws kInvalidArgument when the model or the device is another one
// (saying what differs), when groups, kernels, tiles, scratch or places are none that the graph can
// have, or values would overlap; kUnsupported when a kernel declines, or a what-if plan is to be
// run; kOutOfMemory when the arena exceeds the budget. `origin` is what messages call the file.
PlannedGraph replay(Graph graph, const PlanFile& file, const PlanOptions& options,
                    const std::string& origin);

}  // namespace convoy
