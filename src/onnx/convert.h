// ModelProto -> Graph: names become values, operators become Convoy's.
#pragma once

#include <cstddef>
#include <string_view>

#include "graph/graph.h"
#include "onnx/tensor_proto.h"

namespace convoy::onnx {

// Nodes are parsed one at a time, so that memory follows the graph and not the file's encoding.
// Throws as load_onnx does.
Graph convert_model(std::string_view bytes, TensorSource& source, std::size_t max_nodes);

}  // namespace convoy::onnx
