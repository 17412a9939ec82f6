// Machine code on a device, and the launch of its kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/compile.h"
#include "cuda/device.h"

namespace convoy::cuda {

struct LaunchShape {
  std::uint32_t grid[3] = {1, 1, 1};
  std::uint32_t block[3] = {1, 1, 1};
  std::size_t shared_bytes = 0;  // dynamic
  std::uint32_t cluster = 1;     // blocks of a cluster, neighbours in x; from sm_90 on
  // May start while the stream's former kernel still runs, and waits for it by itself
  // (griddepcontrol.wait) before it touches what that one reads or writes. From sm_90 on.
  bool overlaps_former = false;
};

// The least dynamic shared memory of which one multiprocessor has room for `blocks` blocks and no
// more.
std::size_t shared_bytes_for_at_most(std::uint64_t blocks, const DeviceDesc& device);

// A loaded kernel; immutable once it is made, so threads share it.
class Kernel {
 public:
  Kernel() = default;
  // Raises the limit of dynamic shared memory to `dynamic_shared_bytes`.
  Kernel(const Device& device, const Binary& binary, std::size_t dynamic_shared_bytes = 0);
  ~Kernel();
  Kernel(Kernel&& other) noexcept { swap(other); }
  Kernel& operator=(Kernel&& other) noexcept {
    swap(other);
    return *this;
  }

  const Resources& resources() const { return resources_; }

  // Blocks of so many threads and so much dynamic shared memory that one multiprocessor has room
  // for.
  int blocks_at_once(int threads, std::size_t shared_bytes) const;

  // Raises shape.shared_bytes as far as no more blocks of the grid fit on one multiprocessor than
  // an even share, where all of them still run at once. For grids of a few blocks a multiprocessor
  // that overlap the former kernel: those start on multiprocessors that are unevenly occupied, and
  // one may get two of them while another has none, which takes as long as two rounds.
  void spread(LaunchShape& shape);

  // Enqueues; the context of the device need not be current. `arguments` point at the values, in
  // the order of the kernel's parameters.
  void launch(const LaunchShape& shape, CUstream stream, void** arguments) const;
  template <class... T>
  void operator()(const LaunchShape& shape, CUstream stream, T... arguments) const {
    void* pointers[] = {static_cast<void*>(&arguments)...};
    launch(shape, stream, pointers);
  }

 private:
  void swap(Kernel& other) noexcept;
  const Device* device_ = nullptr;
  CUmodule module_ = nullptr;
  CUfunction function_ = nullptr;
  Resources resources_;
};

}  // namespace convoy::cuda
