// One node as its shape rule sees it: operands by position, with messages that name them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "graph/graph.h"

namespace convoy::rules {

// Messages carry no node name; the driver puts it in front.
[[noreturn]] inline void invalid(const std::string& message) {
  fail(ErrorCode::kInvalidModel, message);
}
[[noreturn]] inline void unsupported(const std::string& message) {
  fail(ErrorCode::kUnsupported, message);
}

// Why a value whose operands are all known was not computed; for messages.
using Unfolded = std::map<ValueId, std::string>;

class NodeContext {
 public:
  NodeContext(Graph& graph, Node& node, const Unfolded& unfolded)
      : graph_(graph), node_(node), unfolded_(unfolded) {}

  Node& node() { return node_; }
  template <class T>
  T& attrs() {
    return std::get<T>(node_.attrs);
  }

  std::size_t inputs() const { return node_.inputs.size(); }
  std::size_t outputs() const { return node_.outputs.size(); }
  bool has(std::size_t i) const { return node_.input(i) != kNoValue; }

  // Throw kInvalidModel when operand i is absent.
  Shape shape(std::size_t i) const;
  DType dtype(std::size_t i) const;
  // "operand 1 'conv.weight' (f32 64x3x3x3)".
  std::string describe(std::size_t i) const;

  // Null while the operand's contents are not known.
  const Tensor* constant(std::size_t i) const;
  // Contents of an operand that decides a shape: s32 or s64, of rank 0 or 1. `what` is its role
  // ("the target shape"). Throws kInvalidArgument saying why when they are not known.
  std::vector<std::int64_t> integers(std::size_t i, const char* what) const;
  // The same for any numeric type.
  std::vector<double> numbers(std::size_t i, const char* what) const;

  void set_output(std::size_t i, DType dtype, const Shape& shape);
  void set_input(std::size_t i, ValueId value) { node_.inputs[i] = value; }
  ValueId add_constant(const std::string& role, ConstTensor tensor);

  // Refuse operands of the wrong type, naming them.
  void require_same_dtype(std::size_t a, std::size_t b) const;
  void require_float(std::size_t i) const;

 private:
  const Value& value(std::size_t i) const;
  const Tensor& known(std::size_t i, const char* what) const;

  Graph& graph_;
  Node& node_;
  const Unfolded& unfolded_;
};

// Arithmetic on extents that models and users choose; throws kInvalidModel naming `what`.
std::int64_t checked_add(std::int64_t a, std::int64_t b, const char* what);
std::int64_t checked_mul(std::int64_t a, std::int64_t b, const char* what);

// Resolves axes against `rank`; throws kInvalidModel when one is out of range or repeated.
std::vector<int> normalize_axes(const std::vector<std::int64_t>& axes, int rank, const char* what);

}  // namespace convoy::rules
