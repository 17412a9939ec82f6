// What a user's flags and options mean for the shapes of a graph.
#pragma once

#include "graph/infer.h"

namespace convoy {

// Sets the first extent of every input that no shape names. Throws kInvalidArgument when the model
// fixes another one.
void bind_batch(const Graph& graph, std::int64_t batch, Bindings& bindings);

}  // namespace convoy
