#include "cli/plan_output.h"

namespace convoy::cli {
namespace {

Json to_json(const Estimate& e) {
  return {{"ms", e.seconds * 1e3},
          {"flops", e.flops},
          {"bytes_l2", e.bytes_l2},
          {"bytes_dram", e.bytes_dram},
          {"workspace_bytes", e.workspace_bytes}};
}

Json to_json(const std::optional<Alternative>& a) {
  if (!a) return nullptr;
  return {{"kernel", a->kernel},
          {"tile", a->tile},
          {"estimate", to_json(a->estimate)},
          {"measured", a->measured},
          {"loses", a->loses ? Json(*a->loses) : Json(nullptr)}};
}

Json to_json(const Candidate& c, const Step& step) {
  Json json = {{"kernel", c.implementation->name}};
  if (!c.declined.empty()) {
    json["declined"] = c.declined;
    return json;
  }
  json["tile"] = c.tile;
  json["chosen"] = c.implementation == step.implementation && c.tile == step.tile;
  json["measured"] = c.measured;
  json["estimate"] = to_json(c.estimate);
  return json;
}

Json to_json(const Totals& t) {
  return {{"steps", t.steps},
          {"ms", t.seconds * 1e3},
          {"flops", t.flops},
          {"bytes_l2", t.bytes_l2},
          {"bytes", t.bytes},
          {"bytes_dram", t.bytes_dram},
          {"arena_bytes", t.arena_bytes}};
}

Json outputs_of(const Program& program, const Node& node) {
  Json outputs = Json::array();
  for (const ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    const Value& value = program.graph.value(id);
    const Place& place = program.plan.places[static_cast<std::size_t>(id)];
    outputs.push_back({{"name", value.name},
                       {"dtype", to_string(value.dtype)},
                       {"shape", value.shape->dims()},
                       {"layout", to_string(value.layout)},
                       {"in_arena", place.kind == Place::Kind::kArena},
                       {"is_output", place.kind == Place::Kind::kOutput},
                       {"offset", place.offset},
                       {"bytes", place.bytes}});
  }
  return outputs;
}

Json to_json(const StepReport& r, const Program& program) {
  const Step& step = *r.step;
  Json members = Json::array(), reads = Json::array(), candidates = Json::array();
  for (const Member& m : r.members) members.push_back({{"node", m.node}, {"work", m.work}});
  for (const Operand& o : r.reads) {
    reads.push_back({{"name", o.value}, {"from", o.from < 0 ? Json(nullptr) : Json(o.from)}});
  }
  for (const Candidate* c : r.candidates) candidates.push_back(to_json(*c, step));
  return {{"node", r.node->name},
          {"operator", to_string(r.node->op)},
          {"members", members},
          {"kernel", step.implementation->name},
          {"tile", step.tile},
          {"estimated_ms", step.estimate.seconds * 1e3},
          {"measured", step.measured},
          {"flops", step.estimate.flops},
          {"workspace_bytes", step.workspace_bytes},
          {"estimate", to_json(step.estimate)},
          {"bytes", r.bytes},
          {"apart", step.apart ? to_json(*step.apart) : Json(nullptr)},
          {"bytes_apart", r.bytes_apart},
          {"bound", to_string(r.bound)},
          {"shares",
           {{"arithmetic", r.shares.arithmetic}, {"l2", r.shares.l2}, {"dram", r.shares.dram}}},
          {"runner_up", to_json(r.runner_up)},
          {"next_tile", to_json(r.next_tile)},
          {"tiles", r.tiles},
          {"reads", reads},
          {"outputs", outputs_of(program, *r.node)},
          {"candidates", candidates}};
}

}  // namespace

Json to_json(const PlanReport& report) {
  const Program& program = *report.program;
  const Plan& plan = program.plan;
  Json steps = Json::array(), arena = Json::array(), not_fused = Json::array(),
       passes = Json::array(), strips = Json::array();
  for (const StripRegion& r : plan.strips) {
    strips.push_back(
        {{"first", r.first}, {"last", r.last}, {"nodes", r.nodes}, {"strips", r.strips}});
  }
  for (const StepReport& step : report.steps) steps.push_back(to_json(step, program));
  for (const BufferReport& b : report.buffers) {
    arena.push_back({{"name", b.name},
                     {"scratch", b.scratch},
                     {"offset", b.offset},
                     {"bytes", b.bytes},
                     {"first", b.first},
                     {"last", b.last}});
  }
  for (const NotFusedReport& entry : report.not_fused) {
    not_fused.push_back({{"nodes", entry.nodes}, {"steps", entry.steps}, {"reason", entry.reason}});
  }
  for (const PassReport& pass : program.passes) {
    passes.push_back({{"name", pass.name}, {"changes", pass.changes}, {"ms", pass.milliseconds}});
  }
  return {
      {"model", report.model},
      {"device", plan.device.name},
      {"kind", plan.device.kind == DeviceDesc::Kind::kCuda ? "cuda" : "cpu"},
      {"threads", plan.device.threads},
      {"objective", to_string(report.objective)},
      {"arena_bytes", plan.arena_bytes},
      {"activation_peak_bytes", plan.activation_peak},
      {"weight_bytes", plan.weight_bytes},
      {"caller_bytes", caller_bytes(program.graph)},
      {"strips", strips},
      {"totals", to_json(report.totals)},
      {"layer_by_layer", report.layer_by_layer ? to_json(*report.layer_by_layer) : Json(nullptr)},
      {"steps", steps},
      {"not_fused", not_fused},
      {"arena", arena},
      {"passes", passes}};
}

}  // namespace convoy::cli
