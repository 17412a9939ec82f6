// Device memory, kept in a pool: freed blocks are given to the next of their size.
#pragma once

#include <cstddef>
#include <utility>

#include "cuda/device.h"

namespace convoy::cuda {

class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  // 256-byte aligned, contents unspecified; 0 bytes allocate nothing. Throws kOutOfMemory naming
  // what was asked for and what is free.
  DeviceBuffer(const Device& device, std::size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept { swap(other); }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  void* data() const { return reinterpret_cast<void*>(address_); }
  CUdeviceptr address() const { return address_; }
  std::size_t bytes() const { return bytes_; }

  // Copies that are done when they return, on the default stream.
  void upload(const void* host, std::size_t bytes);
  void download(void* host, std::size_t bytes) const;
  void fill(unsigned char value);

 private:
  void swap(DeviceBuffer& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(address_, other.address_);
    std::swap(bytes_, other.bytes_);
  }
  const Device* device_ = nullptr;
  CUdeviceptr address_ = 0;
  std::size_t bytes_ = 0;
};

// Of the pool of one device.
struct MemoryUse {
  std::size_t in_use = 0;  // bytes of live buffers
  std::size_t peak = 0;    // most bytes in use since reset_peak
  std::size_t held = 0;    // bytes taken from the driver
};
MemoryUse memory_use(const Device& device);
void reset_peak(const Device& device);
// Gives blocks that no buffer uses back to the driver.
void trim(const Device& device);

}  // namespace convoy::cuda
