// Device memory and streams for tests of the public interface, from libcuda alone, and values to
// fill tensors with.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "examples/cuda_driver.h"

namespace convoy::testing {

// Device memory with contents, for as long as the scope.
class DeviceFloats {
 public:
  DeviceFloats(const cuda_driver& cuda, const std::vector<float>& values)
      : cuda_(cuda), count_(values.size()) {
    cuda_check(cuda_.alloc(&address_, bytes() + 64), "cuMemAlloc");
    if (values.empty()) return;
    cuda_check(cuda_.upload(address_, values.data(), bytes(), nullptr), "cuMemcpyHtoDAsync");
    cuda_check(cuda_.stream_wait(nullptr), "cuStreamSynchronize");
  }
  ~DeviceFloats() { cuda_.free(address_); }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;

  std::size_t bytes() const { return count_ * sizeof(float); }
  void* data() const { return reinterpret_cast<void*>(address_); }
  std::vector<float> read() const {
    std::vector<float> values(count_);
    cuda_check(cuda_.download(values.data(), address_, bytes(), nullptr), "cuMemcpyDtoHAsync");
    cuda_check(cuda_.stream_wait(nullptr), "cuStreamSynchronize");
    return values;
  }

 private:
  const cuda_driver& cuda_;
  std::size_t count_;
  CUdeviceptr address_ = 0;
};

class Stream {
 public:
  explicit Stream(const cuda_driver& cuda) : cuda_(cuda) {
    cuda_check(cuda_.stream_create(&stream_, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  }
  ~Stream() { cuda_.stream_destroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  CUstream get() const { return stream_; }
  void wait() const { cuda_check(cuda_.stream_wait(stream_), "cuStreamSynchronize"); }

 private:
  const cuda_driver& cuda_;
  CUstream stream_ = nullptr;
};

// From -3 to 4: sums of products are exact.
inline std::vector<float> integers(std::int64_t count, unsigned seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 24 & 7) - 3;
  }
  return values;
}

// NaN everywhere, so that what is not written shows.
inline std::vector<float> unwritten(std::int64_t count) {
  return std::vector<float>(static_cast<std::size_t>(count),
                            std::numeric_limits<float>::quiet_NaN());
}

}  // namespace convoy::testing
