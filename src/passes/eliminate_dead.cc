// Removes nodes that no graph output depends on, and releases constants that nobody reads.
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {

int eliminate_dead(Graph& graph, const PassOptions& /*options*/) {
  std::vector<bool> needed(graph.values.size(), false);
  for (ValueId v : graph.outputs) needed[static_cast<std::size_t>(v)] = true;
  Editor editor(graph);
  for (int n = editor.size() - 1; n >= 0; --n) {
    bool live = false;
    for (ValueId v : editor.node(n).outputs) {
      live = live || (v != kNoValue && needed[static_cast<std::size_t>(v)]);
    }
    if (live) {
      for (ValueId v : editor.node(n).inputs) {
        if (v != kNoValue) needed[static_cast<std::size_t>(v)] = true;
      }
    } else {
      editor.kill(n);
      editor.changed();
    }
  }
  return editor.finish();
}

}  // namespace convoy::passes
