// convoy plan-diff: what differs between two saved plans. Exit status as diff's: 0 nothing, 1
// something, 2 trouble.
#include "plan/plan_diff.h"

#include <cstdio>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/report.h"

namespace convoy::cli {
namespace {

struct DiffOptions {
  std::string before, after;
  ModelOptions output;  // --json alone
};

std::string names(const PlanFile::Step& step) {
  std::string text;
  for (const PlanFile::Node& node : step.nodes) {
    text += (text.empty() ? "" : " + ") + printable_name(node.name);
  }
  return text;
}

void print_step(char sign, const PlanFile::Step& step) {
  std::printf("%c %s\n      %s%s%s, %.4f ms, %s from L2\n", sign, names(step).c_str(),
              step.kernel.c_str(), step.tile.empty() ? "" : ", tile ", step.tile.c_str(),
              step.estimate.seconds * 1e3,
              human_bytes(static_cast<std::size_t>(step.estimate.bytes_l2)).c_str());
}

void print_fields(const std::vector<PlanField>& fields, const char* indent) {
  for (const PlanField& field : fields) {
    std::printf("%s%-12s %s -> %s\n", indent, field.name.c_str(), field.before.c_str(),
                field.after.c_str());
  }
}

void print(const PlanDiff& found, const PlanFile& before, const PlanFile& after) {
  print_fields(found.fields, "");
  for (const StepDiff& set : found.steps) {
    if (!set.fields.empty()) {
      std::printf("~ %s\n", names(set.after[0]).c_str());
      print_fields(set.fields, "      ");
      continue;
    }
    for (const PlanFile::Step& step : set.before) print_step('-', step);
    for (const PlanFile::Step& step : set.after) print_step('+', step);
  }
  if (found.moved > 0) std::printf("moved       %zu values have other places\n", found.moved);
  const Estimate a = total(before.steps), b = total(after.steps);
  std::printf("steps       %zu -> %zu, %zu of them equal\n", before.steps.size(),
              after.steps.size(), found.equal_steps);
  std::printf("estimate    %.4f ms -> %.4f ms\n", a.seconds * 1e3, b.seconds * 1e3);
  std::printf("traffic     %s -> %s from L2\n",
              human_bytes(static_cast<std::size_t>(a.bytes_l2)).c_str(),
              human_bytes(static_cast<std::size_t>(b.bytes_l2)).c_str());
  std::printf("arena       %s -> %s\n", human_bytes(before.arena_bytes).c_str(),
              human_bytes(after.arena_bytes).c_str());
}

Json to_json(const Estimate& e) {
  return {{"seconds", e.seconds},
          {"flops", e.flops},
          {"bytes_l2", e.bytes_l2},
          {"bytes_dram", e.bytes_dram},
          {"workspace_bytes", e.workspace_bytes}};
}

Json to_json(const std::vector<PlanFile::Step>& steps) {
  Json list = Json::array();
  for (const PlanFile::Step& step : steps) {
    Json nodes = Json::array();
    for (const PlanFile::Node& node : step.nodes) nodes.push_back(printable_name(node.name));
    list.push_back({{"nodes", nodes},
                    {"kernel", step.kernel},
                    {"tile", step.tile},
                    {"estimate", to_json(step.estimate)}});
  }
  return list;
}

Json to_json(const std::vector<PlanField>& fields) {
  Json json = Json::object();
  for (const PlanField& field : fields) {
    json[field.name] = {{"before", field.before}, {"after", field.after}};
  }
  return json;
}

const char* kind_of(const StepDiff& set) {
  if (set.before.empty()) return "added";
  if (set.after.empty()) return "removed";
  return set.fields.empty() ? "regrouped" : "changed";
}

Json to_json(const PlanDiff& found, const PlanFile& before, const PlanFile& after) {
  Json steps = Json::array();
  for (const StepDiff& set : found.steps) {
    steps.push_back({{"change", kind_of(set)},
                     {"before", to_json(set.before)},
                     {"after", to_json(set.after)},
                     {"fields", to_json(set.fields)}});
  }
  return {
      {"equal", found.equal()},
      {"fields", to_json(found.fields)},
      {"steps", steps},
      {"equal_steps", found.equal_steps},
      {"moved", found.moved},
      {"total", {{"before", to_json(total(before.steps))}, {"after", to_json(total(after.steps))}}},
      {"arena_bytes", {{"before", before.arena_bytes}, {"after", after.arena_bytes}}}};
}

PlanFile load(const std::string& path) {
  try {
    return load_plan_file(path);
  } catch (const Error& error) {
    throw UsageError(error.what());  // 1 says that the plans differ
  }
}

void run(const DiffOptions& options) {
  const PlanFile before = load(options.before), after = load(options.after);
  const PlanDiff found = diff(before, after);
  if (!options.output.json_to_stdout() && !found.equal()) print(found, before, after);
  emit_json(options.output, to_json(found, before, after));
  if (!found.equal()) throw ExitStatus{1};
}

}  // namespace

void add_plan_diff(CLI::App& app) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = app.add_subcommand(
      "plan-diff",
      "Compare two plans of --save-plan; exit 0 when equal, 1 when not, 2 for trouble");
  command->add_option("before", options->before, "Plan file")->required();
  command->add_option("after", options->after, "Plan file")->required();
  command->add_option("--json", options->output.json,
                      "Write the result as JSON to a file, or - for standard output");
  command->callback([options] { run(*options); });
}

}  // namespace convoy::cli
