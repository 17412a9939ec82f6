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

// What the user fixes before planning.
struct Bindings {
  std::map<std::string, Shape> shapes;          // by input name
  std::map<std::string, std::int64_t> symbols;  // by dimension name: {"batch", 8}
  std::map<std::string, ConstTensor> values;    // inputs whose contents decide shapes
  std::int64_t default_extent = 1;              // for symbolic dimensions that nothing binds
};

struct InferOptions {
  // Largest result that folding may create, in bytes; larger ones stay nodes.
  std::int64_t max_folded_bytes = std::int64_t{64} << 20;
};

// Gives every value of `graph` its dtype and shape, in order, folding what is known into constants
// as it goes (a Shape -> Slice -> Concat -> Reshape chain needs that), and resolves auto_pad and
// other attributes that depend on shapes. Bound values become constants.
//
// Throws kInvalidModel or kInvalidArgument naming the node, the operand, what was found and what
// was expected; kInvalidArgument when an operand that decides a shape is not known ("bind it").
void infer_shapes(Graph& graph, const Bindings& bindings, const Evaluate& evaluate,
                  const InferOptions& options = {});

}  // namespace convoy
