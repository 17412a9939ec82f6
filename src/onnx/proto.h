// ONNX's protobuf messages as views into the file's bytes: nothing is copied, nothing is trusted.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy::onnx {

// A repeated number field: runs of its wire form, packed or one by one.
using Runs = std::vector<std::string_view>;

struct TensorProto {
  std::vector<std::int64_t> dims;
  std::int32_t data_type = 0;
  std::string_view name;
  std::string_view raw_data;
  bool has_raw_data = false;
  bool has_strings = false;
  Runs float_data, int32_data, int64_data, double_data, uint64_data;
  bool external = false;
  std::vector<std::pair<std::string_view, std::string_view>> external_data;
};

struct AttributeProto {
  enum Type : std::int32_t {
    kUndefined = 0,
    kFloat = 1,
    kInt,
    kString,
    kTensor,
    kGraph,
    kFloats,
    kInts,
    kStrings
  };
  std::string_view name;
  std::int32_t type = kUndefined;
  float f = 0;
  std::int64_t i = 0;
  std::string_view s;
  TensorProto t;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  std::vector<std::string_view> strings;
};

struct NodeProto {
  std::vector<std::string_view> inputs, outputs;
  std::string_view name, op_type, domain;
  std::vector<AttributeProto> attributes;
};

struct DimProto {
  std::int64_t value = -1;  // -1: not a number
  std::string_view symbol;
};

struct ValueInfoProto {
  std::string_view name;
  bool is_tensor = false;
  std::int32_t elem_type = 0;
  bool has_shape = false;
  std::vector<DimProto> dims;
};

struct GraphProto {
  std::string_view name;
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  std::vector<ValueInfoProto> inputs, outputs;
};

struct ModelProto {
  std::int64_t ir_version = 0;
  std::vector<std::pair<std::string_view, std::int64_t>> opsets;  // domain, version
  bool has_graph = false;
  GraphProto graph;
};

// Throw kInvalidModel for malformed wire data, kUnsupported for what Convoy has no words for
// (subgraphs, functions, sparse tensors), naming the field or node.
ModelProto parse_model(std::string_view bytes, std::size_t max_nodes);
TensorProto parse_tensor(std::string_view bytes);

}  // namespace convoy::onnx
