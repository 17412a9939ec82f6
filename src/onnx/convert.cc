#include "onnx/convert.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "onnx/node_reader.h"
#include "onnx/tensor_proto.h"

namespace convoy::onnx {
namespace {

constexpr std::int64_t kOldestOpset = 7, kNewestOpset = 21;

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

std::int64_t opset_of(const ModelProto& model) {
  for (const auto& [domain, version] : model.opsets) {
    if (!domain.empty() && domain != "ai.onnx") continue;
    if (version < kOldestOpset || version > kNewestOpset) {
      fail(ErrorCode::kUnsupported,
           "the model uses opset " + std::to_string(version) + ", supported are 7 to 21");
    }
    return version;
  }
  fail(ErrorCode::kInvalidModel, "the model names no opset of ai.onnx");
}

class Converter {
 public:
  Converter(const ModelProto& model, const std::shared_ptr<const void>& owner,
            const ExternalData& external)
      : proto_(model.graph), opset_(opset_of(model)), owner_(owner), external_(external) {
    graph_.name = proto_.name;
  }

  Graph run() {
    add_initializers();
    add_inputs();
    declare_results();
    for (std::size_t index : execution_order()) convert_node(proto_.nodes[index]);
    add_outputs();
    return std::move(graph_);
  }

 private:
  void define(std::string_view name, ValueId id) {
    if (!values_.emplace(name, id).second) {
      fail(ErrorCode::kInvalidModel, "value " + quoted(name) + " is defined twice");
    }
  }

  void add_initializers() {
    for (const TensorProto& tensor : proto_.initializers) {
      if (tensor.name.empty()) fail(ErrorCode::kInvalidModel, "an initializer has no name");
      const std::string what = "initializer " + quoted(tensor.name);
      ConstTensor constant = make_tensor(tensor, what, owner_, external_);
      define(tensor.name, graph_.add_constant(std::string(tensor.name), std::move(constant)));
    }
  }

  void declare(Value& value, const ValueInfoProto& info) {
    value.has_declared = info.has_shape;
    for (const DimProto& dim : info.dims) {
      if (dim.value < -1) {
        fail(ErrorCode::kInvalidModel,
             quoted(info.name) + " has a negative dimension, " + std::to_string(dim.value));
      }
      // Paddle writes "?" for every unknown extent, which says nothing about two being equal.
      value.declared.push_back({dim.value, dim.symbol == "?" ? "" : std::string(dim.symbol)});
    }
  }

  // Before IR version 4 initializers are listed among the inputs: defaults, here constants.
  void add_inputs() {
    for (const ValueInfoProto& info : proto_.inputs) {
      if (info.name.empty()) fail(ErrorCode::kInvalidModel, "a model input has no name");
      if (const auto found = values_.find(info.name); found != values_.end()) {
        if (graph_.value(found->second).constant && listed_.insert(found->second).second) continue;
      }
      if (!info.is_tensor) {
        fail(ErrorCode::kUnsupported, "input " + quoted(info.name) + " is not a tensor");
      }
      const DType dtype = dtype_of(info.elem_type, "input " + quoted(info.name));
      const ValueId id = graph_.add_value(std::string(info.name), dtype);
      declare(graph_.value(id), info);
      define(info.name, id);
      graph_.inputs.push_back(id);
    }
  }

  void declare_results() {
    for (const NodeProto& node : proto_.nodes) {
      for (std::string_view name : node.outputs) {
        if (!name.empty()) define(name, graph_.add_value(std::string(name), DType::kF32));
      }
    }
  }

  // Kahn's algorithm, stable: files are in order already unless something is wrong with them.
  std::vector<std::size_t> execution_order() {
    std::unordered_map<ValueId, std::size_t> producer;
    for (std::size_t n = 0; n < proto_.nodes.size(); ++n) {
      for (std::string_view name : proto_.nodes[n].outputs) {
        if (!name.empty()) producer[values_.at(name)] = n;
      }
    }
    std::vector<std::vector<std::size_t>> readers(proto_.nodes.size());
    std::vector<std::size_t> waiting(proto_.nodes.size(), 0);
    for (std::size_t n = 0; n < proto_.nodes.size(); ++n) {
      for (std::string_view name : proto_.nodes[n].inputs) {
        if (name.empty()) continue;
        const auto made = producer.find(resolve(name, proto_.nodes[n]));
        if (made == producer.end()) continue;
        readers[made->second].push_back(n);
        ++waiting[n];
      }
    }
    std::vector<std::size_t> order, ready;
    for (std::size_t n = proto_.nodes.size(); n-- > 0;) {
      if (waiting[n] == 0) ready.push_back(n);
    }
    const auto later = std::greater<std::size_t>();  // a heap whose top is the earliest node
    std::make_heap(ready.begin(), ready.end(), later);
    while (!ready.empty()) {
      std::pop_heap(ready.begin(), ready.end(), later);
      order.push_back(ready.back());
      ready.pop_back();
      for (std::size_t reader : readers[order.back()]) {
        if (--waiting[reader] > 0) continue;
        ready.push_back(reader);
        std::push_heap(ready.begin(), ready.end(), later);
      }
    }
    if (order.size() != proto_.nodes.size()) {
      for (std::size_t n = 0; n < waiting.size(); ++n) {
        if (waiting[n] > 0) {
          fail(ErrorCode::kInvalidModel, "node " + quoted(proto_.nodes[n].name) + " (" +
                                             std::string(proto_.nodes[n].op_type) +
                                             ") is part of a cycle");
        }
      }
    }
    return order;
  }

  ValueId resolve(std::string_view name, const NodeProto& node) {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      fail(ErrorCode::kInvalidModel, "node " + quoted(node.name) + " (" +
                                         std::string(node.op_type) + ") reads " + quoted(name) +
                                         ", which nothing defines");
    }
    return found->second;
  }

  void convert_node(const NodeProto& node) {
    std::vector<ValueId> inputs, outputs;
    for (std::string_view name : node.inputs) {
      inputs.push_back(name.empty() ? kNoValue : resolve(name, node));
    }
    for (std::string_view name : node.outputs) {
      outputs.push_back(name.empty() ? kNoValue : values_.at(name));
    }
    NodeReader reader(node, opset_, std::move(inputs), std::move(outputs), graph_);
    if (!node.domain.empty() && node.domain != "ai.onnx") {
      reader.unsupported("operators of domain " + quoted(node.domain) + " are not supported");
    }
    for (const AttributeProto& attribute : node.attributes) {
      if (attribute.type == AttributeProto::kGraph) {
        reader.unsupported("unsupported operator: it has subgraphs");
      }
    }
    const ConvertNode convert = find_converter(node.op_type);
    if (convert == nullptr) reader.unsupported("unsupported operator");
    if (reader.outputs().empty()) reader.bad("has no result");
    convert(reader);
    reader.finish();
  }

  void add_outputs() {
    if (proto_.outputs.empty()) fail(ErrorCode::kInvalidModel, "the model has no outputs");
    for (const ValueInfoProto& info : proto_.outputs) {
      const auto found = values_.find(info.name);
      if (found == values_.end()) {
        fail(ErrorCode::kInvalidModel, "output " + quoted(info.name) + " is never produced");
      }
      Value& value = graph_.value(found->second);
      if (value.declared.empty()) declare(value, info);
      graph_.outputs.push_back(found->second);
    }
  }

  const GraphProto& proto_;
  std::int64_t opset_;
  const std::shared_ptr<const void>& owner_;
  const ExternalData& external_;
  Graph graph_;
  std::unordered_map<std::string_view, ValueId> values_;
  std::set<ValueId> listed_;
};

}  // namespace

Graph convert_model(const ModelProto& model, const std::shared_ptr<const void>& owner,
                    const ExternalData& external) {
  return Converter(model, owner, external).run();
}

}  // namespace convoy::onnx
