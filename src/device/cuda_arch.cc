#include "device/cuda_arch.h"

namespace convoy {

std::string cuda_arch_name(int major, int minor) {
  const std::string name = "sm_" + std::to_string(major) + std::to_string(minor);
  return name + (major == 9 || (major == 10 && minor == 0) ? "a" : "");
}

int cuda_f32_lanes(int major, int minor) {
  if (major == 7 || (major == 8 && minor == 0)) return 64;
  return 128;
}

std::int64_t cuda_l1_bytes(int major, int minor) {
  switch (10 * major + minor) {
    case 70:
    case 72:
    case 86:
    case 89:
    case 120:
      return 128 << 10;
    case 75:
      return 96 << 10;
    case 80:
    case 87:
      return 192 << 10;
    case 90:
    case 100:
    case 103:
      return 256 << 10;
    default:
      return 0;
  }
}

}  // namespace convoy
