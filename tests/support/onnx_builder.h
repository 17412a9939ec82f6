// Writes ONNX models for tests, well-formed or broken on purpose: every message is a string of
// bytes that a test can cut, repeat or replace before it goes into the next one.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <protozero/pbf_writer.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::test {

using Names = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;

// TensorProto.DataType, as far as tests name them.
enum OnnxType : std::int32_t { kOnnxFloat = 1, kOnnxInt8 = 3, kOnnxInt64 = 7, kOnnxString = 8 };

template <class T>
std::string raw_bytes(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// A TensorProto. Fields that a test leaves at their default are not written.
struct OnnxTensor {
  std::string name;
  std::int32_t data_type = kOnnxFloat;
  Ints dims;
  std::string raw;
  bool write_raw = true;
  std::string extra;  // further fields, already encoded

  std::string bytes() const {
    std::string out;
    protozero::pbf_writer w(out);
    for (const std::int64_t dim : dims) w.add_int64(1, dim);
    w.add_int32(2, data_type);
    if (!name.empty()) w.add_string(8, name);
    if (write_raw) w.add_bytes(9, raw);
    return out + extra;
  }
};

inline OnnxTensor float_tensor(std::string name, Ints dims, const std::vector<float>& values) {
  return {std::move(name), kOnnxFloat, std::move(dims), raw_bytes(values), true, {}};
}

inline OnnxTensor int64_tensor(std::string name, const Ints& values) {
  return {std::move(name),   kOnnxInt64, {static_cast<std::int64_t>(values.size())},
          raw_bytes(values), true,       {}};
}

// A NodeProto.
class OnnxNode {
 public:
  OnnxNode(std::string_view op_type, const Names& inputs, const Names& outputs,
           std::string_view name = "") {
    protozero::pbf_writer w(bytes_);
    for (const std::string& input : inputs) w.add_string(1, input);
    for (const std::string& output : outputs) w.add_string(2, output);
    if (!name.empty()) w.add_string(3, name.data(), name.size());
    w.add_string(4, op_type.data(), op_type.size());
  }

  OnnxNode& with_float(std::string_view name, float value) {
    return add(name, 1, [&](auto& w) { w.add_float(2, value); });
  }
  OnnxNode& with_int(std::string_view name, std::int64_t value) {
    return add(name, 2, [&](auto& w) { w.add_int64(3, value); });
  }
  OnnxNode& with_text(std::string_view name, std::string_view value) {
    return add(name, 3, [&](auto& w) { w.add_bytes(4, value.data(), value.size()); });
  }
  OnnxNode& with_tensor(std::string_view name, const OnnxTensor& tensor) {
    return add(name, 4, [&](auto& w) { w.add_message(5, tensor.bytes()); });
  }
  OnnxNode& with_graph(std::string_view name, const std::string& graph) {
    return add(name, 5, [&](auto& w) { w.add_message(6, graph); });
  }
  OnnxNode& with_floats(std::string_view name, const std::vector<float>& values) {
    return add(name, 6, [&](auto& w) {
      for (const float v : values) w.add_float(7, v);
    });
  }
  OnnxNode& with_ints(std::string_view name, const Ints& values) {
    return add(name, 7, [&](auto& w) {
      for (const std::int64_t v : values) w.add_int64(8, v);
    });
  }
  OnnxNode& in_domain(std::string_view domain) {
    protozero::pbf_writer(bytes_).add_string(7, domain.data(), domain.size());
    return *this;
  }

  const std::string& bytes() const { return bytes_; }

 private:
  template <class Fill>
  OnnxNode& add(std::string_view name, std::int32_t type, Fill fill) {
    std::string attribute;
    protozero::pbf_writer w(attribute);
    w.add_string(1, name.data(), name.size());
    fill(w);
    w.add_int32(20, type);
    protozero::pbf_writer(bytes_).add_message(5, attribute);
    return *this;
  }

  std::string bytes_;
};

// A ModelProto of one graph.
class OnnxModel {
 public:
  explicit OnnxModel(std::int64_t opset = 13, std::int64_t ir_version = 8)
      : opset_(opset), ir_version_(ir_version) {}

  OnnxModel& input(std::string_view name, const Ints& dims, std::int32_t type = kOnnxFloat) {
    protozero::pbf_writer(graph_).add_message(11, value_info(name, type, dims));
    return *this;
  }
  OnnxModel& output(std::string_view name, std::int32_t type = kOnnxFloat) {
    protozero::pbf_writer(graph_).add_message(12, value_info(name, type, {}));
    return *this;
  }
  OnnxModel& initializer(const OnnxTensor& tensor) {
    protozero::pbf_writer(graph_).add_message(5, tensor.bytes());
    return *this;
  }
  OnnxModel& node(const OnnxNode& node) {
    protozero::pbf_writer(graph_).add_message(1, node.bytes());
    return *this;
  }
  // An encoded field of the graph or of the model.
  OnnxModel& graph_field(std::uint32_t tag, const std::string& message) {
    protozero::pbf_writer(graph_).add_message(tag, message);
    return *this;
  }
  OnnxModel& model_field(std::uint32_t tag, const std::string& message) {
    protozero::pbf_writer(extra_).add_message(tag, message);
    return *this;
  }

  const std::string& graph() const { return graph_; }

  std::string bytes() const {
    std::string out;
    protozero::pbf_writer w(out);
    if (ir_version_ != 0) w.add_int64(1, ir_version_);
    w.add_message(7, graph_);
    if (opset_ != 0) w.add_message(8, opset_import("", opset_));
    return out + extra_;
  }

  static std::string opset_import(std::string_view domain, std::int64_t version) {
    std::string out;
    protozero::pbf_writer w(out);
    w.add_string(1, domain.data(), domain.size());
    w.add_int64(2, version);
    return out;
  }

  static std::string value_info(std::string_view name, std::int32_t type, const Ints& dims) {
    std::string shape;
    for (const std::int64_t dim : dims) {
      std::string bytes;
      protozero::pbf_writer(bytes).add_int64(1, dim);
      protozero::pbf_writer(shape).add_message(1, bytes);
    }
    std::string tensor;
    protozero::pbf_writer(tensor).add_int32(1, type);
    if (!dims.empty()) protozero::pbf_writer(tensor).add_message(2, shape);
    std::string wrapped;
    protozero::pbf_writer(wrapped).add_message(1, tensor);
    std::string out;
    protozero::pbf_writer w(out);
    w.add_string(1, name.data(), name.size());
    w.add_message(2, wrapped);
    return out;
  }

 private:
  std::int64_t opset_;
  std::int64_t ir_version_;
  std::string graph_;
  std::string extra_;
};

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// {location, ...} as TensorProto.external_data, with data_location set to external.
inline std::string external_fields(
    const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out;
  protozero::pbf_writer w(out);
  for (const auto& [key, value] : entries) {
    std::string entry;
    protozero::pbf_writer e(entry);
    e.add_string(1, key);
    e.add_string(2, value);
    w.add_message(13, entry);
  }
  w.add_int32(14, 1);
  return out;
}

}  // namespace convoy::test
