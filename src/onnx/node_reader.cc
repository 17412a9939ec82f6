#include "onnx/node_reader.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "onnx/wire.h"

namespace convoy::onnx {
namespace {

std::string node_name(const NodeProto& proto) {
  if (!proto.name.empty()) return std::string(proto.name);
  return proto.outputs.empty() ? std::string(proto.op_type) : std::string(proto.outputs[0]);
}

}  // namespace

NodeReader::NodeReader(const NodeProto& proto, std::int64_t opset, std::vector<ValueId> inputs,
                       std::vector<ValueId> outputs, Graph& graph, TensorSource& source)
    : proto_(proto),
      opset_(opset),
      name_(node_name(proto)),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)),
      graph_(graph),
      source_(source) {
  // Trailing optional operands and results that are left out may be written as empty names.
  while (!inputs_.empty() && inputs_.back() == kNoValue) inputs_.pop_back();
  while (!outputs_.empty() && outputs_.back() == kNoValue) outputs_.pop_back();
  std::set<std::string_view> names;
  for (const AttributeProto& a : proto.attributes) {
    if (!names.insert(a.name).second) bad("attribute '" + std::string(a.name) + "' is given twice");
  }
}

std::string NodeReader::describe() const {
  return "node " + quote(name_) + " (" + std::string(proto_.op_type) + ")";
}

void NodeReader::bad(const std::string& why) const {
  fail(ErrorCode::kInvalidModel, describe() + ": " + why);
}

void NodeReader::unsupported(const std::string& why) const {
  fail(ErrorCode::kUnsupported, describe() + ": " + why);
}

void NodeReader::bad_attribute(std::string_view attribute, const std::string& found,
                               const std::string& expected) const {
  bad("attribute '" + std::string(attribute) + "' is " + found + ", expected " + expected);
}

bool NodeReader::has(std::string_view attribute) const {
  for (const AttributeProto& a : proto_.attributes) {
    if (a.name == attribute) return true;
  }
  return false;
}

const AttributeProto* NodeReader::find(std::string_view attribute, std::int32_t type) {
  seen_.insert(std::string(attribute));
  for (const AttributeProto& a : proto_.attributes) {
    if (a.name != attribute) continue;
    if (a.type != type) {
      bad_attribute(attribute, "of type " + std::string(attribute_type_name(a.type)),
                    "type " + std::string(attribute_type_name(type)));
    }
    return &a;
  }
  return nullptr;
}

std::int64_t NodeReader::get_int(std::string_view attribute, std::int64_t fallback) {
  const AttributeProto* a = find(attribute, AttributeProto::kInt);
  return a ? a->i : fallback;
}

std::int64_t NodeReader::require_int(std::string_view attribute) {
  if (!has(attribute)) bad("required attribute '" + std::string(attribute) + "' is missing");
  return get_int(attribute, 0);
}

bool NodeReader::get_flag(std::string_view attribute, bool fallback) {
  const std::int64_t value = get_int(attribute, fallback ? 1 : 0);
  if (value != 0 && value != 1) bad_attribute(attribute, std::to_string(value), "0 or 1");
  return value == 1;
}

float NodeReader::get_float(std::string_view attribute, float fallback) {
  const AttributeProto* a = find(attribute, AttributeProto::kFloat);
  if (a && std::isnan(a->f)) bad_attribute(attribute, "NaN", "a number");
  return a ? a->f : fallback;
}

std::string NodeReader::get_string(std::string_view attribute, std::string_view fallback) {
  const AttributeProto* a = find(attribute, AttributeProto::kString);
  if (a && !is_clean_text(a->s)) {
    bad("attribute " + quote(attribute) + " is not UTF-8 or holds a NUL");
  }
  return std::string(a ? a->s : fallback);
}

std::vector<std::int64_t> NodeReader::get_ints(std::string_view attribute) {
  const AttributeProto* a = find(attribute, AttributeProto::kInts);
  if (a == nullptr) return {};
  if (a->count > source_.copy_budget / sizeof(std::int64_t)) {
    unsupported("attribute " + quote(attribute) + " has " + std::to_string(a->count) +
                " elements, which is too many");
  }
  return attribute_ints(*a);
}

std::vector<float> NodeReader::get_floats(std::string_view attribute) {
  const AttributeProto* a = find(attribute, AttributeProto::kFloats);
  return a ? attribute_floats(*a) : std::vector<float>();
}

ConstTensor NodeReader::get_tensor(std::string_view attribute) {
  const AttributeProto* a = find(attribute, AttributeProto::kTensor);
  if (a == nullptr) return nullptr;
  return read_tensor(a->t, source_, "the tensor of " + describe()).tensor;
}

ValueId NodeReader::require_input(std::size_t i, const char* what) {
  if (input(i) == kNoValue) bad(std::string("required operand '") + what + "' is missing");
  return inputs_[i];
}

void NodeReader::expect_inputs(std::size_t least, std::size_t most) {
  for (std::size_t i = 0; i < least; ++i) {
    if (input(i) == kNoValue) bad("required operand " + std::to_string(i) + " is missing");
  }
  if (inputs_.size() > most) {
    bad("has " + std::to_string(inputs_.size()) + " operands, expected at most " +
        std::to_string(most));
  }
}

void NodeReader::expect_outputs(std::size_t least, std::size_t most) {
  if (outputs_.size() > most) {
    unsupported("its result " + std::to_string(most) + " is not computed");
  }
  if (outputs_.size() < least) bad("has no result");
}

ConstTensor NodeReader::constant(std::size_t i) const {
  const ValueId id = input(i);
  return id == kNoValue ? nullptr : graph_.value(id).constant;
}

ValueId NodeReader::add_constant(const char* what, ConstTensor tensor) {
  return graph_.add_constant(name_ + "/" + what, std::move(tensor));
}

void NodeReader::emit(Op op, Attrs attrs, std::vector<ValueId> operands) {
  graph_.nodes.push_back(
      {op, std::move(attrs), name_, std::string(proto_.op_type), std::move(operands), outputs_});
}

ValueId NodeReader::emit_inner(const char* what, Op op, Attrs attrs,
                               std::vector<ValueId> operands) {
  const std::string inner = name_ + "/" + what + std::to_string(inner_++);
  const ValueId result = graph_.add_value(inner, DType::kF32);
  graph_.nodes.push_back(
      {op, std::move(attrs), inner, std::string(proto_.op_type), std::move(operands), {result}});
  return result;
}

void NodeReader::finish() {
  for (const AttributeProto& a : proto_.attributes) {
    if (!seen_.count(std::string(a.name))) {
      bad("attribute '" + std::string(a.name) + "' is not known in opset " +
          std::to_string(opset_));
    }
  }
}

}  // namespace convoy::onnx
