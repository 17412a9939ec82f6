// Memory with inaccessible pages on both sides: a kernel that touches one byte outside its tensor
// faults instead of passing.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <stdexcept>

namespace convoy::testing {

enum class Edge { kEnd, kStart };  // which end of the tensor lies at the inaccessible page

// Grows as asked and is reused, so that thousands of small cases do not map memory each.
class GuardedBuffer {
 public:
  GuardedBuffer() = default;
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer() { unmap(); }

  // The returned range has unspecified contents. At Edge::kEnd its last byte is the last accessible
  // one; its start is then aligned only as far as `bytes` is.
  std::byte* place(std::size_t bytes, Edge edge) {
    if (bytes > capacity_) grow(bytes);
    data_ = edge == Edge::kStart ? base_ : base_ + capacity_ - bytes;
    size_ = bytes;
    return data_;
  }
  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void grow(std::size_t bytes) {
    unmap();
    page_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    capacity_ = (2 * bytes + page_ - 1) / page_ * page_;
    void* mapping =
        mmap(nullptr, capacity_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) throw std::runtime_error("mmap failed");
    base_ = static_cast<std::byte*>(mapping) + page_;
    if (mprotect(base_, capacity_, PROT_READ | PROT_WRITE) != 0) {
      throw std::runtime_error("mprotect failed");
    }
  }
  void unmap() {
    if (base_ != nullptr) munmap(base_ - page_, capacity_ + 2 * page_);
    base_ = nullptr;
  }

  std::size_t page_ = 0, capacity_ = 0, size_ = 0;
  std::byte* base_ = nullptr;
  std::byte* data_ = nullptr;
};

}  // namespace convoy::testing
