// One ONNX node while it is converted: typed attributes, operands, and the nodes it becomes.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "onnx/proto.h"
#include "onnx/tensor_proto.h"

namespace convoy::onnx {

// Every accessor throws kInvalidModel, naming node and attribute, for a wrong type. Attributes that
// no accessor asked for are refused by finish().
class NodeReader {
 public:
  NodeReader(const NodeProto& proto, std::int64_t opset, std::vector<ValueId> inputs,
             std::vector<ValueId> outputs, Graph& graph, TensorSource& source);

  std::int64_t opset() const { return opset_; }
  const std::string& name() const { return name_; }
  Graph& graph() { return graph_; }

  bool has(std::string_view attribute) const;
  std::int64_t get_int(std::string_view attribute, std::int64_t fallback);
  std::int64_t require_int(std::string_view attribute);
  bool get_flag(std::string_view attribute, bool fallback);     // 0 or 1
  float get_float(std::string_view attribute, float fallback);  // NaN is refused
  std::string get_string(std::string_view attribute, std::string_view fallback);
  std::vector<std::int64_t> get_ints(std::string_view attribute);  // empty when absent
  std::vector<float> get_floats(std::string_view attribute);
  ConstTensor get_tensor(std::string_view attribute);  // null when absent
  void ignore(std::string_view attribute) { seen_.insert(std::string(attribute)); }

  std::size_t input_count() const { return inputs_.size(); }
  // kNoValue when absent. require_input() refuses that.
  ValueId input(std::size_t i) const { return i < inputs_.size() ? inputs_[i] : kNoValue; }
  ValueId require_input(std::size_t i, const char* what);
  // Refuses operands outside [least, most], and missing ones below `least`.
  void expect_inputs(std::size_t least, std::size_t most);
  void expect_outputs(std::size_t least, std::size_t most);
  const std::vector<ValueId>& outputs() const { return outputs_; }
  // The constant an operand holds, or null.
  ConstTensor constant(std::size_t i) const;

  ValueId add_constant(const char* what, ConstTensor tensor);
  // The node's own result, from `operands`.
  void emit(Op op, Attrs attrs, std::vector<ValueId> operands);
  void emit(Op op, Attrs attrs = {}) { emit(op, std::move(attrs), inputs_); }
  // A step before it; returns its result.
  ValueId emit_inner(const char* what, Op op, Attrs attrs, std::vector<ValueId> operands);

  // "node 'conv1' (Conv): " + why, as kInvalidModel or kUnsupported.
  [[noreturn]] void bad(const std::string& why) const;
  [[noreturn]] void unsupported(const std::string& why) const;
  [[noreturn]] void bad_attribute(std::string_view attribute, const std::string& found,
                                  const std::string& expected) const;

  void finish();

 private:
  const AttributeProto* find(std::string_view attribute, std::int32_t type);
  std::string describe() const;

  const NodeProto& proto_;
  std::int64_t opset_;
  std::string name_;
  std::vector<ValueId> inputs_, outputs_;
  Graph& graph_;
  TensorSource& source_;
  std::set<std::string> seen_;
  int inner_ = 0;
};

struct OperatorEntry {
  std::string_view type;
  void (*convert)(NodeReader&);
  std::int64_t since = 1;  // the first opset that has it
};

// The operator of ai.onnx, or null for an unknown one.
const OperatorEntry* find_operator(std::string_view op_type);

}  // namespace convoy::onnx
