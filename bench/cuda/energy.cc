#include "bench/cuda/energy.h"

#include <cstdio>

#include "base/error.h"
#include "cuda/driver.h"
#include "cuda/library.h"

namespace convoy::bench {
namespace {

// Of nvml.h, which toolkits without the driver's headers lack.
struct Nvml {
  int (*nvmlInit_v2)() = nullptr;
  int (*nvmlDeviceGetHandleByPciBusId_v2)(const char* bus, void** device) = nullptr;
  int (*nvmlDeviceGetTotalEnergyConsumption)(void* device, unsigned long long* mj) = nullptr;
  const char* (*nvmlErrorString)(int result) = nullptr;
  std::string missing;

  Nvml() {
    cuda::Library library("CONVOY_LIBNVML", {"libnvidia-ml.so.1"});
    library.find(nvmlInit_v2, "nvmlInit_v2");
    library.find(nvmlDeviceGetHandleByPciBusId_v2, "nvmlDeviceGetHandleByPciBusId_v2");
    library.find(nvmlDeviceGetTotalEnergyConsumption, "nvmlDeviceGetTotalEnergyConsumption");
    library.find(nvmlErrorString, "nvmlErrorString");
    missing = library.missing();
  }
};

const Nvml& nvml() {
  static const Nvml once;
  if (!once.missing.empty()) fail(ErrorCode::kUnsupported, "no NVML: " + once.missing);
  return once;
}

void check(int result, const char* call) {
  if (result == 0) return;
  fail(ErrorCode::kUnsupported, std::string(call) + ": " + nvml().nvmlErrorString(result));
}

int attribute(CUdevice_attribute which, CUdevice device) {
  int value = 0;
  CONVOY_CU(cuDeviceGetAttribute(&value, which, device));
  return value;
}

}  // namespace

EnergyMeter::EnergyMeter(const cuda::Device& device) {
  check(nvml().nvmlInit_v2(), "nvmlInit");
  // NVML numbers GPUs in another order than the driver may.
  CUdevice number = 0;
  CONVOY_CU(cuDeviceGet(&number, device.desc().cuda.ordinal));
  char bus[32];
  std::snprintf(bus, sizeof bus, "%08x:%02x:%02x.0",
                static_cast<unsigned>(attribute(CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, number)),
                static_cast<unsigned>(attribute(CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, number)),
                static_cast<unsigned>(attribute(CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, number)));
  check(nvml().nvmlDeviceGetHandleByPciBusId_v2(bus, &handle_), "nvmlDeviceGetHandleByPciBusId");
  joules();
}

double EnergyMeter::joules() const {
  unsigned long long millijoules = 0;
  check(nvml().nvmlDeviceGetTotalEnergyConsumption(handle_, &millijoules),
        "nvmlDeviceGetTotalEnergyConsumption");
  return static_cast<double>(millijoules) * 1e-3;
}

}  // namespace convoy::bench
