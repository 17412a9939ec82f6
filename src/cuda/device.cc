#include "cuda/device.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "cuda/driver.h"
#include "device/cuda_arch.h"

namespace convoy::cuda {
namespace {

DeviceDesc describe(int ordinal, CUdevice device) {
  const auto ask = [&](CUdevice_attribute attribute) {
    int value = 0;
    CONVOY_CU(cuDeviceGetAttribute(&value, attribute, device));
    return value;
  };
  DeviceDesc desc;
  desc.kind = DeviceDesc::Kind::kCuda;
  std::array<char, 256> name{};
  CONVOY_CU(cuDeviceGetName(name.data(), static_cast<int>(name.size()), device));
  desc.name = name.data();
  CudaDesc& gpu = desc.cuda;
  gpu.ordinal = ordinal;
  gpu.compute_major = ask(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  gpu.compute_minor = ask(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  gpu.arch = cuda_arch_name(gpu.compute_major, gpu.compute_minor);
  gpu.shared_bytes_block = ask(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  gpu.shared_bytes_multiprocessor = ask(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
  gpu.registers_multiprocessor = ask(CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR);
  gpu.threads_multiprocessor = ask(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR);
  gpu.clock_hz = 1e3 * ask(CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
  std::size_t memory = 0;
  CONVOY_CU(cuDeviceTotalMem(&memory, device));
  gpu.memory_bytes = static_cast<std::int64_t>(memory);
  desc.cores = ask(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  const std::int64_t l1_bytes = cuda_l1_bytes(gpu.compute_major, gpu.compute_minor);
  desc.l1_bytes = l1_bytes > 0 ? l1_bytes : gpu.shared_bytes_multiprocessor;
  desc.l2_bytes = desc.l3_bytes = ask(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
  desc.flops_per_second_core = 2 * gpu.clock_hz * cuda_f32_lanes(gpu.compute_major, gpu.compute_minor);
  // Two transfers a clock over the whole width.
  desc.bytes_per_second = 2e3 * ask(CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE) *
                          ask(CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH) / 8;
  return desc;
}

}  // namespace

Availability availability() {
  try {
    int count = 0;
    CONVOY_CU(cuDeviceGetCount(&count));
    return {count, count > 0 ? "" : "the NVIDIA driver shows no GPU"};
  } catch (const Error& error) {
    return {0, error.what()};
  }
}

// The GPUs in use. Never destroyed: at exit the driver may be gone before we are.
class DeviceTable {
 public:
  static const Device& get(int ordinal) {
    static DeviceTable& table = *new DeviceTable;
    const std::lock_guard lock(table.mutex_);
    std::unique_ptr<Device>& device = table.devices_[ordinal];
    if (device == nullptr) device = open(ordinal);
    return *device;
  }

 private:
  static std::unique_ptr<Device> open(int ordinal) {
    const Availability available = availability();
    if (available.devices == 0) fail(ErrorCode::kDevice, available.reason);
    if (ordinal < 0 || ordinal >= available.devices) {
      fail(ErrorCode::kDevice, "there is no GPU cuda:" + std::to_string(ordinal) +
                                   ", expected 0 to " + std::to_string(available.devices - 1));
    }
    CUdevice handle = 0;
    CONVOY_CU(cuDeviceGet(&handle, ordinal));
    auto device = std::make_unique<Device>();
    device->desc_ = describe(ordinal, handle);
    CONVOY_CU(cuDevicePrimaryCtxRetain(&device->context_, handle));
    return device;
  }

  std::mutex mutex_;
  std::map<int, std::unique_ptr<Device>> devices_;
};

const Device& Device::get(int ordinal) { return DeviceTable::get(ordinal); }

void Device::synchronize() const {
  const ContextScope scope(*this);
  CONVOY_CU(cuCtxSynchronize());
}

ContextScope::ContextScope(const Device& device) { CONVOY_CU(cuCtxPushCurrent(device.context())); }

ContextScope::~ContextScope() {
  CUcontext former = nullptr;
  driver().cuCtxPopCurrent(&former);
}

}  // namespace convoy::cuda
