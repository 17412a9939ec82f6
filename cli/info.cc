// convoy info: this machine, these kernels, this model.
#include <cstdio>
#include <fstream>

#include "base/error.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/info_cuda.h"
#include "cli/report.h"
#include "cuda/device.h"
#include "device/device.h"
#include "device/profile.h"
#include "exec/session.h"
#include "graph/symbolic.h"

namespace convoy::cli {
namespace {

struct InfoOptions {
  ModelOptions model;
  bool kernels = false, devices = false, passes = false, calibrate = false, profiles = false;
  std::string save_profile;  // file
};

std::string declared_shape(const Value& value) {
  if (!value.has_declared) return "unknown shape";
  std::string text;
  for (const Dim& dim : value.declared) {
    if (!text.empty()) text += 'x';
    text += dim.value >= 0 ? std::to_string(dim.value) : dim.symbol.empty() ? "?" : dim.symbol;
  }
  return text.empty() ? "scalar" : text;
}

Json print_values(const char* what, const Graph& graph, const std::vector<ValueId>& ids,
                  bool quiet) {
  Json list = Json::array();
  for (ValueId id : ids) {
    const Value& value = graph.value(id);
    const std::string shape = declared_shape(value);
    if (!quiet) {
      std::printf("%-11s '%s' %s %s\n", what, value.name.c_str(),
                  std::string(to_string(value.dtype)).c_str(), shape.c_str());
    }
    list.push_back({{"name", value.name}, {"dtype", to_string(value.dtype)}, {"shape", shape}});
  }
  return list;
}

// What the outputs come to, where the input's extents leave only the batch open.
Json print_computed_shapes(const Graph& graph, bool quiet) {
  SymbolicShapes shapes;
  try {
    shapes = symbolic_output_shapes(graph, {}, reference_evaluator());
  } catch (const Error&) {  // extents that only a run will know
    return nullptr;
  }
  if (!quiet) {
    std::printf("computes   ");
    for (const std::string& shape : shapes.outputs) std::printf(" %s", shape.c_str());
    if (!shapes.symbol.empty() && shapes.symbol != "N") {
      std::printf(" (N is '%s')", shapes.symbol.c_str());
    }
    std::printf("\n");
  }
  return {{"shapes", shapes.outputs}, {"symbol", shapes.symbol}};
}

Json show_model(const ModelOptions& options, bool quiet) {
  const Graph graph = load_model(options);
  std::map<std::string, int> operators;
  for (const Node& node : graph.nodes) {
    ++operators[node.onnx_type.empty() ? std::string(to_string(node.op)) : node.onnx_type];
  }
  std::size_t weights = 0;
  for (const Value& value : graph.values) {
    if (value.constant) weights += value.constant->view().bytes();
  }
  if (!quiet) std::printf("model       %s\n", options.model.c_str());
  Json json = {{"model", options.model}, {"nodes", graph.nodes.size()}, {"weight_bytes", weights}};
  json["inputs"] = print_values("input", graph, graph.inputs, quiet);
  json["outputs"] = print_values("output", graph, graph.outputs, quiet);
  json["computes"] = print_computed_shapes(graph, quiet);
  if (!quiet) {
    std::printf("weights     %s\n", human_bytes(weights).c_str());
    std::printf("nodes       %zu:", graph.nodes.size());
    for (const auto& [name, count] : operators) std::printf(" %s %d", name.c_str(), count);
    std::printf("\n");
  }
  json["operators"] = operators;
  return json;
}

Json show_device(bool calibrate, bool quiet) {
  const DeviceDesc cpu = detect_cpu();
  if (!quiet) {
    std::printf("cpu         %s, %s kernels, %d threads\n", cpu.name.c_str(), cpu.isa.c_str(),
                cpu.threads);
    std::printf("caches      L1 %s, L2 %s per core, L3 %s\n",
                human_bytes(static_cast<std::size_t>(cpu.l1_bytes)).c_str(),
                human_bytes(static_cast<std::size_t>(cpu.l2_bytes)).c_str(),
                human_bytes(static_cast<std::size_t>(cpu.l3_bytes)).c_str());
  }
  Json json = {{"cpu", cpu.name},          {"isa", cpu.isa},           {"threads", cpu.threads},
               {"l1_bytes", cpu.l1_bytes}, {"l2_bytes", cpu.l2_bytes}, {"l3_bytes", cpu.l3_bytes}};
  json.update(show_cuda(calibrate, quiet));
  return json;
}

Json show_profiles(bool quiet) {
  Json list = Json::array();
  for (const std::string& name : profile_names()) {
    const DeviceDesc device = load_profile(name);
    const bool gpu = device.kind == DeviceDesc::Kind::kCuda;
    const double flops = device.cores * device.flops_per_second_core;
    if (!quiet) {
      std::printf("%-16s %-24s %4d %-15s L2 %-10s %5.1f TFLOP/s f32 %6.2f TB/s\n", name.c_str(),
                  device.name.c_str(), device.cores, gpu ? "multiprocessors" : "cores",
                  human_bytes(static_cast<std::size_t>(device.l2_bytes)).c_str(), flops * 1e-12,
                  device.bytes_per_second * 1e-12);
    }
    list.push_back({{"profile", name},
                    {"name", device.name},
                    {"kind", gpu ? "cuda" : "cpu"},
                    {"cores", device.cores},
                    {"flops_per_second", flops},
                    {"bytes_per_second", device.bytes_per_second}});
  }
  return list;
}

// What this machine's device is, as a profile that other machines can plan for.
void save_profile(const ModelOptions& options, const std::string& path) {
  const DeviceName name = device_of(options);
  const bool gpu = name.kind == DeviceDesc::Kind::kCuda;
  const DeviceDesc device = gpu ? cuda::Device::get(name.ordinal).desc() : detect_cpu();
  std::ofstream file(path);
  file << (gpu ? profile_text(device, "detected: by the driver", "detected: by the driver")
               : profile_text(device, "detected: by the system", "typical: assumed, not measured"));
  if (!file.flush()) fail(ErrorCode::kIo, "cannot write " + path);
}

void info(const InfoOptions& options) {
  if (options.calibrate) require_gpu_to_calibrate();
  const bool quiet = options.model.json_to_stdout();
  Json json = {{"version", kVersion}};
  const bool nothing_asked = options.model.model.empty() && !options.kernels && !options.passes &&
                             !options.profiles && options.save_profile.empty();
  if (options.devices || options.calibrate || nothing_asked) {
    if (!quiet) std::printf("convoy      %s\n", kVersion);
    json["device"] = show_device(options.calibrate, quiet);
  }
  if (!options.model.model.empty()) json["model"] = show_model(options.model, quiet);
  if (options.kernels) {
    for (const Implementation* entry : all_implementations()) {
      if (!quiet) std::printf("%s\n", std::string(entry->name).c_str());
      json["kernels"].push_back(entry->name);
    }
  }
  if (options.passes) {
    for (std::string_view name : pass_names()) {
      if (!quiet) std::printf("%s\n", std::string(name).c_str());
      json["passes"].push_back(name);
    }
  }
  if (options.profiles) json["profiles"] = show_profiles(quiet);
  if (!options.save_profile.empty()) save_profile(options.model, options.save_profile);
  emit_json(options.model, json);
}

}  // namespace

void add_info(CLI::App& app) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command = app.add_subcommand("info", "Show this machine, the kernels, or a model");
  command->add_option("model", options->model.model, "ONNX file");
  command->add_flag("--kernels", options->kernels, "Every kernel, in the order of the registry");
  command->add_flag("--devices", options->devices, "What this machine offers");
  command->add_flag("--calibrate", options->calibrate,
                    "Measure the GPUs' memory, arithmetic and launches beside what is nominal");
  command->add_flag("--passes", options->passes, "The graph passes, in the order they run");
  command->add_flag("--profiles", options->profiles, "The devices there are descriptions of");
  command->add_option("--save-profile", options->save_profile,
                      "Write a description of this machine's device to a file, to plan for it");
  command->add_option("--device", options->model.device, "Which: cpu, cuda or cuda:N");
  command->add_option("--json", options->model.json,
                      "Write the result as JSON to a file, or - for standard output");
  command->callback([options] { info(*options); });
}

}  // namespace convoy::cli
