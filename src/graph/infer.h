// Shapes and types of every value, for given input shapes.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>

#include "graph/graph.h"

namespace convoy {

// Computes a node whose operands are all known; outputs are allocated by the caller with their
// inferred shapes. exec/ supplies the reference kernels.
using Evaluate = std::function<void(const Node& node, std::span<const TensorView> inputs,
                                    std::span<const TensorView> outputs)>;

// What the user fixes before planning. Of what is left symbolic, only a first dimension (the batch)
// has a default; others must be bound.
struct Bindings {
  std::map<std::string, Shape> shapes;          // by input name
  std::map<std::string, std::int64_t> symbols;  // by dimension name: {"batch", 8}
  std::map<std::string, ConstTensor> values;    // inputs whose contents decide shapes
  std::int64_t default_extent = 1;              // for first dimensions that nothing binds
};

struct InferOptions {
  // Largest result that folding may create, and the sum of all, in bytes; beyond, nodes stay.
  std::int64_t max_folded_bytes = std::int64_t{64} << 20;
  std::int64_t max_total_folded_bytes = std::int64_t{1} << 30;
  // Largest value the graph may hold, in bytes; beyond, the model is refused.
  std::int64_t max_value_bytes = std::int64_t{1} << 36;
};

// Gives every value of `graph` its dtype and shape, in order, folding what is known into constants
// as it goes (a Shape -> Slice -> Concat -> Reshape chain needs that), and resolves auto_pad and
// other attributes that depend on shapes. Bound values become constants.
//
// `evaluate` may be empty: then only the Shape operator folds.
//
// Throws kInvalidModel or kInvalidArgument naming the node, the operand, what was found and what
// was expected; kInvalidArgument when an operand that decides a shape is not known ("bind it");
// kUnsupported for values beyond max_value_bytes, ranks and types outside the operators'.
void infer_shapes(Graph& graph, const Bindings& bindings, const Evaluate& evaluate,
                  const InferOptions& options = {});

}  // namespace convoy
