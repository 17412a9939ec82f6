#include "passes/editor.h"

#include <algorithm>

namespace convoy::passes {

Editor::Editor(Graph& graph)
    : graph_(graph),
      producer_(graph.values.size(), -1),
      readers_(graph.values.size()),
      is_output_(graph.values.size(), false),
      dead_(graph.nodes.size(), false),
      original_(graph.nodes.size()) {
  for (int n = 0; n < size(); ++n) link(n);
  for (ValueId v : graph.outputs) is_output_[static_cast<std::size_t>(v)] = true;
}

int Editor::producer(ValueId id) const {
  return id == kNoValue ? -1 : producer_[static_cast<std::size_t>(id)];
}

int Editor::producer(ValueId id, Op op) const {
  const int n = producer(id);
  return n >= 0 && graph_.nodes[static_cast<std::size_t>(n)].op == op ? n : -1;
}

int Editor::sole_consumer(ValueId id) const {
  const Readers& readers = readers_[static_cast<std::size_t>(id)];
  return readers.count == 1 && !is_output(id) ? readers.sum : -1;
}

ValueId Editor::add_value(std::string name, DType dtype, const Shape& shape) {
  const ValueId id = graph_.add_value(std::move(name), dtype);
  graph_.value(id).shape = shape;
  producer_.push_back(-1);
  readers_.emplace_back();
  is_output_.push_back(false);
  return id;
}

ValueId Editor::add_constant(std::string name, ConstTensor tensor) {
  const ValueId id = add_value(std::move(name), tensor->dtype(), tensor->shape());
  graph_.value(id).constant = std::move(tensor);
  return id;
}

void Editor::link(int node) {
  const Node& n = this->node(node);
  for (ValueId v : n.inputs) {
    if (v == kNoValue) continue;
    Readers& readers = readers_[static_cast<std::size_t>(v)];
    ++readers.count;
    readers.sum ^= node;
    readers.seen.push_back(node);
  }
  for (ValueId v : n.outputs) {
    if (v != kNoValue) producer_[static_cast<std::size_t>(v)] = node;
  }
}

void Editor::unlink(int node) {
  const Node& n = this->node(node);
  for (ValueId v : n.inputs) {
    if (v == kNoValue) continue;
    Readers& readers = readers_[static_cast<std::size_t>(v)];
    --readers.count;
    readers.sum ^= node;
  }
  for (ValueId v : n.outputs) {
    if (v != kNoValue) producer_[static_cast<std::size_t>(v)] = -1;
  }
}

void Editor::rewrite(int node, Op op, Attrs attrs, std::vector<ValueId> inputs) {
  unlink(node);
  Node& n = this->node(node);
  std::vector<ValueId> old = std::exchange(n.inputs, std::move(inputs));
  if (n.op != op) n.onnx_type.clear();  // the file's word for it no longer fits
  n.op = op;
  n.attrs = std::move(attrs);
  link(node);
  release(std::move(old));
}

void Editor::sink(int early, int late, std::vector<ValueId> inputs) {
  unlink(early);
  unlink(late);
  dead_[static_cast<std::size_t>(early)] = true;
  Node& to = node(late);
  std::vector<ValueId> old = to.inputs;
  Node moved = node(early);
  old.insert(old.end(), moved.inputs.begin(), moved.inputs.end());
  moved.inputs = std::move(inputs);
  moved.outputs = std::move(to.outputs);
  to = std::move(moved);
  link(late);
  release(std::move(old));
}

// Every reader of `from` reads `to` instead.
void Editor::redirect(ValueId from, ValueId to) {
  Readers old = std::exchange(readers_[static_cast<std::size_t>(from)], {});
  Readers& now = readers_[static_cast<std::size_t>(to)];
  for (int reader : old.seen) {
    if (dead(reader)) continue;
    for (ValueId& v : node(reader).inputs) {
      if (v != from) continue;
      v = to;
      ++now.count;
      now.sum ^= reader;
      now.seen.push_back(reader);
    }
  }
}

bool Editor::bypass(int node, ValueId replacement) {
  const ValueId output = this->node(node).outputs[0];
  if (!is_output(output)) {
    redirect(output, replacement);
    kill(node);
    return true;
  }
  // The replacement's producer makes the named output itself, and everybody reads that.
  const int maker = producer(replacement);
  if (maker < 0 || is_output(replacement)) return false;
  unlink(node);
  dead_[static_cast<std::size_t>(node)] = true;
  unlink(maker);
  std::replace(this->node(maker).outputs.begin(), this->node(maker).outputs.end(), replacement,
               output);
  link(maker);
  redirect(replacement, output);
  release(this->node(node).inputs);
  return true;
}

int Editor::insert_before(int anchor, Node node) {
  graph_.nodes.push_back(std::move(node));
  dead_.push_back(false);
  anchor_.push_back(anchor);
  link(size() - 1);
  return size() - 1;
}

void Editor::kill(int node) {
  if (dead(node)) return;
  unlink(node);
  dead_[static_cast<std::size_t>(node)] = true;
  release(this->node(node).inputs);
}

void Editor::release(std::vector<ValueId> candidates) {
  while (!candidates.empty()) {
    const int maker = producer(candidates.back());
    candidates.pop_back();
    if (maker < 0 || dead(maker)) continue;
    const std::vector<ValueId>& made = node(maker).outputs;
    const bool needed = std::any_of(made.begin(), made.end(), [&](ValueId v) {
      return v != kNoValue && (is_output(v) || reads(v) > 0);
    });
    if (needed) continue;
    unlink(maker);
    dead_[static_cast<std::size_t>(maker)] = true;
    candidates.insert(candidates.end(), node(maker).inputs.begin(), node(maker).inputs.end());
  }
}

int Editor::finish() {
  // (anchor, 0, order of insertion) for inserted nodes, (index, 1, 0) for original ones.
  std::vector<std::vector<int>> before(original_);
  for (std::size_t i = 0; i < anchor_.size(); ++i) {
    before[static_cast<std::size_t>(anchor_[i])].push_back(static_cast<int>(original_ + i));
  }
  std::vector<Node> nodes;
  nodes.reserve(graph_.nodes.size());
  const auto keep = [&](int n) {
    if (!dead(n)) nodes.push_back(std::move(node(n)));
  };
  for (std::size_t n = 0; n < original_; ++n) {
    for (int inserted : before[n]) keep(inserted);
    keep(static_cast<int>(n));
  }
  graph_.nodes = std::move(nodes);
  std::vector<bool> keep_value = is_output_;
  for (ValueId v : graph_.inputs) keep_value[static_cast<std::size_t>(v)] = true;
  for (std::size_t v = 0; v < graph_.values.size(); ++v) {
    if (readers_[v].count == 0 && !keep_value[v]) graph_.values[v].constant.reset();
  }
  return changes_;
}

}  // namespace convoy::passes
