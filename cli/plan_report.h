// Everything that convoy plan says of a plan, gathered once for its text, its JSON and its page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exec/session.h"
#include "plan/plan.h"

namespace convoy::cli {

// What a step's predicted time is mostly spent on.
enum class Bound : std::uint8_t { kArithmetic, kL2, kDram, kLatency };

std::string_view to_string(Bound bound);  // "arithmetic", "l2", "dram", "latency"

// What a resource alone would take, at the rate the device has, over the step's predicted time.
struct Shares {
  double arithmetic = 0, l2 = 0, dram = 0;
};

// Arithmetic, L2 bytes and DRAM bytes at the device's rates: every thread at its fused multiply-add
// peak and its L2's rate, all of them at the memory's. GPU: f32 on its lanes, narrower types on its
// tensor cores; L2 at what kernels of ours get out of it.
Shares shares_of(const Estimate& estimate, const DeviceDesc& device, DType dtype);

// The resource with the largest share; latency when none has a third of the time, which then goes
// to launches, barriers, short loops and instructions that are no multiply-adds.
Bound bound_of(const Shares& shares);

// Another way to compute a step.
struct Alternative {
  std::string kernel;  // kApart: each of a fused step's layers as a step of its own
  std::string tile;
  Estimate estimate;
  bool measured = false;
  // By how much more it costs than the chosen way under the objective, as a part of that one's
  // cost; none where that is 0.
  std::optional<double> loses;
};

inline constexpr std::string_view kApart = "layer by layer";

struct Member {
  std::string node;
  std::string work;  // "dw 3x3/2 96", "pw 96->24", "Softmax"
};

// A tensor that a step reads, constants aside: what step made it, or -1 for an input of the model.
struct Operand {
  std::string value;
  std::int32_t from = -1;
};

struct StepReport {
  const Step* step = nullptr;
  const Node* node = nullptr;
  std::vector<Member> members;  // several in a fused step
  std::vector<Operand> reads;
  Shares shares;
  Bound bound = Bound::kLatency;
  double bytes = 0;        // moved, as Objective::kBytes counts them
  double bytes_apart = 0;  // layer by layer; the same when the step is not fused
  double seconds_apart = 0;
  std::optional<Alternative> runner_up;  // the best of other kernels and of the layers apart
  std::optional<Alternative> next_tile;  // the best other tile of the chosen kernel
  int tiles = 0;                         // of the chosen kernel that were compared
  // Those that can be had on the plan's kind of device; pointers into the step's.
  std::vector<const Candidate*> candidates;
};

// A piece of the arena: a tensor, or a step's scratch.
struct BufferReport {
  std::string name;
  bool scratch = false;
  std::size_t offset = 0, bytes = 0;
  std::int32_t first = 0, last = 0;  // steps in which it is alive, inclusive
};

struct Totals {
  std::size_t steps = 0, arena_bytes = 0;
  double seconds = 0, flops = 0, bytes_l2 = 0, bytes_dram = 0;
  double bytes = 0;  // as Objective::kBytes counts them
};

struct NotFusedReport {
  std::vector<std::string> nodes;
  std::vector<std::int32_t> steps;  // that hold them
  std::string reason;
};

struct PlanReport {
  std::string model;
  Objective objective = Objective::kTime;
  const Program* program = nullptr;
  std::vector<StepReport> steps;
  std::vector<BufferReport> buffers;
  std::vector<NotFusedReport> not_fused;
  Totals totals;
  std::optional<Totals> layer_by_layer;  // the same model, nothing fused
};

std::string_view to_string(Objective objective);  // "time", "bytes", "memory"

// Of a program whose plan kept its candidates; keeps pointers into it. `apart`: the plan of the
// same model without fusion, where there is one.
PlanReport report_plan(std::string model, Objective objective, const Program& program,
                       const Plan* apart);

// What a node computes, one entry for each convolution of a fused one.
std::vector<Member> members_of(const Graph& graph, const Node& node);

// The arena's contents over time.
std::vector<BufferReport> arena_of(const Graph& graph, const Plan& plan);

// The steps that make each value: several where it is a concatenation that needs no step of its
// own, -1 for an input of the model; none for constants.
std::vector<std::vector<std::int32_t>> makers_of(const Graph& graph, const Plan& plan);

}  // namespace convoy::cli
