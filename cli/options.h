// Options that several subcommands share, and what they mean to the library.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "device/name.h"
#include "exec/session.h"

namespace convoy::cli {

// A wrong call: exit status 2, where a failure of the work itself is 1.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An answer that is told by the exit status, and is no failure.
struct ExitStatus {
  int status;
};

struct ModelOptions {
  std::string model;
  std::string device = "cpu";
  std::string precision = "f32";
  int threads = 0;
  std::int64_t batch = 0;             // 0: as the model says
  std::vector<std::string> shapes;    // NAME:1x3x224x224
  std::vector<std::string> force;     // conv=direct.cpu.f32
  std::vector<std::string> disabled;  // passes
  std::string objective = "time";     // what the plan makes least
  bool no_fuse = false;               // every convolution a step of its own
  std::string save_plan, load_plan;   // files
  std::string memory_budget;          // of activations, as 2M; empty: none
  bool no_tuned = false;              // plans rest on estimates alone
  std::string db;                     // measured times; empty: where convoy tune keeps them
  bool json_to_stdout() const { return json == "-"; }
  std::string json;  // file, "-" for standard output, empty for none

  void add_to(CLI::App& app);
};

using NamedTensors = std::map<std::string, ConstTensor>;

// What --device names. Throws UsageError when it names nothing.
DeviceName device_of(const ModelOptions& options);

// Loads the file; symbolic shapes stay open.
Graph load_model(const ModelOptions& options);
// The same for a plan that is not run, which may be for any device and precision.
Graph load_model_to_plan(const ModelOptions& options);

// What a plan that is not run is for: a profile, by name or file, or the GPU of --device; nothing
// for the CPU this process runs on. Throws UsageError when both are asked for.
std::optional<DeviceDesc> device_to_plan_for(const ModelOptions& options,
                                             const std::string& profile);

// --precision: f32, f16, bf16 or s8. Throws UsageError.
DType precision_of(const ModelOptions& options);

// `known`: inputs already read; integer ones of at most one dimension fix shapes when planning, the
// others lend their shapes to inputs whose extents the model leaves open.
CompileOptions compile_options(const ModelOptions& options, const Graph& graph,
                               const NamedTensors& known);

// "500k", "2M", "2MiB", "1.5G", "4096": bytes, the units being powers of 1024. Throws UsageError.
std::size_t parse_size(const std::string& text);

// "1x3x224x224" -> Shape. Throws UsageError.
Shape parse_shape(const std::string& text);

}  // namespace convoy::cli
