// An NVML whose one GPU consumes a joule between any two questions.
#include <cstring>

#include "tests/fake_cuda/faults.h"

extern "C" {

int nvmlInit_v2() { return faults.enter("nvmlInit_v2"); }
int nvmlDeviceGetHandleByPciBusId_v2(const char* bus, void** device) {
  if (const int error = faults.enter("nvmlDeviceGetHandleByPciBusId_v2"); error != 0) return error;
  *device = &faults;
  return std::strlen(bus) == std::strlen("00000000:00:00.0") ? 0 : 2;
}
int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* millijoules) {
  if (const int error = faults.enter("nvmlDeviceGetTotalEnergyConsumption"); error != 0) {
    return error;
  }
  *millijoules =
      1000ull * static_cast<unsigned>(faults.calls("nvmlDeviceGetTotalEnergyConsumption"));
  return device == &faults ? 0 : 2;
}
const char* nvmlErrorString(int) { return "asked for by a test"; }
}
