#include "cli/npy.h"

#include <charconv>
#include <cstring>
#include <fstream>
#include <string_view>

#include "base/error.h"

namespace convoy::cli {
namespace {

struct TypeName {
  std::string_view descr;
  DType dtype;
};

constexpr TypeName kTypes[] = {{"<f4", DType::kF32}, {"<f8", DType::kF64}, {"<f2", DType::kF16},
                               {"|i1", DType::kS8},  {"|u1", DType::kU8},  {"<i2", DType::kS16},
                               {"<u2", DType::kU16}, {"<i4", DType::kS32}, {"<u4", DType::kU32},
                               {"<i8", DType::kS64}, {"<u8", DType::kU64}, {"|b1", DType::kBool}};

[[noreturn]] void bad_npy(const std::filesystem::path& name, const std::string& why) {
  fail(ErrorCode::kInvalidArgument, "'" + name.string() + "': " + why);
}

// The text of `key`'s value up to `stop`, out of the header's Python dictionary.
std::string_view field(std::string_view header, std::string_view key, char open, char stop,
                       const std::filesystem::path& name) {
  std::size_t at = header.find(key);
  if (at == std::string_view::npos) bad_npy(name, "the npy header lacks " + std::string(key));
  at = header.find(open, at + key.size());
  if (at == std::string_view::npos) bad_npy(name, "the npy header is malformed");
  const std::size_t end = header.find(stop, ++at);
  if (end == std::string_view::npos) bad_npy(name, "the npy header is malformed");
  return header.substr(at, end - at);
}

Shape parse_dims(std::string_view text, const std::filesystem::path& name) {
  Shape shape;
  while (!text.empty()) {
    const std::size_t digit = text.find_first_of("0123456789");
    if (digit == std::string_view::npos) break;
    text.remove_prefix(digit);
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (error != std::errc{}) bad_npy(name, "the npy header's shape is malformed");
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return shape;
}

}  // namespace

bool looks_like_npy(std::span<const std::byte> bytes) {
  return bytes.size() >= 10 && std::memcmp(bytes.data(), "\x93NUMPY", 6) == 0;
}

ConstTensor parse_npy(std::span<const std::byte> bytes, const std::filesystem::path& name) {
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(bytes[i]); };
  const bool wide = byte(6) >= 2;
  if (wide && bytes.size() < 12) bad_npy(name, "truncated npy header");
  const std::size_t start = wide ? 12 : 10;
  std::size_t length = byte(8) | byte(9) << 8;
  if (wide) length |= byte(10) << 16 | byte(11) << 24;
  if (length > bytes.size() - start) bad_npy(name, "truncated npy header");
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + start, length);
  if (header.find("'fortran_order': True") != std::string_view::npos) {
    bad_npy(name, "Fortran order is not supported; save numpy.ascontiguousarray(x)");
  }
  const std::string_view descr = field(header, "'descr':", '\'', '\'', name);
  const TypeName* type = nullptr;
  for (const TypeName& t : kTypes) {
    if (t.descr == descr) type = &t;
  }
  if (type == nullptr) bad_npy(name, "unsupported npy element type " + std::string(descr));
  const Shape shape = parse_dims(field(header, "'shape':", '(', ')', name), name);
  const std::size_t expected = static_cast<std::size_t>(shape.elements()) * size_of(type->dtype);
  if (bytes.size() - start - length != expected) {
    bad_npy(name, "holds " + std::to_string(bytes.size() - start - length) + " bytes of data, " +
                      to_string(shape) + " needs " + std::to_string(expected));
  }
  auto tensor = std::make_shared<Tensor>(type->dtype, shape);
  if (expected) std::memcpy(tensor->view().data, bytes.data() + start + length, expected);
  return tensor;
}

void write_npy(const std::filesystem::path& file, const TensorView& tensor) {
  std::string_view descr = "<u2";  // bf16 has no numpy type: its bits
  for (const TypeName& t : kTypes) {
    if (t.dtype == tensor.dtype) descr = t.descr;
  }
  std::string header = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (";
  for (std::int64_t dim : tensor.shape) header += std::to_string(dim) + ", ";
  if (tensor.shape.rank() > 1) header.resize(header.size() - 2);
  header += "), }";
  header.append(63 - (10 + header.size()) % 64, ' ') += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xFF);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  out.append(static_cast<const char*>(tensor.data), tensor.bytes());
  write_file(file, std::as_bytes(std::span(out)));
}

std::vector<std::byte> read_file(const std::filesystem::path& file) {
  std::error_code code;
  if (!std::filesystem::exists(file, code)) {
    fail(ErrorCode::kNotFound, "'" + file.string() + "': no such file");
  }
  if (!std::filesystem::is_regular_file(file, code)) {
    fail(ErrorCode::kIo, "'" + file.string() + "': not a regular file");
  }
  std::ifstream stream(file, std::ios::binary);
  std::vector<std::byte> bytes(std::filesystem::file_size(file, code));
  if (code || !stream ||
      !stream.read(reinterpret_cast<char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()))) {
    fail(ErrorCode::kIo, "'" + file.string() + "': cannot be read");
  }
  return bytes;
}

void write_file(const std::filesystem::path& file, std::span<const std::byte> bytes) {
  std::filesystem::path partial = file;
  partial += ".partial";
  std::ofstream stream(partial, std::ios::binary | std::ios::trunc);
  stream.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  stream.close();
  std::error_code code;
  if (stream) std::filesystem::rename(partial, file, code);
  if (!stream || code) {
    std::filesystem::remove(partial, code);
    fail(ErrorCode::kIo, "'" + file.string() + "': cannot be written");
  }
}

}  // namespace convoy::cli
