// The first step of shape inference: the shapes of the graph's inputs.
#pragma once

#include "graph/infer.h"

namespace convoy {

// Gives every input its shape (and contents, where bound) from `bindings` and from what the file
// declares. A symbol has one extent throughout: the bound one, else that of a bound shape.
// Throws kInvalidArgument for names that do not exist (listing those that do), extents that
// contradict each other or the file, and extents that nothing decides.
void bind_inputs(Graph& graph, const Bindings& bindings);

}  // namespace convoy
