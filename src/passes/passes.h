// Graph -> Graph. One wrapper runs every pass: timer, off switch, verifier; passes are just passes.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/infer.h"

namespace convoy {

struct PassReport {
  std::string_view name;
  double milliseconds = 0;
  int changes = 0;  // nodes rewritten or removed
};

struct PassOptions {
  std::set<std::string, std::less<>> disabled;  // names from pass_names()
  Evaluate evaluate;                            // for constant folding
};

// In the order they run.
std::span<const std::string_view> pass_names();

// Runs every pass that is not disabled over a graph whose shapes are inferred, verifying after
// each. Throws kInvalidArgument for an unknown name in `disabled`.
std::vector<PassReport> run_passes(Graph& graph, const PassOptions& options);

}  // namespace convoy
