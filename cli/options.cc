#include "cli/options.h"

#include <charconv>

#include "base/error.h"
#include "cli/plan_files.h"
#include "cli/tuning_place.h"
#include "cuda/device.h"
#include "device/profile.h"
#include "exec/bindings.h"
#include "onnx/load.h"

namespace convoy::cli {

void ModelOptions::add_to(CLI::App& app) {
  app.add_option("--device", device,
                 "Where to run: cpu; convoy bench of a convolution also cuda, cuda:1")
      ->capture_default_str();
  app.add_option("--precision", precision,
                 "Arithmetic: f32; convoy plan for a GPU also f16, bf16, s8")
      ->capture_default_str();
  app.add_option("--threads", threads, "Threads; 0 takes what this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--batch", batch, "First extent of every input")->check(CLI::PositiveNumber);
  app.add_option("--shape", shapes, "Input extents, NAME:1x3x224x224 (repeatable)");
  app.add_option("--force", force,
                 "Use a kernel where it can run, conv=direct.cpu.f32 (repeatable)");
  app.add_option("--disable-pass", disabled,
                 "Leave a graph pass out (repeatable); see info --passes");
  app.add_option("--objective", objective,
                 "What the plan makes least: time, bytes (of traffic) or memory (of activations)")
      ->check(CLI::IsMember({"time", "bytes", "memory"}))
      ->capture_default_str();
  app.add_flag("--no-fuse", no_fuse, "Every convolution a step of its own");
  app.add_option("--save-plan", save_plan, "Write the plan to a file");
  app.add_option("--load-plan", load_plan, "Run the plan of a file instead of searching for one");
  app.add_option("--memory-budget", memory_budget,
                 "The most that activations may take, as 2M or 500k; early layers then run in "
                 "strips of rows where they must");
  app.add_option("--db", db, "Times that convoy tune measured; where it keeps them by default");
  app.add_flag("--no-tuned", no_tuned, "Plan by estimates alone, nothing measured");
  app.add_option("--json", json, "Write the result as JSON to a file, or - for standard output");
}

DeviceName device_of(const ModelOptions& options) {
  try {
    return parse_device(options.device);
  } catch (const Error& error) {
    throw UsageError(std::string("--device: ") + error.what());
  }
}

Graph load_model(const ModelOptions& options) {
  if (device_of(options).kind != DeviceDesc::Kind::kCpu) {
    throw UsageError(
        "--device " + options.device +
        ": whole models run on the cpu; single convolutions run on cuda (convoy bench)");
  }
  if (options.precision != "f32") {
    throw UsageError("--precision " + options.precision + ": only f32 is available on the cpu");
  }
  return load_onnx(options.model);
}

Graph load_model_to_plan(const ModelOptions& options) { return load_onnx(options.model); }

std::optional<DeviceDesc> device_to_plan_for(const ModelOptions& options,
                                             const std::string& profile) {
  const DeviceName device = device_of(options);
  const bool gpu = device.kind == DeviceDesc::Kind::kCuda;
  if (!profile.empty() && gpu) throw UsageError("--profile and --device cuda name two devices");
  if (!profile.empty()) return load_profile(profile);
  if (gpu) return cuda::Device::get(device.ordinal).desc();
  if (options.precision != "f32") {
    throw UsageError("--precision " + options.precision +
                     ": the cpu has f32 alone; plans for a --profile have f16, bf16 and s8, too");
  }
  return std::nullopt;
}

DType precision_of(const ModelOptions& options) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kS8}) {
    if (options.precision == to_string(dtype)) return dtype;
  }
  throw UsageError("--precision " + options.precision + ": expected f32, f16, bf16 or s8");
}

std::size_t parse_size(const std::string& text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const std::map<std::string, double> units{{"", 1},         {"B", 1},        {"k", 1024.0},
                                            {"K", 1024.0},   {"KiB", 1024.0}, {"M", 0x1p20},
                                            {"MiB", 0x1p20}, {"G", 0x1p30},   {"GiB", 0x1p30}};
  const auto unit = units.find(std::string(stop, end));
  // Beyond 2^53 a double no longer counts bytes, and no memory is that large.
  if (error != std::errc{} || unit == units.end() || !(number * unit->second >= 1) ||
      number * unit->second > 0x1p53) {
    throw UsageError("'" + text + "' is not a size such as 2M, 500k or 4096");
  }
  return static_cast<std::size_t>(number * unit->second);
}

Shape parse_shape(const std::string& text) {
  Shape shape;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find('x', at), text.size());
    std::int64_t extent = 0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, extent);
    if (error != std::errc{} || stop != text.data() + end || extent < 0) {
      throw UsageError("'" + text + "' is not a shape such as 1x3x224x224");
    }
    shape.push_back(extent);
    at = end + 1;
  }
  return shape;
}

namespace {

bool leaves_extents_open(const Value& input) {
  if (!input.has_declared) return true;
  for (const Dim& dim : input.declared) {
    if (dim.value < 0) return true;
  }
  return false;
}

Objective objective_of(const ModelOptions& options) {
  if (options.objective == "bytes") return Objective::kBytes;
  return options.objective == "memory" ? Objective::kMemory : Objective::kTime;
}

}  // namespace

CompileOptions compile_options(const ModelOptions& options, const Graph& graph,
                               const NamedTensors& known) {
  CompileOptions result;
  result.threads = options.threads;
  for (const std::string& text : options.shapes) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) {
      throw UsageError("--shape " + text + ": expected NAME:1x3x224x224");
    }
    result.bindings.shapes[text.substr(0, colon)] = parse_shape(text.substr(colon + 1));
  }
  for (ValueId id : graph.inputs) {
    const Value& input = graph.value(id);
    const auto found = known.find(input.name);
    if (found == known.end()) continue;
    const Tensor& tensor = *found->second;
    if (!is_float(tensor.dtype()) && tensor.shape().rank() <= 1) {
      result.bindings.values[input.name] = found->second;
    } else if (!result.bindings.shapes.count(input.name) && leaves_extents_open(input)) {
      result.bindings.shapes[input.name] = tensor.shape();
    }
  }
  if (options.batch > 0) bind_batch(graph, options.batch, result.bindings);
  for (const std::string& text : options.force) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      throw UsageError("--force " + text + ": expected OPERATOR=KERNEL, as conv=direct.cpu.f32");
    }
    result.plan.force[text.substr(0, equals)] = text.substr(equals + 1);
  }
  result.plan.objective = objective_of(options);
  result.plan.fuse = !options.no_fuse;
  if (!options.memory_budget.empty()) {
    result.plan.memory_budget = parse_size(options.memory_budget);
  }
  if (!options.no_tuned && options.load_plan.empty()) {
    result.cpu = this_cpu(options.threads);
    result.measured = tuned_times(options.db, *result.cpu);
  }
  result.disabled_passes.insert(options.disabled.begin(), options.disabled.end());
  apply_plan_files(options, result);
  return result;
}

}  // namespace convoy::cli
