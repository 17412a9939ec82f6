#include "cuda/memory.h"

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "cuda/driver.h"

namespace convoy::cuda {
namespace {

// Blocks come in sizes of a power of two and its eighths, so at most an eighth is unused.
std::size_t block_bytes(std::size_t bytes) {
  const std::size_t step = std::max<std::size_t>(256, std::bit_floor(bytes) / 8);
  return (bytes + step - 1) / step * step;
}

// The memory of one device. Never destroyed: buffers may be freed by destructors that run later.
class Pool {
 public:
  static Pool& of(const Device& device) {
    static std::mutex mutex;
    static auto& pools = *new std::map<const Device*, Pool>;
    const std::lock_guard lock(mutex);
    return pools.try_emplace(&device, device).first->second;
  }

  explicit Pool(const Device& device) : device_(device) {}

  CUdeviceptr take(std::size_t bytes) {
    const std::size_t block = block_bytes(bytes);
    const std::lock_guard lock(mutex_);
    std::vector<CUdeviceptr>& free = free_[block];
    CUdeviceptr address = 0;
    if (!free.empty()) {
      address = free.back();
      free.pop_back();
    } else {
      free.reserve(++blocks_[block]);  // so that giving back cannot fail
      address = allocate(block, bytes);
      use_.held += block;
    }
    use_.in_use += bytes;
    use_.peak = std::max(use_.peak, use_.in_use);
    return address;
  }

  void give(CUdeviceptr address, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    free_.find(block_bytes(bytes))->second.push_back(address);
    use_.in_use -= bytes;
  }

  MemoryUse use() {
    const std::lock_guard lock(mutex_);
    return use_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    use_.peak = use_.in_use;
  }

  void trim() {
    const std::lock_guard lock(mutex_);
    trim_locked();
  }

 private:
  CUdeviceptr allocate(std::size_t block, std::size_t asked) {
    const ContextScope scope(device_);
    CUdeviceptr address = 0;
    CUresult result = driver().cuMemAlloc(&address, block);
    if (result == CUDA_ERROR_OUT_OF_MEMORY) {
      trim_locked();
      result = driver().cuMemAlloc(&address, block);
    }
    if (result == CUDA_SUCCESS) return address;
    --blocks_[block];
    if (result == CUDA_ERROR_OUT_OF_MEMORY) {
      std::size_t free = 0, total = 0;
      driver().cuMemGetInfo(&free, &total);
      fail(ErrorCode::kOutOfMemory, device_.desc().name + ": " + std::to_string(asked) +
                                        " bytes asked for, " + std::to_string(free) + " of " +
                                        std::to_string(total) + " free");
    }
    check(result, "cuMemAlloc");
    return address;
  }

  void trim_locked() {
    const ContextScope scope(device_);
    for (auto& [block, free] : free_) {
      for (const CUdeviceptr address : free) {
        driver().cuMemFree(address);
        use_.held -= block;
        --blocks_[block];
      }
      free.clear();
    }
  }

  const Device& device_;
  std::mutex mutex_;
  std::map<std::size_t, std::vector<CUdeviceptr>> free_;  // by size of block
  std::map<std::size_t, std::size_t> blocks_;             // of that size, free or not
  MemoryUse use_;
};

}  // namespace

DeviceBuffer::DeviceBuffer(const Device& device, std::size_t bytes)
    : device_(&device), bytes_(bytes) {
  if (bytes > 0) address_ = Pool::of(device).take(bytes);
}

DeviceBuffer::~DeviceBuffer() {
  if (address_ != 0) Pool::of(*device_).give(address_, bytes_);
}

void DeviceBuffer::upload(const void* host, std::size_t bytes) {
  if (bytes == 0) return;
  const ContextScope scope(*device_);
  CONVOY_CU(cuMemcpyHtoDAsync(address_, host, bytes, nullptr));
  CONVOY_CU(cuStreamSynchronize(nullptr));
}

void DeviceBuffer::download(void* host, std::size_t bytes) const {
  if (bytes == 0) return;
  const ContextScope scope(*device_);
  CONVOY_CU(cuMemcpyDtoHAsync(host, address_, bytes, nullptr));
  CONVOY_CU(cuStreamSynchronize(nullptr));
}

void DeviceBuffer::fill(unsigned char value) {
  if (bytes_ == 0) return;
  const ContextScope scope(*device_);
  CONVOY_CU(cuMemsetD8Async(address_, value, bytes_, nullptr));
  CONVOY_CU(cuStreamSynchronize(nullptr));
}

MemoryUse memory_use(const Device& device) { return Pool::of(device).use(); }
void reset_peak(const Device& device) { Pool::of(device).reset_peak(); }
void trim(const Device& device) { Pool::of(device).trim(); }

}  // namespace convoy::cuda
