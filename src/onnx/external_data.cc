#include "onnx/external_data.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace convoy::onnx {
namespace {

struct Location {
  std::string file;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

[[noreturn]] void bad(const std::string& what, const std::string& why) {
  fail(ErrorCode::kInvalidModel, what + ": external data: " + why);
}

std::uint64_t parse_number(std::string_view text, const char* key, const std::string& what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    bad(what, std::string(key) + " '" + std::string(text) + "' is not a plain number");
  }
  return value;
}

Location parse_location(const TensorProto& proto, const std::string& what) {
  Location location;
  bool has_file = false, has_offset = false, has_checksum = false;
  const auto once = [&](bool& seen, std::string_view key) {
    if (seen) bad(what, "key '" + std::string(key) + "' is given twice");
    seen = true;
  };
  for (const auto& [key, value] : proto.external_data) {
    if (key == "location") {
      once(has_file, key);
      location.file = value;
    } else if (key == "offset") {
      once(has_offset, key);
      location.offset = parse_number(value, "offset", what);
    } else if (key == "length") {
      if (location.length) bad(what, "key 'length' is given twice");
      location.length = parse_number(value, "length", what);
    } else if (key == "checksum") {
      once(has_checksum, key);
    } else {
      bad(what, "unknown key '" + std::string(key) + "'");
    }
  }
  if (!has_file || location.file.empty()) bad(what, "has no location");
  return location;
}

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// The kernel resolves the path beneath the folder; no link, "..", or magic link gets past it.
int open_beneath(int folder, const std::string& file) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, folder, file.c_str(), &how, sizeof how));
}

[[noreturn]] void cannot_open(const std::string& what, const std::string& file, int error) {
  if (error == ENOENT) {
    fail(ErrorCode::kNotFound, what + ": external data: '" + file + "' does not exist");
  }
  if (error == EXDEV || error == ELOOP) {
    bad(what, "'" + file + "' leaves the model's folder or follows a symbolic link");
  }
  fail(ErrorCode::kIo, what + ": external data: '" + file + "': " + std::strerror(error));
}

void read_exactly(int file, std::byte* to, std::size_t bytes, std::uint64_t offset,
                  const std::string& what) {
  while (bytes > 0) {
    const ssize_t got = pread(file, to, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail(ErrorCode::kIo, what + ": external data: the file ended while it was read");
    to += got;
    bytes -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace

ConstTensor ExternalData::read(const TensorProto& proto, DType dtype, const Shape& shape,
                               const std::string& what) const {
  const Location location = parse_location(proto, what);
  if (!folder_) bad(what, "a model from memory has no folder to look in");
  if (location.file[0] == '/') bad(what, "'" + location.file + "' is an absolute path");
  const std::string folder_name = folder_->empty() ? "." : folder_->string();
  const File folder(open(folder_name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) cannot_open(what, folder_name, errno);
  const File file(open_beneath(folder.get(), location.file));
  if (file.get() < 0) cannot_open(what, location.file, errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) cannot_open(what, location.file, errno);
  if (!S_ISREG(status.st_mode)) bad(what, "'" + location.file + "' is not a regular file");
  if (status.st_nlink != 1) bad(what, "'" + location.file + "' has more than one hard link");

  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t bytes = static_cast<std::uint64_t>(shape.elements()) * size_of(dtype);
  if (location.length && *location.length != bytes) {
    bad(what, "length is " + std::to_string(*location.length) + ", " +
                  std::string(to_string(dtype)) + " " + to_string(shape) + " needs " +
                  std::to_string(bytes));
  }
  if (location.offset > size || bytes > size - location.offset) {
    bad(what, "offset " + std::to_string(location.offset) + " and " + std::to_string(bytes) +
                  " bytes reach past the end of '" + location.file + "', which has " +
                  std::to_string(size));
  }
  auto tensor = std::make_shared<Tensor>(dtype, shape);
  read_exactly(file.get(), tensor->as<std::byte>(), bytes, location.offset, what);
  return tensor;
}

}  // namespace convoy::onnx
