#include "onnx/proto.h"

#include <protozero/pbf_reader.hpp>
#include <string>

#include "base/error.h"

namespace convoy::onnx {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

std::string_view view(protozero::data_view v) { return {v.data(), v.size()}; }

[[noreturn]] void malformed(const std::string& what) {
  fail(ErrorCode::kInvalidModel, "malformed ONNX file: " + what);
}

// The reader's accessors only assert the wire type, so it is checked before each.
void expect(const pbf_reader& reader, pbf_wire_type type, const char* field) {
  if (reader.wire_type() != type)
    malformed(std::string("field ") + field + " has the wrong wire type");
}

std::string_view get_bytes(pbf_reader& reader, const char* field) {
  expect(reader, pbf_wire_type::length_delimited, field);
  return view(reader.get_view());
}

// Text must be UTF-8 without NULs: names end up in messages and file names.
std::string_view get_text(pbf_reader& reader, const char* field) {
  const std::string_view text = get_bytes(reader, field);
  std::size_t i = 0;
  const auto trail = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == 0) malformed(std::string("field ") + field + " contains a NUL byte");
    const std::size_t extra = c < 0x80                ? 0
                              : c >= 0xC2 && c < 0xE0 ? 1
                              : c >= 0xE0 && c < 0xF0 ? 2
                              : c >= 0xF0 && c < 0xF5 ? 3
                                                      : 4;
    bool valid = extra < 4;
    for (std::size_t k = 1; valid && k <= extra; ++k) valid = trail(i + k);
    if (!valid) malformed(std::string("field ") + field + " is not valid UTF-8");
    i += extra + 1;
  }
  return text;
}

std::int64_t get_int(pbf_reader& reader, const char* field) {
  expect(reader, pbf_wire_type::varint, field);
  return reader.get_int64();
}

float get_float(pbf_reader& reader, const char* field) {
  expect(reader, pbf_wire_type::fixed32, field);
  return reader.get_float();
}

// One entry of a repeated number field, or a packed run of them, as wire bytes.
void add_run(pbf_reader& reader, pbf_wire_type element, Runs& runs, const char* field) {
  if (reader.wire_type() == pbf_wire_type::length_delimited) {
    runs.push_back(view(reader.get_view()));
    return;
  }
  expect(reader, element, field);
  const protozero::data_view before = reader.data();
  reader.skip();
  runs.emplace_back(before.data(), before.size() - reader.length());
}

void add_ints(pbf_reader& reader, std::vector<std::int64_t>& values, const char* field) {
  Runs runs;
  add_run(reader, pbf_wire_type::varint, runs, field);
  const char* at = runs[0].data();
  const char* end = at + runs[0].size();
  while (at < end) values.push_back(static_cast<std::int64_t>(protozero::decode_varint(&at, end)));
}

void add_floats(pbf_reader& reader, std::vector<float>& values, const char* field) {
  Runs runs;
  add_run(reader, pbf_wire_type::fixed32, runs, field);
  if (runs[0].size() % 4 != 0) malformed(std::string("field ") + field + " has a partial number");
  const std::size_t before = values.size();
  values.resize(before + runs[0].size() / 4);
  std::char_traits<char>::copy(reinterpret_cast<char*>(values.data() + before), runs[0].data(),
                               runs[0].size());
}

std::pair<std::string_view, std::string_view> parse_pair(std::string_view bytes) {
  pbf_reader reader(bytes.data(), bytes.size());
  std::pair<std::string_view, std::string_view> pair;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        pair.first = get_text(reader, "StringStringEntryProto.key");
        break;
      case 2:
        pair.second = get_text(reader, "StringStringEntryProto.value");
        break;
      default:
        reader.skip();
    }
  }
  return pair;
}

TensorProto read_tensor(std::string_view bytes) {
  pbf_reader reader(bytes.data(), bytes.size());
  TensorProto tensor;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        add_ints(reader, tensor.dims, "TensorProto.dims");
        break;
      case 2:
        tensor.data_type = static_cast<std::int32_t>(get_int(reader, "TensorProto.data_type"));
        break;
      case 3:
        fail(ErrorCode::kUnsupported, "a tensor is stored in segments, which is not supported");
      case 4:
        add_run(reader, pbf_wire_type::fixed32, tensor.float_data, "TensorProto.float_data");
        break;
      case 5:
        add_run(reader, pbf_wire_type::varint, tensor.int32_data, "TensorProto.int32_data");
        break;
      case 6:
        tensor.has_strings = true;
        reader.skip();
        break;
      case 7:
        add_run(reader, pbf_wire_type::varint, tensor.int64_data, "TensorProto.int64_data");
        break;
      case 8:
        tensor.name = get_text(reader, "TensorProto.name");
        break;
      case 9:
        tensor.raw_data = get_bytes(reader, "TensorProto.raw_data");
        tensor.has_raw_data = true;
        break;
      case 10:
        add_run(reader, pbf_wire_type::fixed64, tensor.double_data, "TensorProto.double_data");
        break;
      case 11:
        add_run(reader, pbf_wire_type::varint, tensor.uint64_data, "TensorProto.uint64_data");
        break;
      case 13:
        tensor.external_data.push_back(parse_pair(get_bytes(reader, "TensorProto.external_data")));
        break;
      case 14:
        tensor.external = get_int(reader, "TensorProto.data_location") == 1;
        break;
      default:
        reader.skip();
    }
  }
  return tensor;
}

AttributeProto parse_attribute(std::string_view bytes) {
  pbf_reader reader(bytes.data(), bytes.size());
  AttributeProto a;
  bool has_graph = false, has_sparse = false;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        a.name = get_text(reader, "AttributeProto.name");
        break;
      case 2:
        a.f = get_float(reader, "AttributeProto.f");
        break;
      case 3:
        a.i = get_int(reader, "AttributeProto.i");
        break;
      case 4:
        a.s = get_bytes(reader, "AttributeProto.s");
        break;
      case 5:
        a.t = read_tensor(get_bytes(reader, "AttributeProto.t"));
        break;
      case 6:
      case 11:
        has_graph = true;
        reader.skip();
        break;
      case 7:
        add_floats(reader, a.floats, "AttributeProto.floats");
        break;
      case 8:
        add_ints(reader, a.ints, "AttributeProto.ints");
        break;
      case 9:
        a.strings.push_back(get_bytes(reader, "AttributeProto.strings"));
        break;
      case 20:
        a.type = static_cast<std::int32_t>(get_int(reader, "AttributeProto.type"));
        break;
      case 22:
      case 23:
        has_sparse = true;
        reader.skip();
        break;
      default:
        reader.skip();
    }
  }
  if (has_graph) a.type = AttributeProto::kGraph;
  if (has_sparse) {
    fail(ErrorCode::kUnsupported, "attribute '" + std::string(a.name) + "' is a sparse tensor");
  }
  return a;
}

NodeProto parse_node(std::string_view bytes) {
  pbf_reader reader(bytes.data(), bytes.size());
  NodeProto node;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        node.inputs.push_back(get_text(reader, "NodeProto.input"));
        break;
      case 2:
        node.outputs.push_back(get_text(reader, "NodeProto.output"));
        break;
      case 3:
        node.name = get_text(reader, "NodeProto.name");
        break;
      case 4:
        node.op_type = get_text(reader, "NodeProto.op_type");
        break;
      case 5:
        node.attributes.push_back(parse_attribute(get_bytes(reader, "NodeProto.attribute")));
        break;
      case 7:
        node.domain = get_text(reader, "NodeProto.domain");
        break;
      default:
        reader.skip();
    }
  }
  return node;
}

DimProto parse_dim(std::string_view bytes) {
  pbf_reader reader(bytes.data(), bytes.size());
  DimProto dim;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        dim.value = get_int(reader, "Dimension.dim_value");
        break;
      case 2:
        dim.symbol = get_text(reader, "Dimension.dim_param");
        break;
      default:
        reader.skip();
    }
  }
  return dim;
}

void parse_shape(std::string_view bytes, ValueInfoProto& value) {
  pbf_reader reader(bytes.data(), bytes.size());
  value.has_shape = true;
  while (reader.next()) {
    if (reader.tag() == 1) {
      value.dims.push_back(parse_dim(get_bytes(reader, "TensorShapeProto.dim")));
    } else {
      reader.skip();
    }
  }
}

void parse_type(std::string_view bytes, ValueInfoProto& value) {
  pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    if (reader.tag() != 1) {
      reader.skip();
      continue;
    }
    value.is_tensor = true;
    const std::string_view tensor = get_bytes(reader, "TypeProto.tensor_type");
    pbf_reader inner(tensor.data(), tensor.size());
    while (inner.next()) {
      switch (inner.tag()) {
        case 1:
          value.elem_type = static_cast<std::int32_t>(get_int(inner, "TypeProto.Tensor.elem_type"));
          break;
        case 2:
          parse_shape(get_bytes(inner, "TypeProto.Tensor.shape"), value);
          break;
        default:
          inner.skip();
      }
    }
  }
}

ValueInfoProto parse_value_info(std::string_view bytes) {
  pbf_reader reader(bytes.data(), bytes.size());
  ValueInfoProto value;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        value.name = get_text(reader, "ValueInfoProto.name");
        break;
      case 2:
        parse_type(get_bytes(reader, "ValueInfoProto.type"), value);
        break;
      default:
        reader.skip();
    }
  }
  return value;
}

void parse_graph(std::string_view bytes, GraphProto& graph, std::size_t max_nodes) {
  pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        if (graph.nodes.size() == max_nodes) {
          fail(ErrorCode::kUnsupported,
               "the model has more than " + std::to_string(max_nodes) + " nodes");
        }
        graph.nodes.push_back(parse_node(get_bytes(reader, "GraphProto.node")));
        break;
      case 2:
        graph.name = get_text(reader, "GraphProto.name");
        break;
      case 5:
        graph.initializers.push_back(read_tensor(get_bytes(reader, "GraphProto.initializer")));
        break;
      case 11:
        graph.inputs.push_back(parse_value_info(get_bytes(reader, "GraphProto.input")));
        break;
      case 12:
        graph.outputs.push_back(parse_value_info(get_bytes(reader, "GraphProto.output")));
        break;
      case 15:
        fail(ErrorCode::kUnsupported, "the model has sparse initializers");
      default:
        reader.skip();
    }
  }
}

std::pair<std::string_view, std::int64_t> parse_opset(std::string_view bytes) {
  pbf_reader reader(bytes.data(), bytes.size());
  std::pair<std::string_view, std::int64_t> opset;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        opset.first = get_text(reader, "OperatorSetIdProto.domain");
        break;
      case 2:
        opset.second = get_int(reader, "OperatorSetIdProto.version");
        break;
      default:
        reader.skip();
    }
  }
  return opset;
}

ModelProto read_model(std::string_view bytes, std::size_t max_nodes) {
  pbf_reader reader(bytes.data(), bytes.size());
  ModelProto model;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        model.ir_version = get_int(reader, "ModelProto.ir_version");
        break;
      case 7:
        if (model.has_graph) malformed("the model has two graphs");
        model.has_graph = true;
        parse_graph(get_bytes(reader, "ModelProto.graph"), model.graph, max_nodes);
        break;
      case 8:
        model.opsets.push_back(parse_opset(get_bytes(reader, "ModelProto.opset_import")));
        break;
      case 25:
        fail(ErrorCode::kUnsupported,
             "the model defines functions of its own, which are not supported");
      default:
        reader.skip();
    }
  }
  return model;
}

// protozero's exceptions say what broke; ours say what that means.
template <class F>
auto guarded(F&& parse) {
  try {
    return parse();
  } catch (const protozero::end_of_buffer_exception&) {
    malformed("a field reaches past the end (is the file truncated?)");
  } catch (const protozero::varint_too_long_exception&) {
    malformed("a number is longer than 10 bytes");
  } catch (const protozero::exception& error) {
    malformed(error.what());
  }
}

}  // namespace

ModelProto parse_model(std::string_view bytes, std::size_t max_nodes) {
  return guarded([&] { return read_model(bytes, max_nodes); });
}

TensorProto parse_tensor(std::string_view bytes) {
  return guarded([&] { return read_tensor(bytes); });
}

}  // namespace convoy::onnx
