#include "onnx/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace convoy::onnx {

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

void fail_errno(const std::string& what, int error) {
  const bool absent = error == ENOENT || error == ENOTDIR;
  fail(absent ? ErrorCode::kNotFound : ErrorCode::kIo,
       what + ": " + std::generic_category().message(error));
}

int open_for_reading(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail_errno("cannot open '" + path.string() + "'", errno);
  return fd;
}

FileInfo regular_file_info(int fd, const std::string& what) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) fail_errno("cannot read " + what, errno);
  if (!S_ISREG(info.st_mode)) {
    fail(ErrorCode::kIo, what + " is " +
                             (S_ISDIR(info.st_mode) ? "a directory" : "a special file") +
                             ", not a regular file");
  }
  return {static_cast<std::uint64_t>(info.st_size), static_cast<std::uint64_t>(info.st_nlink)};
}

void read_exactly(int fd, std::uint64_t offset, std::span<std::byte> out, const std::string& what) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  while (!out.empty()) {
    const ssize_t got =
        ::pread(fd, out.data(), std::min(out.size(), kMostAtOnce), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno("cannot read " + what, errno);
    if (got == 0) fail(ErrorCode::kIo, what + " became shorter while it was read");
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace convoy::onnx
