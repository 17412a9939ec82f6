#include "graph/fold.h"

#include <algorithm>

#include "base/error.h"

namespace convoy {
namespace {

std::int64_t result_bytes(const Graph& graph, const Node& node) {
  std::int64_t bytes = 0;
  for (ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    const Value& v = graph.value(id);
    bytes += v.shape->elements() * static_cast<std::int64_t>(size_of(v.dtype));
  }
  return bytes;
}

}  // namespace

bool Folder::operands_known(const Node& node) const {
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id == kNoValue || graph_.value(id).constant != nullptr;
  });
}

bool Folder::within_limits(const Node& node, std::string& reason) {
  const std::int64_t bytes = result_bytes(graph_, node);
  if (bytes > options_.max_folded_bytes || total_bytes_ > options_.max_total_folded_bytes - bytes) {
    reason = "its " + std::to_string(bytes) + " bytes are too many to fold";
    return false;
  }
  total_bytes_ += bytes;
  return true;
}

bool Folder::fold(const Node& node, std::string& reason) {
  if (node.op == Op::kShape) {
    const auto& range = node.as<ShapeAttrs>();
    const Shape shape = *graph_.value(node.inputs[0]).shape;
    graph_.value(node.outputs[0]).constant = make_s64(shape.dims().subspan(
        static_cast<std::size_t>(range.start), static_cast<std::size_t>(range.end - range.start)));
    return true;
  }
  if (!operands_known(node)) return false;
  if (!evaluate_) {
    reason = "no evaluator is given";
    return false;
  }
  if (!within_limits(node, reason)) return false;

  std::vector<TensorView> inputs, results;
  std::vector<std::shared_ptr<Tensor>> tensors;
  for (ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? TensorView{} : graph_.value(id).constant->view());
  }
  for (ValueId id : node.outputs) {
    const Value* v = id == kNoValue ? nullptr : &graph_.value(id);
    tensors.push_back(v ? std::make_shared<Tensor>(v->dtype, *v->shape) : nullptr);
    results.push_back(v ? tensors.back()->view() : TensorView{});
  }
  try {
    evaluate_(node, inputs, results);
  } catch (const Error& error) {
    // A type that no kernel computes: the planner will say so, if the node is still needed then.
    if (error.code() != ErrorCode::kUnsupported) throw;
    reason = error.what();
    return false;
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i]) graph_.value(node.outputs[i]).constant = tensors[i];
  }
  return true;
}

}  // namespace convoy
