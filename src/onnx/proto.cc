#include "onnx/proto.h"

#include <bit>
#include <cstring>

#include "onnx/wire.h"

namespace convoy::onnx {

namespace {

// The default operator set's version in a list of imports; each domain may come once.
void parse_opset_import(std::string_view bytes, ModelProto& model) {
  std::string_view domain;
  std::int64_t version = 0;
  for (WireReader r(bytes, "OperatorSetIdProto"); r.next();) {
    if (r.tag() == 1) domain = r.text();
    if (r.tag() == 2) version = r.integer();
  }
  if (!domain.empty() && domain != "ai.onnx") {
    model.other_domain = domain;
    return;
  }
  if (model.opset != 0) {
    fail(ErrorCode::kInvalidModel,
         "the model imports the opset of domain 'ai.onnx' twice: " + std::to_string(model.opset) +
             " and " + std::to_string(version));
  }
  if (version <= 0) {
    fail(ErrorCode::kInvalidModel, "the model imports opset " + std::to_string(version) +
                                       " of domain 'ai.onnx'; expected a positive version");
  }
  model.opset = version;
}

[[noreturn]] void fail_functions(std::string_view function) {
  std::string_view name;
  for (WireReader r(function, "FunctionProto"); r.next();) {
    if (r.tag() == 1) name = r.text();
  }
  fail(ErrorCode::kUnsupported, "the model defines the model-local function " + quote(name) +
                                    "; functions are not supported, inline them when exporting");
}

void parse_dims(std::string_view bytes, ValueInfoProto& info) {
  info.has_shape = true;
  for (WireReader shape(bytes, "TensorShapeProto"); shape.next();) {
    if (shape.tag() != 1) continue;
    if (info.dims.size() == static_cast<std::size_t>(kMaxRank)) {
      fail(ErrorCode::kUnsupported, "value " + quote(info.name) + " has more than " +
                                        std::to_string(kMaxRank) + " dimensions");
    }
    Dim dim;
    for (WireReader r(shape.bytes(), "TensorShapeProto.Dimension"); r.next();) {
      if (r.tag() == 1) dim.value = r.integer();
      if (r.tag() == 2) dim.symbol = r.text();
    }
    // -1 is how some exporters write an unknown extent.
    if (dim.value < -1) {
      fail(ErrorCode::kInvalidModel, "dimension " + std::to_string(info.dims.size()) +
                                         " of value " + quote(info.name) +
                                         " is negative: " + std::to_string(dim.value));
    }
    info.dims.push_back(std::move(dim));
  }
}

void parse_type(std::string_view bytes, ValueInfoProto& info) {
  std::string_view tensor;
  for (WireReader r(bytes, "TypeProto"); r.next();) {
    const char* other = nullptr;
    switch (r.tag()) {
      case 1:
        tensor = r.bytes();
        break;
      case 4:
        other = "sequence";
        break;
      case 5:
        other = "map";
        break;
      case 7:
        other = "opaque type";
        break;
      case 8:
        other = "sparse tensor";
        break;
      case 9:
        other = "optional";
        break;
    }
    if (other != nullptr) {
      fail(ErrorCode::kUnsupported,
           "value " + quote(info.name) + " is a " + other + "; only tensors are supported");
    }
  }
  for (WireReader r(tensor, "TypeProto.Tensor"); r.next();) {
    if (r.tag() == 1) info.elem_type = r.integer();
    if (r.tag() == 2) parse_dims(r.bytes(), info);
  }
}

AttributeProto parse_attribute(std::string_view bytes) {
  AttributeProto a;
  a.message = bytes;
  for (WireReader r(bytes, "AttributeProto"); r.next();) {
    switch (r.tag()) {
      case 1:
        a.name = r.text();
        break;
      case 2:
        a.f = r.f32();
        break;
      case 3:
        a.i = r.integer();
        break;
      case 4:
        a.s = r.bytes();
        break;
      case 5:
        a.t = r.bytes();
        break;
      case 7:
        a.count += r.fixed_bytes(4).size() / 4;
        break;
      case 8:
        r.each_varint([&](std::uint64_t) { ++a.count; });
        break;
      case 20:
        a.type = r.integer();
        break;
      case 21:
        r.malformed("attribute " + quote(a.name) +
                    " refers to a function's attribute outside a function");
    }
  }
  return a;
}

}  // namespace

ModelProto parse_model(std::string_view bytes) {
  ModelProto model;
  bool has_graph = false;
  for (WireReader r(bytes, "ModelProto"); r.next();) {
    switch (r.tag()) {
      case 1:
        model.ir_version = r.integer();
        break;
      case 7:
        if (has_graph) r.malformed("it has two graphs");
        has_graph = true;
        model.graph = r.bytes();
        break;
      case 8:
        parse_opset_import(r.bytes(), model);
        break;
      case 25:
        fail_functions(r.bytes());
    }
  }
  if (!has_graph) fail(ErrorCode::kInvalidModel, "not an ONNX model: there is no graph in it");
  return model;
}

GraphProto parse_graph(std::string_view bytes, std::size_t max_nodes) {
  std::size_t nodes = 0;
  for (WireReader r(bytes, "GraphProto"); r.next();) nodes += r.tag() == 1;
  if (nodes > max_nodes) {
    fail(ErrorCode::kUnsupported, "the graph has " + std::to_string(nodes) +
                                      " nodes; the limit is " + std::to_string(max_nodes));
  }
  GraphProto graph;
  graph.nodes.reserve(nodes);
  for (WireReader r(bytes, "GraphProto"); r.next();) {
    switch (r.tag()) {
      case 1:
        graph.nodes.push_back(r.bytes());
        break;
      case 2:
        graph.name = r.text();
        break;
      case 5:
        graph.initializers.push_back(r.bytes());
        break;
      case 11:
        graph.inputs.push_back(r.bytes());
        break;
      case 12:
        graph.outputs.push_back(r.bytes());
        break;
      case 15:
        fail(ErrorCode::kUnsupported,
             "the graph has a sparse initializer; only dense tensors are "
             "supported");
    }
    if (graph.initializers.size() + graph.inputs.size() + graph.outputs.size() > 2 * max_nodes) {
      fail(ErrorCode::kUnsupported, "the graph has more than " + std::to_string(2 * max_nodes) +
                                        " initializers, inputs and outputs");
    }
  }
  return graph;
}

NodeProto parse_node(std::string_view bytes) {
  // Far above what operators have, and low enough that two-byte fields do not add up to gigabytes.
  constexpr std::size_t kMaxOperands = 1 << 16;
  constexpr std::size_t kMaxAttributes = 256;
  NodeProto node;
  for (WireReader r(bytes, "NodeProto"); r.next();) {
    switch (r.tag()) {
      case 1:
        node.inputs.push_back(r.text());
        break;
      case 2:
        node.outputs.push_back(r.text());
        break;
      case 3:
        node.name = r.text();
        break;
      case 4:
        node.op_type = r.text();
        break;
      case 5:
        node.attributes.push_back(parse_attribute(r.bytes()));
        break;
      case 7:
        node.domain = r.text();
        break;
    }
    if (node.inputs.size() + node.outputs.size() > kMaxOperands ||
        node.attributes.size() > kMaxAttributes) {
      r.malformed("node " + quote(node.name) + " has too many operands or attributes");
    }
  }
  return node;
}

ValueInfoProto parse_value_info(std::string_view bytes) {
  ValueInfoProto info;
  std::string_view type;
  for (WireReader r(bytes, "ValueInfoProto"); r.next();) {
    if (r.tag() == 1) info.name = r.text();
    if (r.tag() == 2) type = r.bytes();
  }
  parse_type(type, info);
  return info;
}

std::vector<std::int64_t> attribute_ints(const AttributeProto& attribute) {
  std::vector<std::int64_t> values;
  values.reserve(attribute.count);
  for (WireReader r(attribute.message, "AttributeProto"); r.next();) {
    if (r.tag() != 8) continue;
    r.each_varint([&](std::uint64_t v) { values.push_back(std::bit_cast<std::int64_t>(v)); });
  }
  return values;
}

std::vector<float> attribute_floats(const AttributeProto& attribute) {
  std::vector<float> values;
  values.reserve(attribute.count);
  for (WireReader r(attribute.message, "AttributeProto"); r.next();) {
    if (r.tag() != 7) continue;
    const std::string_view bytes = r.fixed_bytes(4);
    const std::size_t old = values.size();
    values.resize(old + bytes.size() / 4);
    if (!bytes.empty()) std::memcpy(values.data() + old, bytes.data(), bytes.size());
  }
  return values;
}

std::string_view attribute_type_name(std::int64_t type) {
  constexpr std::string_view kNames[] = {
      "undefined",      "float",      "int",        "string",  "tensor", "graph",
      "floats",         "ints",       "strings",    "tensors", "graphs", "sparse_tensor",
      "sparse_tensors", "type_proto", "type_protos"};
  if (type < 0 || type > AttributeProto::kLastType) return "unknown";
  return kNames[type];
}

}  // namespace convoy::onnx
