// A graph being rewritten: who makes and who reads each value, kept true while nodes change.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace convoy::passes {

// Node indices stay valid until finish(): nodes are rewritten where they stand, new ones are
// appended and put into execution order by finish(), dead ones are erased by it.
//
// Fusions move the earlier node to the place of the later one. All its operands exist there
// already, so no fusion can make a cycle or break the execution order.
class Editor {
 public:
  explicit Editor(Graph& graph);

  Graph& graph() { return graph_; }
  int size() const { return static_cast<int>(graph_.nodes.size()); }
  bool dead(int node) const { return dead_[static_cast<std::size_t>(node)]; }
  Node& node(int index) { return graph_.nodes[static_cast<std::size_t>(index)]; }
  Value& value(ValueId id) { return graph_.value(id); }
  const Shape& shape(ValueId id) const { return *graph_.value(id).shape; }

  // Index of the node that makes `id`; -1 for graph inputs, constants and kNoValue.
  int producer(ValueId id) const;
  // The producer when it is of kind `op`, else -1.
  int producer(ValueId id, Op op) const;
  // Operand slots that read `id`.
  int reads(ValueId id) const { return readers_[static_cast<std::size_t>(id)].count; }
  bool is_output(ValueId id) const { return is_output_[static_cast<std::size_t>(id)]; }
  // The node that reads `id` when it is read exactly once and is no graph output, else -1.
  int sole_consumer(ValueId id) const;
  bool sole_use(ValueId id) const { return sole_consumer(id) >= 0; }

  ValueId add_value(std::string name, DType dtype, const Shape& shape);
  ValueId add_constant(std::string name, ConstTensor tensor);

  // The node computes its outputs differently from now on. Producers nobody reads any more die.
  void rewrite(int node, Op op, Attrs attrs, std::vector<ValueId> inputs);
  // `late` becomes `early` (name, type, attributes) with these operands, keeping its own outputs.
  // The outputs of `early` must have no other reader than `late`.
  void sink(int early, int late, std::vector<ValueId> inputs);
  // Readers of the node's only output read `replacement` instead, and the node dies. A graph output
  // keeps its name: then `replacement` is renamed, or false is returned where that is impossible.
  bool bypass(int node, ValueId replacement);
  // A new node in execution order just before `anchor`, which is none of the inserted nodes;
  // returns its index.
  int insert_before(int anchor, Node node);
  void kill(int node);

  // Counts one change, for the report.
  void changed() { ++changes_; }
  // Erases the dead, orders the inserted, drops constants nobody reads; returns the changes
  // counted.
  int finish();

 private:
  // Who reads a value. Linking and unlinking cost the same however many readers there are, so that
  // a constant that a million nodes share stays cheap.
  struct Readers {
    int count = 0;
    int sum = 0;            // exclusive or of the readers' indices: the reader when it is one
    std::vector<int> seen;  // all readers there are, and some there were
  };

  void link(int node);
  void unlink(int node);
  void redirect(ValueId from, ValueId to);
  void release(std::vector<ValueId> candidates);

  Graph& graph_;
  std::vector<int> producer_;
  std::vector<Readers> readers_;
  std::vector<bool> is_output_;
  std::vector<bool> dead_;
  std::vector<int> anchor_;  // of inserted nodes, which follow the original ones
  std::size_t original_ = 0;
  int changes_ = 0;
};

}  // namespace convoy::passes
