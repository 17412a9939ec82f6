// Nodes whose operands are all known become constants.
#include <algorithm>

#include "base/error.h"
#include "passes/constants.h"
#include "passes/editor.h"
#include "passes/pass_list.h"

namespace convoy::passes {
namespace {

bool foldable(Editor& editor, const Node& node) {
  const auto known = [&](ValueId v) { return v == kNoValue || is_constant(editor.graph(), v); };
  if (node.inputs.empty() || !std::all_of(node.inputs.begin(), node.inputs.end(), known)) {
    return false;
  }
  std::int64_t bytes = 0;
  for (ValueId v : node.outputs) {
    if (v == kNoValue) return false;
    bytes += editor.shape(v).elements() * static_cast<std::int64_t>(size_of(editor.value(v).dtype));
  }
  return bytes <= InferOptions{}.max_folded_bytes;
}

void fold(Editor& editor, int n, const Evaluate& evaluate) {
  const Node& node = editor.node(n);
  std::vector<TensorView> inputs, outputs;
  for (ValueId v : node.inputs) {
    inputs.push_back(v == kNoValue ? TensorView{} : editor.value(v).constant->view());
  }
  std::vector<ConstTensor> results;
  for (ValueId v : node.outputs) {
    results.push_back(std::make_shared<Tensor>(editor.value(v).dtype, editor.shape(v)));
    outputs.push_back(results.back()->view());
  }
  try {
    evaluate(node, inputs, outputs);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnsupported) return;  // planning will say so by name
    throw;
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    editor.value(node.outputs[i]).constant = results[i];
  }
  editor.kill(n);
  editor.changed();
}

}  // namespace

int fold_constants(Graph& graph, const PassOptions& options) {
  if (!options.evaluate) return 0;
  Editor editor(graph);
  for (int n = 0; n < editor.size(); ++n) {
    if (!editor.dead(n) && foldable(editor, editor.node(n))) fold(editor, n, options.evaluate);
  }
  return editor.finish();
}

}  // namespace convoy::passes
