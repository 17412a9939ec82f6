// The device of a convolution: descriptions of older programs, names, and what needs a GPU refused
// in words where there is none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <convoy/convoy.hpp>

#include <cstddef>
#include <cstring>

namespace {

using testing::AnyOf;
using testing::HasSubstr;

convoy::ConvDesc small_conv(const char* device = nullptr) {
  convoy::ConvDesc desc;
  desc.c = 3, desc.h = desc.w = 9, desc.k = 5, desc.r = desc.s = 3;
  desc.device = device;
  return desc;
}

convoy_status create(const convoy_conv2d_desc& desc, convoy_conv2d** conv,
                     const char* kernel = nullptr) {
  const std::vector<float> weights(static_cast<std::size_t>(desc.k * desc.c * desc.r * desc.s), 1);
  return convoy_conv2d_create(&desc, kernel, weights.data(), nullptr, conv);
}

TEST(Conv2dDevice, DescriptionsWithoutTheFieldRunOnTheCpu) {
  convoy_conv2d_desc desc = small_conv("no device at all");
  desc.struct_size = offsetof(convoy_conv2d_desc, device);
  convoy_conv2d* conv = nullptr;
  ASSERT_EQ(create(desc, &conv), CONVOY_OK) << convoy_last_error();
  std::vector<float> x(3 * 81, 1), y(5 * 49, -1);
  EXPECT_EQ(convoy_conv2d_execute(conv, x.data(), nullptr, y.data(), nullptr, 0), CONVOY_OK);
  EXPECT_EQ(y[0], 27);
  convoy_conv2d_free(conv);
  desc.struct_size -= 1;
  EXPECT_EQ(create(desc, &conv), CONVOY_INVALID_ARGUMENT);
  EXPECT_THAT(convoy_last_error(), HasSubstr("struct_size"));
}

TEST(Conv2dDevice, PrecisionIsAPermission) {
  convoy::ConvDesc desc = small_conv();
  desc.precision = CONVOY_SPLIT;
  convoy_conv2d* conv = nullptr;
  ASSERT_EQ(create(desc, &conv), CONVOY_OK) << convoy_last_error();
  std::vector<float> x(3 * 81, 1), y(5 * 49, -1);
  EXPECT_EQ(convoy_conv2d_execute(conv, x.data(), nullptr, y.data(), nullptr, 0), CONVOY_OK);
  EXPECT_EQ(y[0], 27);
  convoy_conv2d_free(conv);
  desc.precision = static_cast<convoy_precision>(3);
  EXPECT_EQ(create(desc, &conv), CONVOY_INVALID_ARGUMENT);
  EXPECT_THAT(convoy_last_error(), HasSubstr("unknown precision 3"));
  // Programs that were built before there was one.
  desc.struct_size = offsetof(convoy_conv2d_desc, precision);
  ASSERT_EQ(create(desc, &conv), CONVOY_OK) << convoy_last_error();
  convoy_conv2d_free(conv);
}

TEST(Conv2dDevice, InitWritesWhatTheCallerHas) {
  convoy_conv2d_desc desc;
  std::memset(static_cast<void*>(&desc), 0x5A, sizeof desc);
  const convoy_conv2d_desc untouched = desc;
  (convoy_conv2d_desc_init)(&desc);  // the function older programs call, not the macro
  EXPECT_EQ(desc.struct_size, offsetof(convoy_conv2d_desc, device));
  EXPECT_EQ(desc.layout, CONVOY_NHWC);
  EXPECT_EQ(desc.device, untouched.device);
  convoy_conv2d_desc_init(&desc);
  EXPECT_EQ(desc.struct_size, sizeof desc);
  EXPECT_EQ(desc.device, nullptr);
}

TEST(Conv2dDevice, UnknownNamesAreRefused) {
  for (const char* device : {"gpu", "cuda:", "cuda:-1", "CUDA", ""}) {
    convoy_conv2d* conv = nullptr;
    EXPECT_EQ(create(small_conv(device), &conv), CONVOY_INVALID_ARGUMENT) << device;
    EXPECT_THAT(convoy_last_error(), HasSubstr("expected cpu, cuda or cuda:N")) << device;
    EXPECT_EQ(conv, nullptr);
  }
  EXPECT_NO_THROW(convoy::Conv2d::candidates(small_conv("cpu")));
}

TEST(Conv2dDevice, AHandleOfTheCpuHasNoStreams) {
  const std::vector<float> weights(5 * 27, 1), x(3 * 81, 1);
  std::vector<float> y(5 * 49, -1);
  const convoy::Conv2d conv(small_conv(), weights.data());
  try {
    conv.enqueue(nullptr, x.data(), y.data());
    FAIL() << "enqueued on the cpu";
  } catch (const convoy::Error& error) {
    EXPECT_EQ(error.status(), CONVOY_INVALID_ARGUMENT);
    EXPECT_THAT(error.what(), HasSubstr("convoy_conv2d_execute"));
  }
  EXPECT_EQ(y, std::vector<float>(5 * 49, -1));
}

TEST(Conv2dDevice, AKernelOfAnotherDeviceDeclines) {
  convoy_conv2d* conv = nullptr;
  for (const convoy::ConvCandidate& candidate : convoy::Conv2d::candidates(small_conv())) {
    if (candidate.name.find(".cuda.") == std::string::npos) continue;
    EXPECT_THAT(candidate.declined, HasSubstr("CUDA devices alone"));
    EXPECT_EQ(create(small_conv(), &conv, candidate.name.c_str()), CONVOY_UNSUPPORTED);
    EXPECT_THAT(convoy_last_error(), HasSubstr(candidate.name + " declines"));
  }
}

TEST(Conv2dDevice, WithoutAGpuTheReasonIsSaid) {
  convoy_conv2d* conv = nullptr;
  const convoy_status status = create(small_conv("cuda"), &conv);
  if (status == CONVOY_OK) {
    convoy_conv2d_free(conv);
    GTEST_SKIP() << "this machine has a GPU";
  }
  EXPECT_EQ(status, CONVOY_DEVICE);
  EXPECT_EQ(conv, nullptr);
  EXPECT_THAT(convoy_last_error(), AnyOf(HasSubstr("libcuda"), HasSubstr("GPU")));
  EXPECT_THROW(convoy::Conv2d::candidates(small_conv("cuda")), convoy::Error);
}

}  // namespace
