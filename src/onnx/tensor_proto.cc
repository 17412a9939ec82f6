#include "onnx/tensor_proto.h"

#include <cstring>
#include <limits>
#include <protozero/varint.hpp>

#include "base/error.h"

namespace convoy::onnx {
namespace {

[[noreturn]] void bad(const std::string& what, const std::string& why) {
  fail(ErrorCode::kInvalidModel, what + ": " + why);
}

Shape shape_of(const TensorProto& proto, const std::string& what) {
  if (proto.dims.size() > kMaxRank) {
    fail(ErrorCode::kUnsupported, what + " has " + std::to_string(proto.dims.size()) +
                                      " dimensions, at most 8 are supported");
  }
  for (std::int64_t dim : proto.dims) {
    if (dim < 0) bad(what, "has a negative dimension, " + std::to_string(dim));
  }
  const Shape shape(proto.dims);
  try {
    if (shape.elements() > std::numeric_limits<std::int64_t>::max() / 8) bad(what, "is too large");
  } catch (const Error& error) {
    bad(what, error.what());
  }
  return shape;
}

// Decodes the runs of varints one by one into `emit`; returns how many there were.
template <class F>
std::int64_t decode_varints(const Runs& runs, F&& emit) {
  std::int64_t count = 0;
  for (std::string_view run : runs) {
    const char* at = run.data();
    const char* end = at + run.size();
    while (at < end) emit(count++, protozero::decode_varint(&at, end));
  }
  return count;
}

std::int64_t count_varints(const Runs& runs) {
  return decode_varints(runs, [](std::int64_t, std::uint64_t) {});
}

std::size_t total_bytes(const Runs& runs) {
  std::size_t bytes = 0;
  for (std::string_view run : runs) bytes += run.size();
  return bytes;
}

void check_count(std::int64_t found, std::int64_t expected, const Shape& shape,
                 const std::string& what) {
  if (found == expected) return;
  bad(what, "holds " + std::to_string(found) + " elements, its shape " + to_string(shape) +
                " needs " + std::to_string(expected));
}

// Fixed-width runs are the elements themselves.
ConstTensor from_fixed(const Runs& runs, DType dtype, const Shape& shape, const std::string& what) {
  const std::size_t bytes = total_bytes(runs);
  if (bytes % size_of(dtype) != 0) bad(what, "ends within an element");
  check_count(static_cast<std::int64_t>(bytes / size_of(dtype)), shape.elements(), shape, what);
  auto tensor = std::make_shared<Tensor>(dtype, shape);
  std::byte* to = tensor->as<std::byte>();
  for (std::string_view run : runs) {
    if (!run.empty()) std::memcpy(to, run.data(), run.size());
    to += run.size();
  }
  return tensor;
}

// int32_data carries all types of up to 32 bits; what does not fit the type is refused.
bool fits(DType dtype, std::int64_t v) {
  switch (dtype) {
    case DType::kBool:
      return v == 0 || v == 1;
    case DType::kS8:
      return v >= -128 && v <= 127;
    case DType::kU8:
      return v >= 0 && v <= 255;
    case DType::kS16:
      return v >= -32768 && v <= 32767;
    case DType::kU16:
    case DType::kF16:
    case DType::kBF16:
      return v >= 0 && v <= 65535;
    case DType::kS32:
      return v >= std::numeric_limits<std::int32_t>::min() &&
             v <= std::numeric_limits<std::int32_t>::max();
    case DType::kU32:
      return v >= 0 && v <= std::numeric_limits<std::uint32_t>::max();
    default:
      return true;
  }
}

ConstTensor from_varints(const Runs& runs, DType dtype, const Shape& shape,
                         const std::string& what) {
  check_count(count_varints(runs), shape.elements(), shape, what);
  auto tensor = std::make_shared<Tensor>(dtype, shape);
  const std::size_t size = size_of(dtype);
  decode_varints(runs, [&](std::int64_t i, std::uint64_t bits) {
    if (!fits(dtype, static_cast<std::int64_t>(bits))) {
      bad(what, "element " + std::to_string(i) + " is " +
                    std::to_string(static_cast<std::int64_t>(bits)) + ", outside " +
                    std::string(to_string(dtype)));
    }
    std::memcpy(tensor->as<std::byte>() + static_cast<std::size_t>(i) * size, &bits, size);
  });
  return tensor;
}

void check_bools(const Tensor& tensor, const std::string& what) {
  if (tensor.dtype() != DType::kBool) return;
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) {
    if (tensor.as<std::uint8_t>()[i] > 1) bad(what, "holds a bool that is neither 0 nor 1");
  }
}

ConstTensor from_raw(std::string_view raw, DType dtype, const Shape& shape, const std::string& what,
                     const std::shared_ptr<const void>& owner) {
  const std::size_t expected = static_cast<std::size_t>(shape.elements()) * size_of(dtype);
  if (raw.size() != expected) {
    bad(what, "raw data is " + std::to_string(raw.size()) + " bytes, " +
                  std::string(to_string(dtype)) + " " + to_string(shape) + " needs " +
                  std::to_string(expected));
  }
  std::shared_ptr<Tensor> tensor;
  if (owner != nullptr && reinterpret_cast<std::uintptr_t>(raw.data()) % size_of(dtype) == 0) {
    tensor = std::make_shared<Tensor>(dtype, shape, raw.data(), owner);
  } else {
    tensor = std::make_shared<Tensor>(dtype, shape);
    if (expected > 0) std::memcpy(tensor->view().data, raw.data(), expected);
  }
  check_bools(*tensor, what);
  return tensor;
}

const Runs& typed_field(const TensorProto& proto, DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return proto.float_data;
    case DType::kF64:
      return proto.double_data;
    case DType::kS64:
      return proto.int64_data;
    case DType::kU64:
    case DType::kU32:
      return proto.uint64_data;
    default:
      return proto.int32_data;
  }
}

}  // namespace

DType dtype_of(std::int32_t data_type, const std::string& what) {
  switch (data_type) {
    case 1:
      return DType::kF32;
    case 2:
      return DType::kU8;
    case 3:
      return DType::kS8;
    case 4:
      return DType::kU16;
    case 5:
      return DType::kS16;
    case 6:
      return DType::kS32;
    case 7:
      return DType::kS64;
    case 9:
      return DType::kBool;
    case 10:
      return DType::kF16;
    case 11:
      return DType::kF64;
    case 12:
      return DType::kU32;
    case 13:
      return DType::kU64;
    case 16:
      return DType::kBF16;
    case 8:
      fail(ErrorCode::kUnsupported, what + ": string tensors are not supported");
    case 14:
    case 15:
      fail(ErrorCode::kUnsupported, what + ": complex tensors are not supported");
    default:
      break;
  }
  if (data_type >= 17 && data_type <= 25) {
    fail(ErrorCode::kUnsupported, what +
                                      ": element types of 8 bits and fewer with their own "
                                      "exponent or packing are not supported");
  }
  bad(what, "unknown element type " + std::to_string(data_type));
}

ConstTensor make_tensor(const TensorProto& proto, const std::string& what,
                        const std::shared_ptr<const void>& owner, const ExternalData& external) {
  const DType dtype = dtype_of(proto.data_type, what);
  const Shape shape = shape_of(proto, what);
  const Runs& field = typed_field(proto, dtype);
  const bool any_typed = !proto.float_data.empty() || !proto.int32_data.empty() ||
                         !proto.int64_data.empty() || !proto.double_data.empty() ||
                         !proto.uint64_data.empty();
  if (proto.has_strings) bad(what, "holds strings, but is no string tensor");
  if (proto.external) {
    if (any_typed || proto.has_raw_data) bad(what, "has both external and inline data");
    return external.read(proto, dtype, shape, what);
  }
  if (proto.has_raw_data && any_typed) bad(what, "has both raw and typed data");
  if (any_typed && field.empty()) {
    bad(what, "keeps its data in a field that is not of type " + std::string(to_string(dtype)));
  }
  // An empty packed field leaves nothing on the wire, as raw data does when a tensor has no
  // elements.
  if (proto.has_raw_data && !(proto.raw_data.empty() && shape.elements() == 0)) {
    return from_raw(proto.raw_data, dtype, shape, what, owner);
  }
  if (dtype == DType::kF32 || dtype == DType::kF64) return from_fixed(field, dtype, shape, what);
  return from_varints(field, dtype, shape, what);
}

}  // namespace convoy::onnx
