// Reading files, with errors that name them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace convoy::onnx {

// A file descriptor that closes itself.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// The path when it is opened read-only without blocking on a FIFO. Throws kNotFound or kIo.
int open_for_reading(const std::filesystem::path& path);

// Throws kNotFound or kIo for errno, naming what was tried.
[[noreturn]] void fail_errno(const std::string& what, int error);

struct FileInfo {
  std::uint64_t size = 0;
  std::uint64_t links = 0;
};

// Throws kIo unless `fd` is a regular file.
FileInfo regular_file_info(int fd, const std::string& what);

// Fills `out` from `offset` on. Throws kIo when the file is shorter than that by now.
void read_exactly(int fd, std::uint64_t offset, std::span<std::byte> out, const std::string& what);

}  // namespace convoy::onnx
