#include "graph/rules/node_context.h"

#include <algorithm>

#include "base/half.h"

namespace convoy::rules {
namespace {

double element(const Tensor& t, std::int64_t i) {
  switch (t.dtype()) {
    case DType::kF32:
      return t.as<float>()[i];
    case DType::kF64:
      return t.as<double>()[i];
    case DType::kF16:
      return f16_to_f32(t.as<std::uint16_t>()[i]);
    case DType::kBF16:
      return bf16_to_f32(t.as<std::uint16_t>()[i]);
    case DType::kS8:
      return t.as<std::int8_t>()[i];
    case DType::kU8:
    case DType::kBool:
      return t.as<std::uint8_t>()[i];
    case DType::kS16:
      return t.as<std::int16_t>()[i];
    case DType::kU16:
      return t.as<std::uint16_t>()[i];
    case DType::kS32:
      return t.as<std::int32_t>()[i];
    case DType::kU32:
      return t.as<std::uint32_t>()[i];
    case DType::kS64:
      return static_cast<double>(t.as<std::int64_t>()[i]);
    case DType::kU64:
      return static_cast<double>(t.as<std::uint64_t>()[i]);
  }
  return 0;
}

}  // namespace

const Value& NodeContext::value(std::size_t i) const {
  if (!has(i)) invalid("operand " + std::to_string(i) + " is missing");
  return graph_.value(node_.inputs[i]);
}

Shape NodeContext::shape(std::size_t i) const { return *value(i).shape; }

DType NodeContext::dtype(std::size_t i) const { return value(i).dtype; }

std::string NodeContext::describe(std::size_t i) const {
  const Value& v = value(i);
  return "operand " + std::to_string(i) + " '" + v.name + "' (" + std::string(to_string(v.dtype)) +
         " " + to_string(*v.shape) + ")";
}

const Tensor* NodeContext::constant(std::size_t i) const { return value(i).constant.get(); }

const Tensor& NodeContext::known(std::size_t i, const char* what) const {
  const Value& v = value(i);
  if (v.constant) {
    if (v.shape->rank() > 1) invalid(describe(i) + ": " + what + " must be a list or a scalar");
    return *v.constant;
  }
  std::string message = std::string(what) + " is decided by '" + v.name + "', whose contents are ";
  if (const auto why = unfolded_.find(node_.inputs[i]); why != unfolded_.end()) {
    message += "not computed: " + why->second;
  } else {
    message += "not known before the model runs; bind it, or the inputs it is computed from";
  }
  fail(ErrorCode::kInvalidArgument, message);
}

std::vector<std::int64_t> NodeContext::integers(std::size_t i, const char* what) const {
  const Tensor& t = known(i, what);
  std::vector<std::int64_t> out(static_cast<std::size_t>(t.shape().elements()));
  if (t.dtype() == DType::kS64) {
    std::copy_n(t.as<std::int64_t>(), out.size(), out.begin());
  } else if (t.dtype() == DType::kS32) {
    std::copy_n(t.as<std::int32_t>(), out.size(), out.begin());
  } else {
    invalid(describe(i) + ": " + what + " must be s32 or s64");
  }
  return out;
}

std::vector<double> NodeContext::numbers(std::size_t i, const char* what) const {
  const Tensor& t = known(i, what);
  std::vector<double> out(static_cast<std::size_t>(t.shape().elements()));
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = element(t, static_cast<std::int64_t>(k));
  return out;
}

void NodeContext::set_output(std::size_t i, DType dtype, const Shape& shape) {
  if (i >= node_.outputs.size() || node_.outputs[i] == kNoValue) return;
  Value& v = graph_.value(node_.outputs[i]);
  v.dtype = dtype;
  v.shape = shape;
}

ValueId NodeContext::add_constant(const std::string& role, ConstTensor tensor) {
  return graph_.add_constant(node_.name + "." + role, std::move(tensor));
}

void NodeContext::require_same_dtype(std::size_t a, std::size_t b) const {
  if (dtype(a) == dtype(b)) return;
  invalid(describe(b) + " must have the type of " + describe(a));
}

void NodeContext::require_float(std::size_t i) const {
  if (!is_float(dtype(i))) invalid(describe(i) + " must be a floating-point tensor");
}

std::int64_t checked_add(std::int64_t a, std::int64_t b, const char* what) {
  std::int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out)) {
    invalid(std::string(what) + ": " + std::to_string(a) + " + " + std::to_string(b) +
            " overflows");
  }
  return out;
}

std::int64_t checked_mul(std::int64_t a, std::int64_t b, const char* what) {
  std::int64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) {
    invalid(std::string(what) + ": " + std::to_string(a) + " * " + std::to_string(b) +
            " overflows");
  }
  return out;
}

std::vector<int> normalize_axes(const std::vector<std::int64_t>& axes, int rank, const char* what) {
  std::vector<int> out;
  for (std::int64_t axis : axes) {
    const int normal = normalize_axis(axis, rank, what);
    if (std::find(out.begin(), out.end(), normal) != out.end()) {
      invalid(std::string(what) + ": axis " + std::to_string(axis) + " is given twice");
    }
    out.push_back(normal);
  }
  return out;
}

}  // namespace convoy::rules
