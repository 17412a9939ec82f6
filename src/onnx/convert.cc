#include "onnx/convert.h"

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "onnx/node_reader.h"
#include "onnx/proto.h"
#include "onnx/wire.h"

namespace convoy::onnx {
namespace {

constexpr std::int64_t kOldestOpset = 6, kNewestOpset = 21;
constexpr std::int64_t kOldestIr = 3, kNewestIr = 13;

void check_versions(const ModelProto& model) {
  if (model.ir_version < kOldestIr || model.ir_version > kNewestIr) {
    fail(model.ir_version <= 0 ? ErrorCode::kInvalidModel : ErrorCode::kUnsupported,
         "the model has ONNX IR version " + std::to_string(model.ir_version) +
             ", supported are 3 to 13");
  }
  if (model.opset == 0 && !model.other_domain.empty()) {
    fail(ErrorCode::kUnsupported, "the model uses operators of domain " +
                                      quote(model.other_domain) + " alone; supported is ai.onnx");
  }
  if (model.opset == 0) fail(ErrorCode::kInvalidModel, "the model names no opset of ai.onnx");
  if (model.opset < kOldestOpset || model.opset > kNewestOpset) {
    fail(ErrorCode::kUnsupported,
         "the model uses opset " + std::to_string(model.opset) + ", supported are 6 to 21");
  }
}

std::string describe(const NodeProto& node) {
  const std::string_view name =
      node.name.empty() && !node.outputs.empty() ? node.outputs[0] : node.name;
  return "node " + quote(name) + " (" + std::string(node.op_type) + ")";
}

std::string unsupported_reason(const NodeProto& node) {
  constexpr std::string_view kQuantised[] = {
      "QuantizeLinear", "DequantizeLinear", "QLinearConv",          "ConvInteger",
      "QLinearMatMul",  "MatMulInteger",    "DynamicQuantizeLinear"};
  for (const AttributeProto& attribute : node.attributes) {
    if (attribute.type == AttributeProto::kGraph) return "unsupported operator: it has subgraphs";
  }
  for (const std::string_view type : kQuantised) {
    if (node.op_type == type) return "unsupported operator: quantised models are not supported";
  }
  return "unsupported operator";
}

class Converter {
 public:
  Converter(const GraphProto& graph, std::int64_t opset, TensorSource& source)
      : proto_(graph), opset_(opset), source_(source) {
    graph_.name = graph.name;
  }

  Graph run() {
    add_initializers();
    add_inputs();
    declare_results();
    read_outputs();
    for (std::size_t index : execution_order()) convert_node(parse_node(proto_.nodes[index]));
    add_outputs();
    return std::move(graph_);
  }

 private:
  void define(std::string_view name, ValueId id) {
    if (!values_.emplace(name, id).second) {
      fail(ErrorCode::kInvalidModel, "value " + quote(name) + " is defined twice");
    }
  }

  void add_initializers() {
    for (const std::string_view bytes : proto_.initializers) {
      NamedTensor named = read_tensor(bytes, source_, "an initializer without a name");
      if (named.name.empty()) fail(ErrorCode::kInvalidModel, "an initializer has no name");
      define(named.name, graph_.add_constant(std::string(named.name), std::move(named.tensor)));
    }
  }

  void declare(Value& value, const ValueInfoProto& info) {
    value.has_declared = info.has_shape;
    for (const Dim& dim : info.dims) {
      // Exporters write "?" for every extent they do not know; equal marks are not equal extents.
      value.declared.push_back({dim.value, dim.symbol == "?" ? "" : dim.symbol});
    }
  }

  // Before IR version 4 initializers are listed among the inputs: defaults, here constants.
  void add_inputs() {
    for (const std::string_view bytes : proto_.inputs) {
      const ValueInfoProto info = parse_value_info(bytes);
      if (info.name.empty()) fail(ErrorCode::kInvalidModel, "a model input has no name");
      if (const auto found = values_.find(info.name); found != values_.end()) {
        if (graph_.value(found->second).constant && listed_.insert(found->second).second) continue;
      }
      const DType dtype = dtype_of(info.elem_type, "input " + quote(info.name));
      const ValueId id = graph_.add_value(std::string(info.name), dtype);
      declare(graph_.value(id), info);
      define(info.name, id);
      graph_.inputs.push_back(id);
    }
  }

  void declare_results() {
    for (std::size_t n = 0; n < proto_.nodes.size(); ++n) {
      for (std::string_view name : parse_node(proto_.nodes[n]).outputs) {
        if (name.empty()) continue;
        const ValueId id = graph_.add_value(std::string(name), DType::kF32);
        define(name, id);
        producer_[id] = n;
      }
    }
  }

  // Kahn's algorithm, stable: files are in order already unless something is wrong with them.
  std::vector<std::size_t> execution_order() {
    std::vector<std::vector<std::size_t>> readers(proto_.nodes.size());
    std::vector<std::size_t> waiting(proto_.nodes.size(), 0);
    for (std::size_t n = 0; n < proto_.nodes.size(); ++n) {
      const NodeProto node = parse_node(proto_.nodes[n]);
      for (std::string_view name : node.inputs) {
        if (name.empty()) continue;
        const ValueId id = resolve(name, node);
        read_.insert(id);
        const auto made = producer_.find(id);
        if (made == producer_.end()) continue;
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
          fail(ErrorCode::kInvalidModel,
               describe(parse_node(proto_.nodes[n])) + " is part of a cycle");
        }
      }
    }
    return order;
  }

  ValueId resolve(std::string_view name, const NodeProto& node) {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      fail(ErrorCode::kInvalidModel,
           describe(node) + " reads " + quote(name) + ", which nothing defines");
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
    // Optional results that nothing reads (the mask of a Dropout) need not be computed.
    while (outputs.size() > 1 && !read_.count(outputs.back()) && node.op_type != "Split") {
      outputs.pop_back();
    }
    NodeReader reader(node, opset_, std::move(inputs), std::move(outputs), graph_, source_);
    if (!node.domain.empty() && node.domain != "ai.onnx") {
      reader.unsupported("operators of domain " + quote(node.domain) + " are not supported");
    }
    const OperatorEntry* entry = find_operator(node.op_type);
    if (entry == nullptr) reader.unsupported(unsupported_reason(node));
    if (opset_ < entry->since) {
      reader.unsupported("the model's opset " + std::to_string(opset_) +
                         " lacks this operator, which came with opset " +
                         std::to_string(entry->since));
    }
    if (reader.outputs().empty()) reader.bad("has no result");
    entry->convert(reader);
    reader.finish();
  }

  void read_outputs() {
    if (proto_.outputs.empty()) fail(ErrorCode::kInvalidModel, "the model has no outputs");
    for (const std::string_view bytes : proto_.outputs) {
      outputs_.push_back(parse_value_info(bytes));
      const auto found = values_.find(outputs_.back().name);
      if (found == values_.end()) {
        fail(ErrorCode::kInvalidModel,
             "output " + quote(outputs_.back().name) + " is never produced");
      }
      read_.insert(found->second);
    }
  }

  void add_outputs() {
    for (const ValueInfoProto& info : outputs_) {
      const ValueId id = values_.at(info.name);
      Value& value = graph_.value(id);
      if (!value.has_declared) declare(value, info);
      graph_.outputs.push_back(id);
    }
  }

  const GraphProto& proto_;
  std::int64_t opset_;
  TensorSource& source_;
  Graph graph_;
  std::vector<ValueInfoProto> outputs_;
  std::unordered_map<std::string_view, ValueId> values_;
  std::unordered_map<ValueId, std::size_t> producer_;  // node index
  std::unordered_set<ValueId> read_;                   // by a node or as an output of the model
  std::set<ValueId> listed_;
};

}  // namespace

Graph convert_model(std::string_view bytes, TensorSource& source, std::size_t max_nodes) {
  const ModelProto model = parse_model(bytes);
  check_versions(model);
  const GraphProto graph = parse_graph(model.graph, max_nodes);
  return Converter(graph, model.opset, source).run();
}

}  // namespace convoy::onnx
