// Devices as users name them.
#pragma once

#include <string>
#include <string_view>

#include "device/device.h"

namespace convoy {

struct DeviceName {
  DeviceDesc::Kind kind = DeviceDesc::Kind::kCpu;
  int ordinal = 0;  // of the GPU, as the driver counts them
};

// "cpu", "cuda" (the first GPU) or "cuda:1". Throws kInvalidArgument for anything else; whether
// there is such a device is not asked.
DeviceName parse_device(std::string_view text);

// "cpu", "cuda:0".
std::string to_string(const DeviceName& name);

}  // namespace convoy
