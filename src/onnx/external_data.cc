#include "onnx/external_data.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/error.h"
#include "base/tensor.h"
#include "onnx/file.h"
#include "onnx/wire.h"

namespace convoy::onnx {

namespace {

std::uint64_t parse_number(std::string_view text, const char* key, const std::string& what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty() ||
      value > INT64_MAX) {
    fail(ErrorCode::kInvalidModel,
         what + ": external_data " + key + " is " + quote(text) + ", expected a decimal number");
  }
  return value;
}

[[noreturn]] void fail_location(const std::string& what, std::string_view location,
                                const char* why) {
  fail(ErrorCode::kInvalidModel, what + ": external_data location " + quote(location) + " " + why);
}

// Refuses by spelling what the kernel would refuse, so that messages can say why.
void check_spelling(std::string_view location, const std::string& what) {
  if (location.empty()) fail_location(what, location, "is empty");
  if (location[0] == '/') fail_location(what, location, "is an absolute path");
  for (std::size_t begin = 0; begin <= location.size();) {
    const std::size_t end = std::min(location.find('/', begin), location.size());
    if (location.substr(begin, end - begin) == "..") {
      fail_location(what, location, "leaves the model's folder by '..'");
    }
    begin = end + 1;
  }
}

int open_beneath(int folder, std::string_view location, const std::string& what) {
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const std::string path(location);
  long fd;
  do {
    fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  if (fd >= 0) return static_cast<int>(fd);
  if (errno == ELOOP) fail_location(what, location, "goes through a symbolic link");
  if (errno == EXDEV) fail_location(what, location, "leaves the model's folder");
  if (errno == ENOSYS) {
    fail(ErrorCode::kUnsupported,
         what + ": reading external data safely needs openat2, which Linux has since 5.6");
  }
  fail_errno(what + ": cannot open external data " + quote(location), errno);
}

}  // namespace

ExternalEntry parse_external_entry(std::span<const std::string_view> entries,
                                   const std::string& what) {
  ExternalEntry result;
  std::vector<std::string_view> seen;
  for (const std::string_view entry : entries) {
    std::string_view key;
    std::string_view value;
    for (WireReader r(entry, "StringStringEntryProto"); r.next();) {
      if (r.tag() == 1) key = r.text();
      if (r.tag() == 2) value = r.text();
    }
    for (const std::string_view other : seen) {
      if (other == key) {
        fail(ErrorCode::kInvalidModel,
             what + ": external_data has the key " + quote(key) + " twice");
      }
    }
    seen.push_back(key);
    if (key == "location") {
      result.location = value;
    } else if (key == "offset") {
      result.offset = parse_number(value, "offset", what);
    } else if (key == "length") {
      result.length = parse_number(value, "length", what);
    } else if (key != "checksum") {
      fail(ErrorCode::kInvalidModel, what + ": external_data has the unknown key " + quote(key));
    }
  }
  check_spelling(result.location, what);
  return result;
}

ExternalRange ExternalData::read(const ExternalEntry& entry, std::size_t bytes,
                                 const std::string& what) {
  if (entry.length && *entry.length != bytes) {
    fail(ErrorCode::kInvalidModel, what + ": external_data length is " +
                                       std::to_string(*entry.length) + ", but the tensor takes " +
                                       std::to_string(bytes) + " bytes");
  }
  const std::string location(entry.location);
  const Key key{location, entry.offset, bytes};
  if (const auto found = read_already_.find(key); found != read_already_.end()) {
    return found->second;
  }
  const File folder(open_for_reading(folder_));
  const File file(open_beneath(folder.fd(), entry.location, what));
  const std::string where = what + ": external data " + quote(location);
  const FileInfo info = regular_file_info(file.fd(), where);
  if (info.links != 1) fail_location(what, location, "has several hard links");
  if (entry.offset > info.size || bytes > info.size - entry.offset) {
    fail(ErrorCode::kInvalidModel, where + " has " + std::to_string(info.size) + " bytes; offset " +
                                       std::to_string(entry.offset) + " and length " +
                                       std::to_string(bytes) + " reach past its end");
  }
  std::uint64_t& total = bytes_of_file_[location];
  total += bytes;
  if (total > info.size) {
    fail(ErrorCode::kInvalidModel, where + " is read more than once over: tensors overlap in it");
  }
  auto buffer = std::make_shared<Buffer>(bytes);
  read_exactly(file.fd(), entry.offset, {buffer->data(), bytes}, where);
  const std::string_view view(reinterpret_cast<const char*>(buffer->data()), bytes);
  return read_already_[key] = {view, buffer};
}

}  // namespace convoy::onnx
