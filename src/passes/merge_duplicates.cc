// Nodes that compute the same thing from the same operands become one.
#include <algorithm>
#include <unordered_map>

#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

std::size_t key_of(const Node& node) {
  std::size_t key = static_cast<std::size_t>(node.op) * 31 + node.attrs.index();
  for (ValueId v : node.inputs) key = key * 1000003 + static_cast<std::size_t>(v + 2);
  return key;
}

bool same(const Node& a, const Node& b) {
  return a.op == b.op && a.inputs == b.inputs && a.outputs.size() == b.outputs.size() &&
         a.attrs == b.attrs;
}

}  // namespace

int merge_duplicates(Graph& graph, const PassOptions& /*options*/) {
  Editor editor(graph);
  std::unordered_multimap<std::size_t, int> seen;
  for (int n = 0; n < editor.size(); ++n) {
    if (editor.dead(n) || editor.node(n).outputs.size() != 1) continue;
    const auto [first, last] = seen.equal_range(key_of(editor.node(n)));
    const auto twin = std::find_if(first, last, [&](const auto& entry) {
      return same(editor.node(entry.second), editor.node(n));
    });
    // Graph outputs keep a maker of their own.
    const bool is_output = editor.is_output(editor.node(n).outputs[0]);
    if (twin == last) {
      seen.emplace(key_of(editor.node(n)), n);
    } else if (!is_output && editor.bypass(n, editor.node(twin->second).outputs[0])) {
      editor.changed();
    }
  }
  return editor.finish();
}

}  // namespace convoy::passes
