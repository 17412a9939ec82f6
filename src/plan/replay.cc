// A plan from its file: everything that the file says is checked against the graph, the device and
// the kernels before it is believed.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "device/profile.h"
#include "plan/fuse.h"
#include "plan/graph_hash.h"
#include "plan/place.h"
#include "plan/plan_file.h"
#include "plan/search.h"
#include "plan/unplaced.h"

namespace convoy {
namespace {

class Replay {
 public:
  Replay(Graph graph, const PlanFile& file, const PlanOptions& options, const std::string& origin)
      : file_(file),
        device_(options.device),
        origin_(origin),
        before_(std::move(graph)),
        options_(options) {
    // What decides the steps' description and the views is the file's.
    options_.reference_only = file.reference_only;
    options_.precision = file.precision;
    options_.force = file.force;
  }

  PlannedGraph run() {
    check_model();
    check_device();
    if (file_.what_if != options_.what_if) {
      refuse(file_.what_if ? "it is for a device that need not be there, and cannot be run"
                           : "it was made to be run, not for a device that need not be there",
             ErrorCode::kUnsupported);
    }
    result_.plan.precision = file_.precision;
    cut_strips();
    apply_groups();
    choose_kernels();
    place_values(result_.graph, views_, result_.plan);
    take_places();
    check_places();
    check_budget(result_.graph, result_.plan, options_);
    return std::move(result_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why,
                           ErrorCode code = ErrorCode::kInvalidArgument) const {
    fail(code, "plan " + origin_ + ": " + why);
  }

  void check_model() const {
    const std::string hash = graph_hash(before_);
    if (hash == file_.model) return;
    refuse("it is of another model: this one is " + hash.substr(0, 12) + " ('" + before_.name +
           "'), the plan's " + file_.model.substr(0, 12) + " ('" + file_.graph +
           "'); shapes, passes and weights count");
  }

  void check_device() {
    // As a file has it: names on one line.
    const DeviceDesc here = parse_profile(profile_text(device_, "detected", "detected"), origin_);
    const DeviceDesc& there = file_.device;
    std::string differs;
    const auto compare = [&](const char* what, const auto& found, const auto& planned) {
      if (found == planned) return;
      differs += std::string(differs.empty() ? "" : "; ") + what + " is " + text(found) +
                 ", the plan's " + text(planned);
    };
    compare("the kind of device", kind(here), kind(there));
    compare("its name", here.name, there.name);
    if (here.kind == there.kind) {
      compare("its instruction set", here.isa, there.isa);
      compare("its architecture", here.cuda.arch, there.cuda.arch);
      compare("the number of cores", here.cores, there.cores);
      compare("the number of threads", device_.threads, there.threads);
    }
    if (!differs.empty()) refuse("it is for another device: " + differs);
    result_.plan.device = there;
    result_.plan.device.name = device_.name;
    result_.plan.device.cuda.ordinal = device_.cuda.ordinal;
  }
  void cut_strips() {
    if (file_.patches.empty()) return;
    try {
      Graph cut = with_patches(before_, file_.patches);
      result_.plan.strips = describe_patches(before_, file_.patches);
      before_ = std::move(cut);
    } catch (const Error& error) {
      refuse(error.what());
    }
  }

  static std::string kind(const DeviceDesc& device) {
    return device.kind == DeviceDesc::Kind::kCpu ? "cpu" : "cuda";
  }
  static std::string text(int number) { return std::to_string(number); }
  static std::string text(const std::string& word) { return "'" + word + "'"; }

  // The graph with every step of several nodes as one node.
  void apply_groups() {
    std::vector<std::pair<int, std::size_t>> on_path(before_.nodes.size(), {-1, 0});
    const std::vector<Group> paths = conv_paths(before_);
    for (std::size_t p = 0; p < paths.size(); ++p) {
      for (std::size_t i = 0; i < paths[p].size(); ++i) {
        on_path[static_cast<std::size_t>(paths[p][i])] = {static_cast<int>(p), i};
      }
    }
    std::vector<bool> taken(before_.nodes.size(), false), inner(before_.nodes.size(), false);
    std::vector<Group> groups;
    for (const PlanFile::Step& step : file_.steps) {
      Group group;
      for (const PlanFile::Node& node : step.nodes) {
        const auto at = static_cast<std::size_t>(node.index);
        if (at >= taken.size() || taken[at]) {
          refuse("node " + std::to_string(node.index) +
                 (at < taken.size() ? " is in two steps"
                                    : " is none of the model's " + std::to_string(taken.size())));
        }
        taken[at] = true;
        if (!group.empty()) {
          const auto& [path, place] = on_path[static_cast<std::size_t>(group.back())];
          if (path < 0 || on_path[at] != std::pair(path, place + 1)) {
            refuse(Graph::describe(before_.nodes[at]) + " cannot be fused with node " +
                   std::to_string(group.back()));
          }
          inner[static_cast<std::size_t>(group.back())] = true;
        }
        group.push_back(node.index);
      }
      if (group.size() > kLongestGroup) {
        refuse("a step of " + std::to_string(group.size()) + " nodes, expected at most " +
               std::to_string(kLongestGroup));
      }
      if (group.empty()) refuse("a step of no nodes");
      groups.push_back(std::move(group));
    }
    for (std::size_t n = 0; n < inner.size(); ++n) {
      if (!inner[n]) kept_.push_back(static_cast<std::int32_t>(n));
    }
    result_.graph = before_;
    fuse(result_.graph, groups);
    views_ = find_views(result_.graph, options_);
  }

  void choose_kernels() {
    const Graph& graph = result_.graph;
    std::size_t next = 0;
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      const Node& node = graph.nodes[n];
      if (views_.free[n]) continue;
      const std::string who = Graph::describe(node);
      if (next == file_.steps.size() || file_.steps[next].nodes.back().index != kept_[n]) {
        refuse("step " + std::to_string(next) + " is not that of " + who + ", which runs then");
      }
      result_.plan.steps.push_back(step_of(file_.steps[next++], static_cast<std::int32_t>(n)));
    }
    if (next != file_.steps.size()) {
      refuse("it has " + std::to_string(file_.steps.size()) + " steps, the model needs " +
             std::to_string(next));
    }
  }

  Step step_of(const PlanFile::Step& row, std::int32_t at) const {
    const Node& node = result_.graph.nodes[static_cast<std::size_t>(at)];
    const std::string who = Graph::describe(node);
    const StepDesc desc(result_.graph, node, file_.precision);
    Step step;
    step.node = at;
    step.implementation = kernel_named(row.kernel, desc.desc().op);
    if (step.implementation == nullptr) {
      refuse(who + ": there is no kernel '" + row.kernel.substr(0, 80) + "' for it");
    }
    step.tile = row.tile;
    step.estimate = row.estimate;
    step.measured = row.measured;
    step.workspace_bytes = row.estimate.workspace_bytes;
    step.apart = row.apart;
    const Support support = step.implementation == &kUnplaced
                                ? Support::yes()
                                : can_run(*step.implementation, desc.desc(), result_.plan.device);
    if (!support) {
      refuse(who + ": " + row.kernel + " declines: " + support.reason, ErrorCode::kUnsupported);
    }
    const std::size_t needed = scratch_of(step, desc.desc(), who);
    if (needed != step.workspace_bytes) {
      refuse(who + ": " + row.kernel + " needs " + std::to_string(needed) +
             " bytes of scratch, the plan books " + std::to_string(step.workspace_bytes));
    }
    return step;
  }

  const Implementation* kernel_named(const std::string& name, Op op) const {
    if (file_.what_if && name == kUnplaced.name) return &kUnplaced;
    for (const Implementation* entry : implementations(op)) {
      if (entry->name == name) return entry;
    }
    return nullptr;
  }

  // What the kernel needs in the file's tile, which must be one of its own.
  std::size_t scratch_of(const Step& step, const OpDesc& desc, const std::string& who) const {
    const Implementation& entry = *step.implementation;
    if (step.tile.empty()) return entry.workspace(desc, result_.plan.device);
    if (entry.tiles != nullptr) {
      constexpr std::size_t kFew = 8, kAll = 1 << 16;  // mostly one of the first
      for (const std::size_t count : {kFew, kAll}) {
        for (const TileChoice& choice : entry.tiles(desc, result_.plan.device, count)) {
          if (choice.tile == step.tile) return choice.estimate.workspace_bytes;
        }
      }
    }
    refuse(who + ": '" + step.tile.substr(0, 80) + "' is no tile of " + std::string(entry.name));
  }

  // Which values are in the arena, and which are the caller's, follows from the graph; where in the
  // arena they are, and the scratch, is the file's.
  void take_places() {
    const std::vector<std::int32_t> numbers = value_numbers(result_.graph);
    std::map<std::int32_t, std::size_t> by_number;
    std::vector<Place>& places = result_.plan.places;
    for (std::size_t v = 0; v < places.size(); ++v) {
      const bool listed =
          places[v].kind == Place::Kind::kArena || places[v].kind == Place::Kind::kOutput;
      if (listed && numbers[v] >= 0) by_number[numbers[v]] = v;
    }
    if (by_number.size() != file_.values.size()) {
      refuse("it has places for " + std::to_string(file_.values.size()) +
             " values, the model needs " + std::to_string(by_number.size()));
    }
    expected_ = places;
    for (std::size_t s = 0; s < file_.steps.size(); ++s) {
      result_.plan.steps[s].workspace_offset = file_.steps[s].workspace_offset;
    }
    for (const PlanFile::Value& value : file_.values) {
      const auto found = by_number.find(value.number);
      if (found == by_number.end()) {
        refuse("value " + std::to_string(value.number) +
               " is none that has a place, or is twice there");
      }
      Place& place = places[found->second];
      const Place& said = value.place;
      const bool movable = place.kind == Place::Kind::kArena;
      if (said.kind != place.kind || said.index != place.index || said.bytes != place.bytes ||
          (!movable && said.offset != place.offset)) {
        refuse(name(found->second) + " is " + describe(said) + ", expected " + describe(place));
      }
      place.offset = said.offset;
      by_number.erase(found);
    }
    result_.plan.arena_bytes = file_.arena_bytes;
  }

  static std::string describe(const Place& place) {
    const std::string bytes = std::to_string(place.bytes) + " bytes";
    if (place.kind == Place::Kind::kArena) return bytes + " of the arena";
    return bytes + " at " + std::to_string(place.offset) + " of output " +
           std::to_string(place.index);
  }
  std::string name(std::size_t v) const { return "'" + result_.graph.values[v].name + "'"; }

  void check_places() {
    Plan& plan = result_.plan;
    std::size_t end = 0;
    const auto inside = [&](const std::string& who, std::size_t offset, std::size_t bytes) {
      if (bytes > plan.arena_bytes || offset > plan.arena_bytes - bytes) {
        refuse(who + " lies outside the arena: " + std::to_string(bytes) + " bytes at " +
               std::to_string(offset) + " of " + std::to_string(plan.arena_bytes));
      }
      end = std::max(end, offset + bytes);
    };
    for (std::size_t v = 0; v < plan.places.size(); ++v) {
      if (plan.places[v].kind != Place::Kind::kArena) continue;
      inside(name(v), plan.places[v].offset, plan.places[v].bytes);
      if ((plan.places[v].offset - expected_[v].offset) % kAlignment != 0) {
        refuse(name(v) + " is not aligned to " + std::to_string(kAlignment) + " bytes");
      }
    }
    for (const Step& step : plan.steps) {
      const Node& node = result_.graph.nodes[static_cast<std::size_t>(step.node)];
      inside("scratch of " + Graph::describe(node), step.workspace_offset, step.workspace_bytes);
      if (step.workspace_offset % kAlignment != 0) {
        refuse("scratch of " + Graph::describe(node) + " is not aligned to " +
               std::to_string(kAlignment) + " bytes");
      }
      check_apart(step, node);
    }
    if (plan.arena_bytes - end >= kAlignment) {
      refuse("its arena has " + std::to_string(plan.arena_bytes) + " bytes, of which " +
             std::to_string(end) + " are used");
    }
    check_views();
    try {
      verify(plan, result_.graph);
    } catch (const Error& error) {
      refuse(error.what());
    }
  }

  // Within one step: what is written overlaps nothing else, but for a result that takes the place
  // of its operand whole where the kernel says that it may.
  void check_apart(const Step& step, const Node& node) const {
    const Place scratch{Place::Kind::kArena, 0, step.workspace_offset, step.workspace_bytes};
    const auto at = [&](ValueId v) -> const Place& {
      return result_.plan.places[static_cast<std::size_t>(v)];
    };
    const auto overlap = [](const Place& a, const Place& b) {
      return a.kind == b.kind && a.index == b.index && a.kind != Place::Kind::kConstant &&
             a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
    };
    const auto clash = [&](const std::string& a, const std::string& b) {
      refuse(Graph::describe(node) + ": " + a + " overlaps " + b);
    };
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      const Place& y = at(node.outputs[i]);
      if (overlap(y, scratch)) clash("its scratch", "a result");
      for (std::size_t k = 0; k < i; ++k) {
        if (node.outputs[k] != kNoValue && overlap(at(node.outputs[k]), y))
          clash("a result", "another");
      }
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        if (node.inputs[k] == kNoValue || !overlap(at(node.inputs[k]), y)) continue;
        const bool in_place = i == 0 && k == 0 && step.implementation->in_place &&
                              at(node.inputs[0]).offset == y.offset;
        if (!in_place) clash("a result", "operand " + std::to_string(k));
      }
    }
    for (const ValueId v : node.inputs) {
      if (v != kNoValue && overlap(at(v), scratch)) clash("its scratch", "an operand");
    }
  }

  // A part of another value is where it is in that value.
  void check_views() const {
    const std::vector<Place>& places = result_.plan.places;
    for (std::size_t v = 0; v < views_.values.size(); ++v) {
      if (views_.values[v].of == kNoValue) continue;
      const auto whole = static_cast<std::size_t>(views_.values[v].of);
      if (places[v].offset - places[whole].offset ==
          expected_[v].offset - expected_[whole].offset) {
        continue;
      }
      refuse(name(v) + " is part of " + name(whole) + ", but lies elsewhere");
    }
  }

  const PlanFile& file_;
  const DeviceDesc& device_;
  const std::string& origin_;
  Graph before_;
  PlanOptions options_;
  std::vector<std::int32_t> kept_;  // node of before_ in whose place each node is
  Views views_;
  std::vector<Place> expected_;  // as place_values() would have them
  PlannedGraph result_;
};

}  // namespace

PlannedGraph replay(Graph graph, const PlanFile& file, const PlanOptions& options,
                    const std::string& origin) {
  return Replay(std::move(graph), file, options, origin).run();
}

}  // namespace convoy
