// Results for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/runner.h"

namespace convoy::cli {

using Json = nlohmann::ordered_json;

// Writes to options.json: a file, or standard output for "-"; nothing when empty.
void emit_json(const ModelOptions& options, const Json& json);

Json to_json(const Statistics& statistics, const std::vector<double>& percentiles);

// "1.25 MiB", "3.4 KiB", "17 B".
std::string human_bytes(std::size_t bytes);

// "62 steps: 32 pointwise.gemm.cpu.f32, 17 depthwise..., ...": most frequent first.
std::string summarize_kernels(const Plan& plan);

// "folded or fused: fuse_epilogues 35, fold_batch_norm 52": passes that changed something.
std::string summarize_passes(const Program& program);

// Bytes of the model's inputs and outputs, which are the caller's memory and outside every budget.
std::size_t caller_bytes(const Graph& graph);

// "memory ...": activations, weights, inputs and outputs; and what runs in strips of rows.
void print_memory(const Program& program);

// Median, percentiles, memory; what bench and the demo print.
void print_measurement(const Runner& runner, const Statistics& statistics,
                       const std::vector<double>& percentiles);

}  // namespace convoy::cli
