#include "onnx/load.h"

#include <string_view>

#include "base/error.h"
#include "onnx/convert.h"
#include "onnx/external_data.h"
#include "onnx/file.h"

namespace convoy {

namespace {

using onnx::TensorSource;

// Protobuf itself ends at 2 GiB; larger models keep their weights in external files.
constexpr std::uint64_t kLargestFile = INT32_MAX;
constexpr std::size_t kSpareBytes = std::size_t{32} << 20;

// What people pass by mistake, by its first bytes.
const char* other_format(std::string_view bytes) {
  struct Magic {
    std::size_t offset;
    std::string_view bytes;
    const char* format;
  };
  using namespace std::string_view_literals;
  static constexpr Magic kMagics[] = {
      {0, "PK\x03\x04"sv, "a zip archive (a PyTorch checkpoint, or a model to unpack first)"},
      {0, "\x1f\x8b"sv, "a gzip archive"},
      {0, "\x89PNG"sv, "a PNG image"},
      {0, "\xff\xd8\xff"sv, "a JPEG image"},
      {0, "<!DOCTYPE"sv, "an HTML page (a download that failed)"},
      {0, "<!doctype"sv, "an HTML page (a download that failed)"},
      {0, "<html"sv, "an HTML page (a download that failed)"},
      {0, "version https://git-lfs"sv, "a git-lfs pointer (fetch the file with git lfs pull)"},
      {0, "\x89HDF"sv, "an HDF5 file"},
      {0, "\x80\x02"sv, "a Python pickle"},
      {4, "TFL3"sv, "a TensorFlow Lite model"},
      {4, "ORTM"sv, "a model in onnxruntime's own format"},
  };
  for (const Magic& magic : kMagics) {
    if (bytes.size() >= magic.offset + magic.bytes.size() &&
        bytes.substr(magic.offset, magic.bytes.size()) == magic.bytes) {
      return magic.format;
    }
  }
  return nullptr;
}

Graph load(std::string_view bytes, TensorSource& source, const LoadOptions& options) {
  if (bytes.empty()) fail(ErrorCode::kInvalidModel, "not an ONNX file: it is empty");
  if (bytes.size() > kLargestFile) {
    fail(ErrorCode::kInvalidModel,
         "the model has " + std::to_string(bytes.size()) +
             " bytes; ONNX files end at 2 GiB (external data holds more)");
  }
  if (const char* format = other_format(bytes)) {
    fail(ErrorCode::kInvalidModel, std::string("not an ONNX file: it is ") + format);
  }
  source.copy_budget = bytes.size() + kSpareBytes;
  return onnx::convert_model(bytes, source, options.max_nodes);
}

}  // namespace

Graph load_onnx(const std::filesystem::path& path, const LoadOptions& options) {
  const onnx::File file(onnx::open_for_reading(path));
  const std::string what = "'" + path.string() + "'";
  const std::uint64_t size = onnx::regular_file_info(file.fd(), what).size;
  if (size > kLargestFile) {
    fail(ErrorCode::kInvalidModel,
         what + " has " + std::to_string(size) +
             " bytes; ONNX files end at 2 GiB (external data holds more)");
  }
  // Read, not mapped: a mapped file that shrinks under us would raise SIGBUS.
  const auto buffer = std::make_shared<Buffer>(static_cast<std::size_t>(size));
  onnx::read_exactly(file.fd(), 0, {buffer->data(), buffer->size()}, what);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  onnx::ExternalData external(folder);
  TensorSource source;
  source.owner = buffer;
  source.external = &external;
  const std::string_view bytes(reinterpret_cast<const char*>(buffer->data()), buffer->size());
  try {
    return load(bytes, source, options);
  } catch (const Error& error) {
    throw Error(error.code(), what + ": " + error.what());
  }
}

Graph load_onnx(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                const LoadOptions& options) {
  TensorSource source;
  source.owner = std::move(owner);
  return load({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, source, options);
}

}  // namespace convoy
