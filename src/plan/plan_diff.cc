#include "plan/plan_diff.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <numeric>

#include "device/profile.h"
#include "plan/plan_words.h"

namespace convoy {
namespace {

std::string number(double value) {
  std::array<char, 64> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

void compare(std::vector<PlanField>& fields, const char* name, const std::string& before,
             const std::string& after) {
  if (before != after) fields.push_back({name, before, after});
}

void compare(std::vector<PlanField>& fields, const char* name, double before, double after) {
  compare(fields, name, number(before), number(after));
}

std::string device_text(const DeviceDesc& device) {
  return device.name + ", " +
         (device.kind == DeviceDesc::Kind::kCpu ? device.isa : device.cuda.arch) + ", " +
         std::to_string(device.cores) + " cores, " + std::to_string(device.threads) + " threads";
}

std::string budget_text(std::size_t budget) {
  return budget == SIZE_MAX ? std::string(plan_words::kNoBudget) : std::to_string(budget);
}

std::string forced_text(const PlanFile& file) {
  std::string text;
  for (const auto& [key, name] : file.force) text += (text.empty() ? "" : ", ") + key + "=" + name;
  return text.empty() ? "nothing" : text;
}

std::string strips_text(const PatchChoice& patches) {
  std::string text;
  for (const PatchRegion& region : patches) {
    text += (text.empty() ? "" : ", ") + std::to_string(region.strips) + " of nodes " +
            std::to_string(region.first) + " to " + std::to_string(region.last);
  }
  return text.empty() ? "none" : text;
}

std::vector<PlanField> header_fields(const PlanFile& a, const PlanFile& b) {
  std::vector<PlanField> fields;
  compare(fields, "model", a.model, b.model);
  compare(fields, "objective", std::string(plan_words::to_string(a.objective)),
          std::string(plan_words::to_string(b.objective)));
  compare(fields, "budget", budget_text(a.memory_budget), budget_text(b.memory_budget));
  compare(fields, "fuse", a.fuse ? "yes" : "no", b.fuse ? "yes" : "no");
  compare(fields, "reference_only", a.reference_only ? "yes" : "no",
          b.reference_only ? "yes" : "no");
  compare(fields, "what_if", a.what_if ? "yes" : "no", b.what_if ? "yes" : "no");
  compare(fields, "precision", std::string(to_string(a.precision)),
          std::string(to_string(b.precision)));
  compare(fields, "force", forced_text(a), forced_text(b));
  compare(fields, "strips", strips_text(a.patches), strips_text(b.patches));
  compare(fields, "device", device_text(a.device), device_text(b.device));
  const auto figures = [](const DeviceDesc& d) { return profile_text(d, "detected", "detected"); };
  if (fields.empty() || fields.back().name != "device") {
    if (figures(a.device) != figures(b.device)) {
      fields.push_back({"device figures", figures(a.device), figures(b.device)});
    }
  }
  compare(fields, "arena", std::to_string(a.arena_bytes), std::to_string(b.arena_bytes));
  return fields;
}

std::vector<PlanField> step_fields(const PlanFile::Step& a, const PlanFile::Step& b) {
  std::vector<PlanField> fields;
  const auto or_own = [](const std::string& tile) { return tile.empty() ? "its own" : tile; };
  compare(fields, "kernel", a.kernel, b.kernel);
  compare(fields, "tile", or_own(a.tile), or_own(b.tile));
  compare(fields, "seconds", a.estimate.seconds, b.estimate.seconds);
  compare(fields, "flops", a.estimate.flops, b.estimate.flops);
  compare(fields, "bytes_l2", a.estimate.bytes_l2, b.estimate.bytes_l2);
  compare(fields, "bytes_dram", a.estimate.bytes_dram, b.estimate.bytes_dram);
  compare(fields, "scratch", std::to_string(a.estimate.workspace_bytes),
          std::to_string(b.estimate.workspace_bytes));
  compare(fields, "seconds are", a.measured ? "measured" : "estimated",
          b.measured ? "measured" : "estimated");
  return fields;
}

// Steps of both plans that share nodes, directly or by way of others, are one set.
class Sets {
 public:
  Sets(const PlanFile& a, const PlanFile& b)
      : by_name_(a.model != b.model), parent_(a.steps.size() + b.steps.size()) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    std::map<std::string, std::size_t> of_a = nodes(a, 0);
    for (const auto& [node, step] : nodes(b, a.steps.size())) {
      if (const auto found = of_a.find(node); found != of_a.end()) join(found->second, step);
    }
  }

  std::size_t find(std::size_t step) {
    while (parent_[step] != step) step = parent_[step] = parent_[parent_[step]];
    return step;
  }

  std::string key(const PlanFile::Node& node) const {
    return by_name_ ? node.name : std::to_string(node.index);
  }

 private:
  // The root of a set is its first step, those of the first plan before those of the second.
  void join(std::size_t a, std::size_t b) {
    a = find(a), b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

  // Nodes of one name are told apart by their order.
  std::map<std::string, std::size_t> nodes(const PlanFile& file, std::size_t first) const {
    std::map<std::string, std::size_t> step_of;
    std::map<std::string, int> seen;
    for (std::size_t s = 0; s < file.steps.size(); ++s) {
      for (const PlanFile::Node& node : file.steps[s].nodes) {
        const int times = seen[key(node)]++;
        step_of[key(node) + '\n' + std::to_string(times)] = first + s;
      }
    }
    return step_of;
  }

  bool by_name_;
  std::vector<std::size_t> parent_;
};

bool same_nodes(const Sets& sets, const PlanFile::Step& a, const PlanFile::Step& b) {
  return std::ranges::equal(
      a.nodes, b.nodes, [&](const auto& x, const auto& y) { return sets.key(x) == sets.key(y); });
}

std::size_t moved_values(const PlanFile& a, const PlanFile& b) {
  std::map<std::int32_t, const Place*> before;
  for (const PlanFile::Value& value : a.values) before[value.number] = &value.place;
  return static_cast<std::size_t>(std::ranges::count_if(b.values, [&](const auto& value) {
    const auto found = before.find(value.number);
    const Place& now = value.place;
    return found == before.end() || found->second->kind != now.kind ||
           found->second->index != now.index || found->second->offset != now.offset;
  }));
}

}  // namespace

PlanDiff diff(const PlanFile& before, const PlanFile& after) {
  PlanDiff result;
  result.fields = header_fields(before, after);
  Sets sets(before, after);
  const std::size_t first = before.steps.size(), all = first + after.steps.size();
  std::map<std::size_t, StepDiff> by_root;
  for (std::size_t s = 0; s < all; ++s) {
    StepDiff& set = by_root[sets.find(s)];
    if (s < first) {
      set.before.push_back(before.steps[s]);
    } else {
      set.after.push_back(after.steps[s - first]);
    }
  }
  for (auto& [root, set] : by_root) {
    const bool pair = set.before.size() == 1 && set.after.size() == 1;
    if (pair && same_nodes(sets, set.before[0], set.after[0])) {
      set.fields = step_fields(set.before[0], set.after[0]);
      if (set.fields.empty()) {
        ++result.equal_steps;
        result.moved += set.before[0].workspace_offset != set.after[0].workspace_offset ? 1 : 0;
        continue;
      }
    }
    result.steps.push_back(std::move(set));
  }
  // Values of graphs that are fused otherwise have other numbers.
  const bool regrouped =
      std::ranges::any_of(result.steps, [](const StepDiff& set) { return set.fields.empty(); });
  if (!regrouped && before.model == after.model) result.moved += moved_values(before, after);
  return result;
}

Estimate total(const std::vector<PlanFile::Step>& steps) {
  Estimate sum;
  for (const PlanFile::Step& step : steps) {
    sum.flops += step.estimate.flops;
    sum.bytes_l2 += step.estimate.bytes_l2;
    sum.bytes_dram += step.estimate.bytes_dram;
    sum.seconds += step.estimate.seconds;
    sum.workspace_bytes = std::max(sum.workspace_bytes, step.estimate.workspace_bytes);
  }
  return sum;
}

}  // namespace convoy
