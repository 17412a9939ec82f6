// The convolution primitive on a GPU that fails, as users meet it: a status, words, and a handle
// that can still be used.
#include <cuda.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <convoy/convoy.hpp>

#include "tests/fake_cuda/fake.h"

namespace {

using convoy::testing::FakeLibrary;
using ::testing::HasSubstr;

const FakeLibrary& libcuda() {
  static const FakeLibrary library(CONVOY_FAKE_LIBCUDA);
  return library;
}

// Memory as a user allocates it.
class Memory {
 public:
  Memory(int ordinal, std::size_t bytes) {
    CUcontext context = nullptr;
    retain_(&context, ordinal);
    push_(context);
    EXPECT_EQ(alloc_(&address_, bytes), CUDA_SUCCESS);
    pop_(&context);
  }
  ~Memory() { free_(address_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  void* data() const { return reinterpret_cast<void*>(address_); }

 private:
  template <class Signature>
  static Signature* of(const char* name) {
    return libcuda().function<Signature>(name);
  }
  decltype(&cuDevicePrimaryCtxRetain) retain_ =
      of<decltype(cuDevicePrimaryCtxRetain)>("cuDevicePrimaryCtxRetain");
  decltype(&cuCtxPushCurrent) push_ = of<decltype(cuCtxPushCurrent)>("cuCtxPushCurrent_v2");
  decltype(&cuCtxPopCurrent) pop_ = of<decltype(cuCtxPopCurrent)>("cuCtxPopCurrent_v2");
  decltype(&cuMemAlloc) alloc_ = of<decltype(cuMemAlloc)>("cuMemAlloc_v2");
  decltype(&cuMemFree) free_ = of<decltype(cuMemFree)>("cuMemFree_v2");
  CUdeviceptr address_ = 0;
};

convoy::ConvDesc small_conv(const char* device) {
  convoy::ConvDesc desc;
  desc.c = 4, desc.h = desc.w = 6, desc.k = 8, desc.r = desc.s = 3;
  desc.device = device;
  return desc;
}
constexpr std::size_t kXBytes = 4 * 6 * 6 * 4, kYBytes = 8 * 4 * 4 * 4;

convoy_status create(convoy_conv2d** conv) {
  const convoy::ConvDesc desc = small_conv("cuda:0");
  const std::vector<float> weights(8 * 4 * 9, 1);
  return convoy_conv2d_create(&desc, "conv.im2win.cuda.f32", weights.data(), nullptr, conv);
}

TEST(ApiCandidates, OfOtherTypesAndPrecisionsOnAGpu) {
  const auto declined = [](const convoy::ConvDesc& desc, const std::string& name) -> std::string {
    for (const convoy::ConvCandidate& candidate : convoy::Conv2d::candidates(desc)) {
      if (candidate.name == name) return candidate.declined;
    }
    return "there is none";
  };
  convoy::ConvDesc desc = small_conv("cuda:0");
  desc.r = desc.s = 1;
  EXPECT_EQ(declined(desc, "pointwise.gemm.cuda.f32"), "");
  EXPECT_NE(declined(desc, "pointwise.gemm.cuda.f32_split"), "");
  desc.precision = CONVOY_SPLIT;
  EXPECT_EQ(declined(desc, "pointwise.gemm.cuda.f32"), "");
  EXPECT_EQ(declined(desc, "pointwise.gemm.cuda.f32_split"), "");
  for (const auto& [dtype, name] : {std::pair{CONVOY_F16, "f16"}, {CONVOY_BF16, "bf16"}}) {
    desc.dtype = dtype;
    EXPECT_EQ(declined(desc, std::string("pointwise.gemm.cuda.") + name), "");
    EXPECT_NE(declined(desc, "pointwise.gemm.cuda.f32"), "");
  }
}

TEST(ApiFaults, WhatCannotBeMadeIsNoHandleAndLeavesNothing) {
  convoy_conv2d* conv = nullptr;
  ASSERT_EQ(create(&conv), CONVOY_OK) << convoy_last_error();
  convoy_conv2d_free(conv);
  const int held = libcuda().live();  // blocks that the pool keeps
  for (const char* entry : {"cuCtxPushCurrent", "cuMemcpyHtoDAsync", "cuStreamSynchronize",
                            "cuModuleLoadData", "cuModuleGetFunction"}) {
    libcuda().reset();
    libcuda().fail(entry, 1, CUDA_ERROR_LAUNCH_FAILED);
    conv = nullptr;
    EXPECT_EQ(create(&conv), CONVOY_DEVICE) << entry;
    EXPECT_THAT(convoy_last_error(), HasSubstr(std::string(entry) + " fails"));
    EXPECT_EQ(conv, nullptr);
    EXPECT_EQ(libcuda().live(), held) << entry;
    EXPECT_EQ(libcuda().contexts_current(), 0) << entry;
    ASSERT_EQ(create(&conv), CONVOY_OK) << entry << ": " << convoy_last_error();
    convoy_conv2d_free(conv);
    EXPECT_EQ(libcuda().live(), held) << entry;
  }
}

class Enqueue : public ::testing::Test {
 protected:
  Enqueue() { EXPECT_EQ(create(&conv_), CONVOY_OK) << convoy_last_error(); }
  ~Enqueue() override { convoy_conv2d_free(conv_); }
  convoy_status enqueue(const void* x, void* y) {
    return convoy_conv2d_enqueue(conv_, x, nullptr, y, nullptr, 0, nullptr);
  }
  convoy_conv2d* conv_ = nullptr;
  Memory x_{0, kXBytes}, y_{0, kYBytes};
};

TEST_F(Enqueue, FailsOnceAndNotAgain) {
  for (const char* entry : {"cuCtxPushCurrent", "cuPointerGetAttribute", "cuLaunchKernel"}) {
    libcuda().reset();
    libcuda().fail(entry, 1, CUDA_ERROR_LAUNCH_FAILED);
    EXPECT_EQ(enqueue(x_.data(), y_.data()), CONVOY_DEVICE) << entry;
    EXPECT_THAT(convoy_last_error(), HasSubstr(std::string(entry) + " fails"));
    EXPECT_EQ(libcuda().contexts_current(), 0) << entry;
    EXPECT_EQ(enqueue(x_.data(), y_.data()), CONVOY_OK) << convoy_last_error();
    EXPECT_EQ(libcuda().calls("cuLaunchKernel"), entry == std::string("cuLaunchKernel") ? 2 : 1);
  }
}

TEST_F(Enqueue, RefusesWhatIsNotMemoryOfItsGpu) {
  libcuda().reset();
  alignas(64) float host[kXBytes / 4] = {};
  EXPECT_EQ(enqueue(host, y_.data()), CONVOY_INVALID_ARGUMENT);
  EXPECT_THAT(convoy_last_error(), HasSubstr("x is memory that the driver does not know"));
  const Memory other(1, kYBytes);
  EXPECT_EQ(enqueue(x_.data(), other.data()), CONVOY_INVALID_ARGUMENT);
  EXPECT_THAT(convoy_last_error(), HasSubstr("y is memory of cuda:1, expected memory of cuda:0"));
  EXPECT_EQ(libcuda().calls("cuLaunchKernel"), 0);
}

TEST_F(Enqueue, ExecuteSaysWhatTheKernelFailedWith) {
  libcuda().reset();
  libcuda().fail("cuStreamSynchronize", 1, CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_EQ(convoy_conv2d_execute(conv_, x_.data(), nullptr, y_.data(), nullptr, 0), CONVOY_DEVICE);
  EXPECT_THAT(convoy_last_error(), HasSubstr("cuStreamSynchronize fails"));
}

// A depthwise and a pointwise convolution as one kernel.
TEST(ApiFused, IsMadeAndEnqueuedOnAGpu) {
  convoy::ConvDesc depthwise = small_conv("cuda:0");
  depthwise.k = depthwise.groups = 4;
  convoy::ConvDesc pointwise = depthwise;
  pointwise.h = pointwise.w = 4, pointwise.k = 8, pointwise.groups = pointwise.r = pointwise.s = 1;
  const std::vector<float> weights(4 * 9, 1);
  const convoy::Conv2d fused =
      convoy::Conv2d::fused({depthwise, pointwise}, {weights.data(), weights.data()});
  EXPECT_EQ(fused.name(), "fused.dwpw.cuda.f32");
  EXPECT_EQ(fused.workspace_bytes(), 0u);
  const Memory x(0, kXBytes), y(0, kYBytes);
  libcuda().reset();
  fused.enqueue(nullptr, x.data(), y.data());
  EXPECT_EQ(libcuda().calls("cuLaunchKernel") + libcuda().calls("cuLaunchKernelEx"), 1);
  alignas(64) float host[kXBytes / 4] = {};
  EXPECT_THROW(fused.enqueue(nullptr, host, y.data()), convoy::Error);
}

// Before main, so before any library is opened.
[[maybe_unused]] const bool kFakes = (convoy::testing::use_fake_libraries(), true);

}  // namespace
