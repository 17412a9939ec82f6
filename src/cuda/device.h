// GPUs of this machine, found through libcuda, which is opened at run time.
#pragma once

#include <cuda.h>

#include <string>

#include "device/device.h"

namespace convoy::cuda {

// How many GPUs there are. With none, `reason` says why in words: no driver library, a driver older
// than the kernels need, no GPU that the driver shows.
struct Availability {
  int devices = 0;
  std::string reason;
};
Availability availability();

// A GPU with its primary context, retained on first use and shared with everything else in the
// process that uses the runtime API (PyTorch, cuDNN).
class Device {
 public:
  // Throws kDevice with the reason when there is no such GPU. Thread-safe.
  static const Device& get(int ordinal);

  const DeviceDesc& desc() const { return desc_; }
  CUcontext context() const { return context_; }
  // Blocks until all work enqueued on the device is done; throws what it failed with.
  void synchronize() const;

 private:
  friend class DeviceTable;
  DeviceDesc desc_;
  CUcontext context_ = nullptr;
};

// Makes the device's context current on this thread, and the former one again when it ends.
class ContextScope {
 public:
  explicit ContextScope(const Device& device);
  ~ContextScope();
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
};

}  // namespace convoy::cuda
