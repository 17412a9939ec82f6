#include "onnx/tensor_proto.h"

#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "onnx/load.h"
#include "onnx/wire.h"

namespace convoy::onnx {

namespace {

enum Field : std::uint32_t {
  kDims = 1,
  kDataType = 2,
  kSegment = 3,
  kFloatData = 4,
  kInt32Data = 5,
  kStringData = 6,
  kInt64Data = 7,
  kName = 8,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11,
  kExternalData = 13,
  kDataLocation = 14,
};

// What a TensorProto says, before its elements are looked at.
struct Header {
  std::string_view message;
  std::string_view name;
  std::string what;  // "tensor 'w'"
  DType dtype = DType::kF32;
  Shape shape;
  std::size_t bytes = 0;  // of shape x dtype
  std::optional<std::string_view> raw;
  std::uint32_t typed = 0;  // the typed data field that is present; 0: none
  bool external = false;
  std::vector<std::string_view> external_entries;  // StringStringEntryProto each
};

// Names are needed by every message, and may come after what is wrong.
void read_name(Header& header, std::string_view nameless) {
  header.name = {};
  for (WireReader r(header.message, "TensorProto"); r.next();) {
    if (r.tag() == kName) header.name = r.text();
  }
  header.what = header.name.empty() ? std::string(nameless) : "tensor " + quote(header.name);
}

void add_dim(Header& header, std::int64_t dim) {
  if (dim < 0) {
    fail(ErrorCode::kInvalidModel, header.what + ": dimension " +
                                       std::to_string(header.shape.rank()) +
                                       " is negative: " + std::to_string(dim));
  }
  if (header.shape.rank() == kMaxRank) {
    fail(ErrorCode::kUnsupported,
         header.what + " has more than " + std::to_string(kMaxRank) + " dimensions");
  }
  header.shape.push_back(dim);
}

void set_typed(Header& header, std::uint32_t field) {
  if (header.typed != 0 && header.typed != field) {
    fail(ErrorCode::kInvalidModel, header.what + " has data in two typed fields, " +
                                       std::to_string(header.typed) + " and " +
                                       std::to_string(field));
  }
  header.typed = field;
}

void read_location(Header& header, std::int64_t location) {
  if (location != 0 && location != 1) {
    fail(ErrorCode::kInvalidModel,
         header.what + ": data_location is " + std::to_string(location) + ", expected 0 or 1");
  }
  header.external = location == 1;
}

std::size_t checked_bytes(const Header& header) {
  try {
    const std::int64_t elements = header.shape.elements();
    if (elements <= std::numeric_limits<std::int64_t>::max() / 16) {
      return static_cast<std::size_t>(elements) * size_of(header.dtype);
    }
  } catch (const Error&) {
    // Named below, with the tensor.
  }
  fail(ErrorCode::kInvalidModel, header.what + ": the size of " + to_string(header.shape) + " " +
                                     std::string(to_string(header.dtype)) + " overflows");
}

Header read_header(std::string_view message, std::string_view nameless) {
  Header header;
  header.message = message;
  read_name(header, nameless);
  std::int64_t data_type = 0;
  for (WireReader r(message, "TensorProto"); r.next();) {
    switch (r.tag()) {
      case kDims:
        r.each_varint([&](std::uint64_t dim) { add_dim(header, static_cast<std::int64_t>(dim)); });
        break;
      case kDataType:
        data_type = r.integer();
        break;
      case kSegment:
        fail(ErrorCode::kUnsupported, header.what + " is segmented, which is not supported");
      case kRawData:
        if (header.raw) fail(ErrorCode::kInvalidModel, header.what + " has raw_data twice");
        header.raw = r.bytes();
        break;
      case kFloatData:
      case kInt32Data:
      case kStringData:
      case kInt64Data:
      case kDoubleData:
      case kUint64Data:
        set_typed(header, r.tag());
        break;
      case kExternalData:
        if (header.external_entries.size() == 16) r.malformed("too many external_data entries");
        header.external_entries.push_back(r.bytes());
        break;
      case kDataLocation:
        read_location(header, r.integer());
        break;
    }
  }
  header.dtype = dtype_of(data_type, header.what);
  header.bytes = checked_bytes(header);
  return header;
}

std::uint32_t typed_field(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return kFloatData;
    case DType::kF64:
      return kDoubleData;
    case DType::kS64:
      return kInt64Data;
    case DType::kU32:
    case DType::kU64:
      return kUint64Data;
    default:
      return kInt32Data;
  }
}

std::size_t count_elements(const Header& header) {
  std::size_t count = 0;
  for (WireReader r(header.message, "TensorProto"); r.next();) {
    if (r.tag() != header.typed) continue;
    if (header.typed == kFloatData) {
      count += r.fixed_bytes(4).size() / 4;
    } else if (header.typed == kDoubleData) {
      count += r.fixed_bytes(8).size() / 8;
    } else {
      r.each_varint([&](std::uint64_t) { ++count; });
    }
  }
  return count;
}

// Whether a varint of a typed field is a value of `dtype`; floats of 16 bits come as their bits.
bool in_range(std::uint64_t varint, DType dtype) {
  const auto value = static_cast<std::int64_t>(varint);
  const auto within = [&](std::int64_t low, std::int64_t high) {
    return value >= low && value <= high;
  };
  switch (dtype) {
    case DType::kBool:
      return within(0, 1);
    case DType::kS8:
      return within(-128, 127);
    case DType::kU8:
      return within(0, 255);
    case DType::kS16:
      return within(-32768, 32767);
    case DType::kU16:
    case DType::kF16:
    case DType::kBF16:
      return within(0, 65535);
    case DType::kS32:
      return within(INT32_MIN, INT32_MAX);
    case DType::kU32:
      return within(0, UINT32_MAX);
    default:
      return true;
  }
}

std::shared_ptr<Tensor> allocate(const Header& header, TensorSource& source) {
  if (header.bytes > source.copy_budget) {
    fail(ErrorCode::kUnsupported,
         header.what + " needs " + std::to_string(header.bytes) +
             " bytes beside the file's own, more than loading may take (as much as the file, and "
             "32 MiB); store tensors as raw_data");
  }
  source.copy_budget -= header.bytes;
  return std::make_shared<Tensor>(header.dtype, header.shape);
}

ConstTensor read_typed(const Header& header, TensorSource& source) {
  if (header.typed != 0 && header.typed != typed_field(header.dtype)) {
    fail(ErrorCode::kInvalidModel, header.what + ": typed data lies in field " +
                                       std::to_string(header.typed) + " but " +
                                       std::string(to_string(header.dtype)) + " belongs in field " +
                                       std::to_string(typed_field(header.dtype)));
  }
  const std::size_t count = header.typed == 0 ? 0 : count_elements(header);
  if (count != header.bytes / size_of(header.dtype)) {
    fail(ErrorCode::kInvalidModel, header.what + " has " + std::to_string(count) +
                                       " elements of data, but its shape is " +
                                       to_string(header.shape));
  }
  auto tensor = allocate(header, source);
  auto* out = tensor->as<std::byte>();
  const std::size_t width = size_of(header.dtype);
  const auto store = [&](std::uint64_t varint) {
    if (!in_range(varint, header.dtype)) {
      fail(ErrorCode::kInvalidModel,
           header.what + ": the value " + std::to_string(static_cast<std::int64_t>(varint)) +
               " is out of range for " + std::string(to_string(header.dtype)));
    }
    std::memcpy(out, &varint, width);  // little-endian: the low bytes come first
    out += width;
  };
  for (WireReader r(header.message, "TensorProto"); count != 0 && r.next();) {
    if (r.tag() != header.typed) continue;
    if (header.typed == kFloatData || header.typed == kDoubleData) {
      const std::string_view bytes = r.fixed_bytes(width);
      if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
      out += bytes.size();
    } else {
      r.each_varint(store);
    }
  }
  return tensor;
}

// The bytes of raw_data or of an external file: aliased when `owner` keeps them and they are
// aligned for their type, copied otherwise.
ConstTensor from_bytes(const Header& header, std::string_view bytes,
                       const std::shared_ptr<const void>& owner, TensorSource& source) {
  if (bytes.size() != header.bytes) {
    fail(ErrorCode::kInvalidModel, header.what + " has " + std::to_string(bytes.size()) +
                                       " bytes of data, but " + to_string(header.shape) + " " +
                                       std::string(to_string(header.dtype)) + " takes " +
                                       std::to_string(header.bytes));
  }
  if (header.dtype == DType::kBool) {
    for (const char c : bytes) {
      if (c != 0 && c != 1) {
        fail(ErrorCode::kInvalidModel, header.what + ": a bool is neither 0 nor 1");
      }
    }
  }
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(header.dtype) == 0;
  if (owner != nullptr && aligned && !bytes.empty()) {
    return std::make_shared<Tensor>(header.dtype, header.shape, bytes.data(), owner);
  }
  auto tensor = allocate(header, source);
  if (!bytes.empty()) std::memcpy(tensor->view().data, bytes.data(), bytes.size());
  return tensor;
}

ConstTensor read_external(const Header& header, TensorSource& source) {
  if (header.raw || header.typed != 0) {
    fail(ErrorCode::kInvalidModel, header.what + " has both external and inline data");
  }
  if (source.external == nullptr) {
    fail(ErrorCode::kUnsupported,
         header.what + " has external data, which only a model loaded from a file may have");
  }
  const ExternalRange range = source.external->read(
      parse_external_entry(header.external_entries, header.what), header.bytes, header.what);
  return from_bytes(header, range.bytes, range.owner, source);
}

}  // namespace

DType dtype_of(std::int64_t data_type, const std::string& what) {
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
  }
  constexpr const char* kOther[] = {"string", "complex64", "complex128", "float8", "4-bit"};
  const char* other = data_type == 8                       ? kOther[0]
                      : data_type == 14                    ? kOther[1]
                      : data_type == 15                    ? kOther[2]
                      : data_type >= 17 && data_type <= 20 ? kOther[3]
                      : data_type >= 21 && data_type <= 23 ? kOther[4]
                                                           : nullptr;
  if (other != nullptr) {
    fail(ErrorCode::kUnsupported,
         what + " has elements of type " + other + ", which is not supported");
  }
  fail(ErrorCode::kInvalidModel,
       what + " has the unknown element type " + std::to_string(data_type));
}

NamedTensor read_tensor(std::string_view bytes, TensorSource& source, std::string_view nameless) {
  const Header header = read_header(bytes, nameless);
  if (header.external) return {header.name, read_external(header, source)};
  if (!header.external_entries.empty()) {
    fail(ErrorCode::kInvalidModel,
         header.what + " has external_data entries but its data_location is not external");
  }
  if (header.raw && header.typed != 0) {
    fail(ErrorCode::kInvalidModel, header.what + " has both raw_data and typed data");
  }
  if (header.raw) return {header.name, from_bytes(header, *header.raw, source.owner, source)};
  return {header.name, read_typed(header, source)};
}

}  // namespace convoy::onnx

namespace convoy {

ConstTensor load_tensor_proto(std::span<const std::byte> bytes) {
  onnx::TensorSource source;
  source.copy_budget = bytes.size() + (std::size_t{32} << 20);
  const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return onnx::read_tensor(view, source, "a tensor").tensor;
}

}  // namespace convoy
