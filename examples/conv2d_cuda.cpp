// The convolution of conv2d.cpp on a GPU: lists the kernels that could compute it there and
// enqueues the best on a stream of our own.
#include <convoy/convoy.hpp>
#include <cstdio>
#include <vector>

#include "cuda_driver.h"

namespace {

// Device memory that frees itself.
class DeviceArray {
 public:
  DeviceArray(const cuda_driver& cuda, std::size_t bytes) : cuda_(cuda) {
    if (bytes > 0) cuda_check(cuda_.alloc(&address_, bytes), "cuMemAlloc");
  }
  ~DeviceArray() {
    if (address_ != 0) cuda_.free(address_);
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  CUdeviceptr address() const { return address_; }
  void* data() const { return reinterpret_cast<void*>(address_); }

 private:
  const cuda_driver& cuda_;
  CUdeviceptr address_ = 0;
};

float centre_of_a_convolution() {
  convoy::ConvDesc desc;
  desc.device = "cuda";
  desc.c = 16, desc.h = desc.w = 32;
  desc.k = 24, desc.r = desc.s = 3;
  desc.pad_top = desc.pad_left = desc.pad_bottom = desc.pad_right = 1;
  desc.activation = CONVOY_RELU;
  for (const convoy::ConvCandidate& candidate : convoy::Conv2d::candidates(desc)) {
    if (!candidate.declined.empty()) continue;
    std::printf("%-30s %8zu bytes of workspace\n", candidate.name.c_str(),
                candidate.workspace_bytes);
  }

  const std::vector<float> x(16 * 32 * 32, 1.0f), weights(24 * 16 * 3 * 3, 0.5f), bias(24, -1.0f);
  std::vector<float> y(static_cast<std::size_t>(desc.k * desc.p() * desc.q()));
  const std::size_t x_bytes = x.size() * sizeof(float), y_bytes = y.size() * sizeof(float);
  const convoy::Conv2d conv(desc, weights.data(), bias.data());

  const cuda_driver cuda = cuda_start();
  const DeviceArray device_x(cuda, x_bytes), device_y(cuda, y_bytes);
  const DeviceArray workspace(cuda, conv.workspace_bytes());
  CUstream stream = nullptr;
  cuda_check(cuda.stream_create(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  cuda_check(cuda.upload(device_x.address(), x.data(), x_bytes, stream), "cuMemcpyHtoDAsync");
  conv.enqueue(stream, device_x.data(), device_y.data(), workspace.data(), conv.workspace_bytes());
  cuda_check(cuda.download(y.data(), device_y.address(), y_bytes, stream), "cuMemcpyDtoHAsync");
  cuda_check(cuda.stream_wait(stream), "cuStreamSynchronize");
  cuda_check(cuda.stream_destroy(stream), "cuStreamDestroy");

  const float centre = y[(16 * 32 + 16) * 24];
  std::printf("%s: centre %g\n", conv.name().c_str(), static_cast<double>(centre));
  return centre;
}

}  // namespace

int main() {
  try {
    // 3 * 3 * 16 products of 0.5, and the bias.
    return centre_of_a_convolution() == 71.0f ? 0 : 1;
  } catch (const convoy::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.status() == CONVOY_DEVICE ? kNoGpu : 1;
  }
}
