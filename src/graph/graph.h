// The model between its file and its plan: values and nodes, nodes always in execution order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/op.h"
#include "base/tensor.h"

namespace convoy {

using ValueId = std::int32_t;
inline constexpr ValueId kNoValue = -1;  // an optional operand that is absent

// An extent of a model input: a number, or a name that the user binds ("batch").
struct Dim {
  std::int64_t value = -1;  // -1: symbolic
  std::string symbol;       // may be empty for an anonymous unknown extent
};

struct Value {
  std::string name;
  DType dtype = DType::kF32;
  std::optional<Shape> shape;  // absent until shapes are inferred
  Layout layout = Layout::kNchw;
  ConstTensor constant;       // set for initializers and folded values
  std::vector<Dim> declared;  // graph inputs and outputs: what the file says
  bool has_declared = false;  // false: the file gives no shape at all
};

struct Node {
  Op op = Op::kIdentity;
  Attrs attrs;
  std::string name;       // the file's node name, or one made from its first output
  std::string onnx_type;  // as written in the file, for messages
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;

  template <class T>
  const T& as() const {
    return std::get<T>(attrs);
  }
  template <class T>
  T& as() {
    return std::get<T>(attrs);
  }
  ValueId input(std::size_t i) const { return i < inputs.size() ? inputs[i] : kNoValue; }
};

struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;       // a node comes after the producers of its inputs
  std::vector<ValueId> inputs;   // without initializers
  std::vector<ValueId> outputs;  // may repeat, may be inputs or constants

  ValueId add_value(std::string value_name, DType dtype);
  ValueId add_constant(std::string value_name, ConstTensor tensor);
  const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  Value& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  // Name and type for messages: "node 'conv1' (Conv)".
  static std::string describe(const Node& node);
};

// Who makes and who reads each value; a snapshot, stale after the graph changes.
struct Uses {
  explicit Uses(const Graph& graph);
  std::vector<std::int32_t> producer;                // node index, or -1
  std::vector<std::vector<std::int32_t>> consumers;  // node indices, one entry per operand slot
  std::vector<bool> is_output;                       // of the graph
};

// Replaces every use of `from`, graph outputs included, by `to`.
void replace_uses(Graph& graph, ValueId from, ValueId to);

// Throws kInternal naming the first broken invariant: order, ids, one producer per value,
// attributes of the operator's own type, dtypes and shapes present where `need_shapes`.
void verify(const Graph& graph, bool need_shapes);

// One line per node with names, types, shapes and layouts.
std::string to_string(const Graph& graph);

}  // namespace convoy
