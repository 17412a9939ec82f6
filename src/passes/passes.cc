#include "passes/passes.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/error.h"
#include "passes/pass_list.h"

namespace convoy {
namespace {

struct Pass {
  std::string_view name;
  int (*run)(Graph& graph, const PassOptions& options);
};

constexpr std::array kPasses = {
    Pass{"eliminate_dead", passes::eliminate_dead},
    Pass{"fold_constants", passes::fold_constants},
    Pass{"remove_identities", passes::remove_identities},
    Pass{"merge_duplicates", passes::merge_duplicates},
    Pass{"simplify_clips", passes::simplify_clips},
    Pass{"simplify_activations", passes::simplify_activations},
    Pass{"simplify_layer_norm", passes::simplify_layer_norm},
    Pass{"simplify_gates", passes::simplify_gates},
    Pass{"fold_pads", passes::fold_pads},
    Pass{"hoist_scales", passes::hoist_scales},
    Pass{"fold_batch_norm", passes::fold_batch_norm},
    Pass{"fold_linear", passes::fold_linear},
    Pass{"fold_into_next", passes::fold_into_next},
    Pass{"fold_shortcuts", passes::fold_shortcuts},
    Pass{"fuse_epilogues", passes::fuse_epilogues},
    Pass{"assign_layouts", passes::assign_layouts},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kPasses.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kPasses[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> pass_names() { return kNames; }

std::vector<PassReport> run_passes(Graph& graph, const PassOptions& options) {
  for (const std::string& name : options.disabled) {
    if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
      fail(ErrorCode::kInvalidArgument, "there is no pass named '" + name + "'");
    }
  }
  std::vector<PassReport> reports;
  for (const Pass& pass : kPasses) {
    if (options.disabled.contains(pass.name)) continue;
    const auto start = std::chrono::steady_clock::now();
    PassReport report{pass.name};
    report.changes = pass.run(graph, options);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    report.milliseconds = time.count();
    reports.push_back(report);
    verify(graph, /*need_shapes=*/true);
  }
  return reports;
}

}  // namespace convoy
