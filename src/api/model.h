// The model handle and what model and session share.
#pragma once

#include "api/boundary.h"
#include "graph/graph.h"

struct convoy_model {
  convoy::Graph graph;
};

namespace convoy::api {

// `planned`: the inferred shape, otherwise what the file declares.
void describe_value(const Value& value, bool planned, convoy_tensor_info& info);

// graph.inputs or graph.outputs at `index`. Throws kInvalidArgument past the end.
const Value& value_at(const Graph& graph, const std::vector<ValueId>& ids, std::size_t index,
                      const char* what);

}  // namespace convoy::api
