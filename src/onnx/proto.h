// The parts of onnx.proto that Convoy reads, as views into the file's bytes. Nested messages stay
// bytes until they are needed, so that parsing takes no memory to speak of and never recurses.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace convoy::onnx {

struct ModelProto {
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;         // of the domain "" / "ai.onnx"; 0: not imported
  std::string_view other_domain;  // another one that is imported
  std::string_view graph;         // a GraphProto
};

struct GraphProto {
  std::string_view name;
  std::vector<std::string_view> nodes;         // NodeProto each
  std::vector<std::string_view> initializers;  // TensorProto each
  std::vector<std::string_view> inputs;        // ValueInfoProto each
  std::vector<std::string_view> outputs;       // ValueInfoProto each
};

struct AttributeProto {
  enum Type : std::int64_t {
    kUndefined = 0,
    kFloat = 1,
    kInt = 2,
    kString = 3,
    kTensor = 4,
    kGraph = 5,
    kFloats = 6,
    kInts = 7,
    kStrings = 8,
    kLastType = 14,
  };
  std::string_view name;
  std::int64_t type = kUndefined;
  float f = 0;
  std::int64_t i = 0;
  std::string_view s;
  std::string_view t;        // a TensorProto
  std::string_view message;  // this message, for the lists
  std::size_t count = 0;     // elements of the list
};

struct NodeProto {
  std::string_view name;
  std::string_view op_type;
  std::string_view domain;
  std::vector<std::string_view> inputs;   // "": absent
  std::vector<std::string_view> outputs;  // "": not wanted
  std::vector<AttributeProto> attributes;
};

struct ValueInfoProto {
  std::string_view name;
  std::int64_t elem_type = 0;
  bool has_shape = false;
  std::vector<Dim> dims;
};

// All throw kInvalidModel for malformed bytes and kUnsupported for what ONNX allows and Convoy does
// not (model-local functions, sparse tensors, sequences).
ModelProto parse_model(std::string_view bytes);
// Throws kUnsupported above max_nodes, before anything is allocated for them.
GraphProto parse_graph(std::string_view bytes, std::size_t max_nodes);
NodeProto parse_node(std::string_view bytes);
ValueInfoProto parse_value_info(std::string_view bytes);

std::vector<std::int64_t> attribute_ints(const AttributeProto& attribute);
std::vector<float> attribute_floats(const AttributeProto& attribute);

// "ints", as onnx.proto calls it.
std::string_view attribute_type_name(std::int64_t type);

}  // namespace convoy::onnx
