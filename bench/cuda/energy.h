// What a GPU has consumed, from NVML, which is opened at run time.
#pragma once

#include <string>

#include "cuda/device.h"

namespace convoy::bench {

class EnergyMeter {
 public:
  // Throws kUnsupported with the reason where NVML, or the counter on this GPU, is missing.
  explicit EnergyMeter(const cuda::Device& device);
  // Joules since the driver was loaded, in steps of some 100 ms.
  double joules() const;

 private:
  void* handle_ = nullptr;
};

}  // namespace convoy::bench
