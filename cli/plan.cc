// convoy plan: what would run, where everything lives, and why.
#include <cstdio>

#include "cli/commands.h"
#include "cli/report.h"

namespace convoy::cli {
namespace {

struct PlanCommandOptions {
  ModelOptions model;
  bool explain = false;
  bool graph = false;
  std::string profile;
};

void print_candidates(const Program& program) {
  for (const Step& step : program.plan.steps) {
    const Node& node = program.graph.nodes[static_cast<std::size_t>(step.node)];
    std::printf("%s\n", Graph::describe(node).c_str());
    for (const Candidate& c : step.candidates) {
      const bool chosen = c.implementation == step.implementation;
      const std::string name(c.implementation->name);
      if (c.declined.empty()) {
        std::printf("  %c %-32s %s\n", chosen ? '*' : ' ', name.c_str(),
                    to_string(c.estimate).c_str());
      } else {
        std::printf("  - %-32s declined: %s\n", name.c_str(), c.declined.c_str());
      }
    }
  }
}

void print_passes(const Program& program) {
  for (const PassReport& pass : program.passes) {
    std::printf("pass        %-24s %8.3f ms, %d changes\n", std::string(pass.name).c_str(),
                pass.milliseconds, pass.changes);
  }
}

void plan(const PlanCommandOptions& options) {
  const std::optional<DeviceDesc> device = device_to_plan_for(options.model, options.profile);
  const DType precision = precision_of(options.model);
  Graph graph = load_model_to_plan(options.model);
  CompileOptions compile_with = compile_options(options.model, graph, {});
  compile_with.plan_for = device;
  compile_with.plan.precision = precision;
  compile_with.plan.keep_candidates = options.explain;
  const auto program = compile(std::move(graph), compile_with);
  if (!options.model.json_to_stdout()) {
    if (options.graph) std::printf("%s\n", to_string(program->graph).c_str());
    std::printf("%s\n", to_string(program->plan, program->graph).c_str());
    if (options.explain) {
      print_candidates(*program);
      print_passes(*program);
    }
    std::printf("plan        %s\n", summarize_kernels(program->plan).c_str());
    std::printf("rewritten   %s\n", summarize_passes(*program).c_str());
    std::printf("memory      %s activations at peak, %s weights\n",
                human_bytes(program->plan.arena_bytes).c_str(),
                human_bytes(program->plan.weight_bytes).c_str());
    std::printf("compiled    passes %.1f ms, plan %.1f ms, prepare %.1f ms\n", program->passes_ms,
                program->plan_ms, program->prepare_ms);
  }
  emit_json(options.model, to_json(program->plan, program->graph));
}

}  // namespace

void add_plan(CLI::App& app) {
  auto options = std::make_shared<PlanCommandOptions>();
  CLI::App* command = app.add_subcommand("plan", "Show the kernels, layouts and memory of a model");
  command->add_option("model", options->model.model, "ONNX file")->required();
  options->model.add_to(*command);
  command->add_flag(
      "--explain", options->explain,
      "Every candidate of every step: its estimate, or why it declined; and every pass");
  command->add_option("--profile", options->profile,
                      "Plan for a device that need not be there: a name of info --profiles, or a "
                      "file as info --save-profile writes");
  command->add_flag("--graph", options->graph, "The graph after the passes");
  command->callback([options] { plan(*options); });
}

}  // namespace convoy::cli
