#include "onnx/load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "onnx/convert.h"
#include "onnx/proto.h"
#include "onnx/tensor_proto.h"

namespace convoy {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 31;  // protobuf's own limit

// Reading, not mapping: a file that is truncated while it is mapped kills the process.
std::shared_ptr<Buffer> read_whole(const std::filesystem::path& path) {
  const std::string name = "'" + path.string() + "'";
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
         name + ": " + std::strerror(errno));
  }
  const std::shared_ptr<const void> closer(nullptr, [file](const void*) { close(file); });
  struct stat status {};
  if (fstat(file, &status) != 0) fail(ErrorCode::kIo, name + ": " + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(ErrorCode::kIo, name + ": not a regular file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > kMaxBytes) {
    fail(ErrorCode::kInvalidModel, name + ": " + std::to_string(size) +
                                       " bytes; an ONNX file has at most 2 GiB (larger weights lie "
                                       "in external data)");
  }
  auto buffer = std::make_shared<Buffer>(size);
  std::uint64_t done = 0;
  while (done < size) {
    const ssize_t got = read(file, buffer->data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail(ErrorCode::kIo, name + ": the file ended while it was read");
    done += static_cast<std::uint64_t>(got);
  }
  return buffer;
}

// What people pass by mistake, told by its first bytes.
void refuse_other_formats(std::string_view bytes) {
  struct Magic {
    std::string_view start;
    const char* what;
  };
  constexpr Magic kMagics[] = {
      {"PK\x03\x04", "a zip archive (a PyTorch or Keras file?)"},
      {"\x1f\x8b", "gzip-compressed"},
      {"\x89PNG", "a PNG image"},
      {"\xff\xd8\xff", "a JPEG image"},
      {"\x89HDF", "an HDF5 file"},
      {"<!", "a web page"},
      {"<html", "a web page"},
      {"version https://git-lfs", "a Git LFS pointer; fetch the real file"},
      {"{", "JSON text"},
  };
  for (const Magic& magic : kMagics) {
    if (bytes.starts_with(magic.start)) {
      fail(ErrorCode::kInvalidModel, std::string("not an ONNX file, but ") + magic.what);
    }
  }
}

Graph load_bytes(std::string_view bytes, const std::shared_ptr<const void>& owner,
                 const onnx::ExternalData& external, const LoadOptions& options) {
  if (bytes.empty()) fail(ErrorCode::kInvalidModel, "the file is empty");
  if (bytes.size() > kMaxBytes) fail(ErrorCode::kInvalidModel, "the model is over 2 GiB");
  refuse_other_formats(bytes);
  const onnx::ModelProto model = onnx::parse_model(bytes, options.max_nodes);
  if (!model.has_graph) fail(ErrorCode::kInvalidModel, "the file holds no ONNX graph");
  return onnx::convert_model(model, owner, external);
}

}  // namespace

Graph load_onnx(const std::filesystem::path& file, const LoadOptions& options) {
  const std::shared_ptr<Buffer> buffer = read_whole(file);
  const std::string_view bytes(reinterpret_cast<const char*>(buffer->data()), buffer->size());
  try {
    return load_bytes(bytes, buffer, onnx::ExternalData(file.parent_path()), options);
  } catch (const Error& error) {
    fail(error.code(), "'" + file.string() + "': " + error.what());
  }
}

Graph load_onnx(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                const LoadOptions& options) {
  const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return load_bytes(view, owner, onnx::ExternalData(), options);
}

ConstTensor load_tensor_proto(std::span<const std::byte> bytes) {
  const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const onnx::TensorProto proto = onnx::parse_tensor(view);
  return onnx::make_tensor(proto, "tensor '" + std::string(proto.name) + "'", nullptr,
                           onnx::ExternalData());
}

}  // namespace convoy
