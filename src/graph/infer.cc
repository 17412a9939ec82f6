#include "graph/infer.h"

#include "base/error.h"
#include "graph/bind.h"
#include "graph/fold.h"
#include "graph/rules/rules.h"

namespace convoy {
namespace {

// "64.0 GiB".
std::string human_bytes(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit < 6; ++unit) bytes /= 1024;
  const auto tenths = static_cast<std::int64_t>(bytes * 10);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " " + units[unit];
}

void check_size(const Value& v, const InferOptions& options) {
  const std::int64_t elements = v.shape->elements();
  const auto size = static_cast<std::int64_t>(size_of(v.dtype));
  if (elements <= options.max_value_bytes / size) return;
  fail(ErrorCode::kUnsupported,
       "'" + v.name + "' (" + std::string(to_string(v.dtype)) + " " + to_string(*v.shape) +
           ") would take " +
           human_bytes(static_cast<double>(elements) * static_cast<double>(size)) + "; at most " +
           human_bytes(static_cast<double>(options.max_value_bytes)) + " are allowed");
}

void infer_node(Graph& graph, Node& node, const rules::Unfolded& unfolded,
                const InferOptions& options) {
  try {
    rules::NodeContext context(graph, node, unfolded);
    rules::rule_of(node.op)(context);
    for (ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      if (!graph.value(id).shape) {
        rules::unsupported("its optional output '" + graph.value(id).name + "' is not computed");
      }
      check_size(graph.value(id), options);
    }
  } catch (const Error& error) {
    fail(error.code(), Graph::describe(node) + ": " + error.what());
  }
}

// Remembers why the results are not known, be it the node's own fault or an operand's.
void note_unfolded(const Node& node, const std::string& reason, rules::Unfolded& unfolded) {
  std::string why = reason.empty() ? std::string() : Graph::describe(node) + ": " + reason;
  for (ValueId id : node.inputs) {
    if (const auto cause = unfolded.find(id); why.empty() && cause != unfolded.end()) {
      why = cause->second;
    }
  }
  if (why.empty()) return;
  for (ValueId id : node.outputs) unfolded[id] = why;
}

}  // namespace

void infer_shapes(Graph& graph, const Bindings& bindings, const Evaluate& evaluate,
                  const InferOptions& options) {
  verify(graph, false);
  bind_inputs(graph, bindings);
  for (ValueId id : graph.inputs) check_size(graph.value(id), options);

  Folder folder(graph, evaluate, options);
  rules::Unfolded unfolded;
  std::vector<Node> kept;
  kept.reserve(graph.nodes.size());
  for (Node& node : graph.nodes) {
    infer_node(graph, node, unfolded, options);
    std::string reason;
    if (folder.fold(node, reason)) continue;
    note_unfolded(node, reason, unfolded);
    kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
}

}  // namespace convoy
