// Every call of libcuda and NVRTC that can fail, failing once: the error says which, nothing is
// left behind, and the same process then does what it could not.
#include <cuda.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nvrtc.h>

#include <cstdio>
#include <functional>
#include <optional>

#include "base/error.h"
#include "cuda/calibrate.h"
#include "cuda/compile.h"
#include "cuda/driver.h"
#include "cuda/graph.h"
#include "cuda/memory.h"
#include "cuda/module.h"
#include "cuda/stream.h"
#include "kernels/conv/cuda/entries.h"
#include "tests/fake_cuda/fake.h"
#include "tests/support/described_step.h"

namespace convoy {
namespace {

using testing::FakeLibrary;
using ::testing::HasSubstr;

constexpr int kFault = CUDA_ERROR_LAUNCH_FAILED;

const FakeLibrary& libcuda() {
  static const FakeLibrary library(CONVOY_FAKE_LIBCUDA);
  return library;
}
const FakeLibrary& libnvrtc() {
  static const FakeLibrary library(CONVOY_FAKE_LIBNVRTC);
  return library;
}

// A device that this process has not used yet.
int next_ordinal() {
  static int next = 0;
  return next++;
}

const cuda::Program kProgram{.kernel = "k", .source = "extern \"C\" __global__ void k() {}"};

// What a user of the runtime does with a device; made for every entry to be called.
void use_device(int ordinal) {
  using namespace cuda;
  const Device& device = Device::get(ordinal);
  DeviceBuffer buffer(device, 1000);
  char bytes[1000] = {};
  buffer.upload(bytes, sizeof bytes);
  buffer.fill(7);
  buffer.download(bytes, sizeof bytes);
  EXPECT_EQ(bytes[999], 7);
  { const DeviceBuffer other(device, 3000); }
  trim(device);
  const Stream stream(device);
  const Event start(device), end(device);
  cuda::Kernel kernel(device, compile_uncached(kProgram, device.desc().cuda.arch), 60'000);
  EXPECT_EQ(kernel.resources().registers, 14);
  start.record(stream.get());
  kernel({}, stream.get(), buffer.data());
  EXPECT_EQ(kernel.blocks_at_once(32, 0), 1);
  LaunchShape shape{.grid = {2, 1, 1}, .cluster = 2, .overlaps_former = true};
  kernel.spread(shape);
  EXPECT_EQ(shape.shared_bytes, cuda::shared_bytes_for_at_most(1, device.desc()));
  EXPECT_GT(shape.shared_bytes, 0u);
  kernel(shape, stream.get(), buffer.data());
  end.record(stream.get());
  end.synchronize();
  EXPECT_EQ(end.milliseconds_since(start), 0.5f);
  const Graph graph(device, stream, [&] { kernel({}, stream.get(), buffer.data()); });
  graph.launch(stream.get());
  stream.synchronize();
  device.synchronize();
}

// A convolution made ready and enqueued.
void use_convolution(const Implementation& entry, int ordinal) {
  const cuda::Device& device = cuda::Device::get(ordinal);
  testing::ConvCase c{.desc = parse_conv_desc("n2 c8 h9 w9 k8 r3 s3 pad1")};
  testing::DescribedStep step(c, {Layout::kNchw, Layout::kNchw});
  const std::vector<float> weights(8 * 8 * 9, 1), bias(8, 1);
  step.input(kConvW).data = const_cast<float*>(weights.data());
  step.input(kConvBias).data = const_cast<float*>(bias.data());
  const OpDesc op = step.op();
  ASSERT_EQ(can_run(entry, op, device.desc()).reason, "");
  const std::unique_ptr<Kernel> kernel = entry.prepare(op, device.desc());
  const cuda::DeviceBuffer x(device, op.inputs[kConvX].bytes()), y(device, op.outputs[0].bytes());
  const cuda::DeviceBuffer workspace(device, entry.workspace(op, device.desc()));
  std::vector<TensorView> inputs(op.inputs.begin(), op.inputs.end());
  inputs[kConvX].data = x.data();
  TensorView output = op.outputs[0];
  output.data = y.data();
  ThreadPool pool(1);
  kernel->run({.inputs = inputs,
               .outputs = {&output, 1},
               .workspace = {static_cast<std::byte*>(workspace.data()), workspace.bytes()},
               .pool = pool});
  device.synchronize();
}

// Destructors and words for errors go on without what these would have given.
bool may_fail_unnoticed(const std::string& entry) {
  for (const char* name :
       {"cuCtxPopCurrent", "cuMemFree", "cuStreamDestroy", "cuEventDestroy", "cuModuleUnload",
        "cuGraphDestroy", "cuGraphExecDestroy", "nvrtcDestroyProgram"}) {
    if (entry == name) return true;
  }
  return false;
}

void expect_nothing_left(int ordinal) {
  libcuda().reset();
  libnvrtc().reset();
  try {
    cuda::trim(cuda::Device::get(ordinal));  // the pool keeps what buffers gave back
  } catch (const Error& error) {
    ADD_FAILURE() << "the device cannot be used afterwards: " << error.what();
  }
  EXPECT_EQ(libcuda().live(), 0);
  EXPECT_EQ(libnvrtc().live(), 0);
  EXPECT_EQ(libcuda().contexts_current(), 0);
}

// `work` with each of its calls of `entry` failing in turn; how many there are.
int fail_each(const FakeLibrary& library, const std::string& entry, int fault,
              const std::function<void(int)>& work) {
  SCOPED_TRACE(entry);
  libcuda().reset();
  libnvrtc().reset();
  const int first = next_ordinal();
  work(first);
  const int calls = library.calls(entry);
  // Kernels end with a context of their own, or without where there is none to be had.
  const int last_heard =
      entry == "cuCtxPushCurrent" ? calls - libcuda().calls("cuModuleUnload") : calls;
  expect_nothing_left(first);
  for (int nth = 1; nth <= calls; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    const int ordinal = next_ordinal();
    library.reset();
    library.fail(entry, nth, fault);
    std::optional<std::string> found;
    try {
      work(ordinal);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kDevice);
      found = error.what();
    }
    if (found) {
      EXPECT_THAT(*found, HasSubstr(entry + " fails: "));
    } else {
      EXPECT_TRUE(may_fail_unnoticed(entry) || nth > last_heard);
    }
    expect_nothing_left(ordinal);
    EXPECT_NO_THROW(work(ordinal));
    expect_nothing_left(ordinal);
  }
  return calls;
}

#define CONVOY_NAME(name) #name,
constexpr const char* kDriverEntries[] = {CONVOY_CUDA_ENTRIES(CONVOY_NAME)};
constexpr const char* kCompilerEntries[] = {
    "nvrtcCreateProgram", "nvrtcDestroyProgram", "nvrtcCompileProgram", "nvrtcGetProgramLogSize",
    "nvrtcGetProgramLog", "nvrtcGetCUBINSize",   "nvrtcGetCUBIN"};

TEST(Faults, OfTheDriver) {
  for (const std::string entry : kDriverEntries) {
    const int calls = fail_each(libcuda(), entry, kFault, use_device);
    // These are for what fails, comes before all, or is called elsewhere.
    const bool elsewhere = entry == "cuInit" || entry == "cuDriverGetVersion" ||
                           entry.starts_with("cuGetError") || entry == "cuMemGetInfo" ||
                           entry == "cuMemcpyDtoDAsync" || entry == "cuPointerGetAttribute";
    EXPECT_EQ(calls == 0, elsewhere) << entry;
  }
}

TEST(Faults, WhatARecordingThrowsIsPassedOnAndTheStreamRecordsAgain) {
  const int ordinal = next_ordinal();
  {
    const cuda::Device& device = cuda::Device::get(ordinal);
    const cuda::Stream stream(device);
    const auto record = [&](const std::function<void()>& work) {
      const cuda::Graph graph(device, stream, work);
      graph.launch(stream.get());
    };
    EXPECT_THROW(record([] { fail(ErrorCode::kUnsupported, "not recorded"); }), Error);
    EXPECT_NO_THROW(record([] {}));
  }
  expect_nothing_left(ordinal);
}

TEST(Faults, OfTheCompiler) {
  for (const std::string entry : kCompilerEntries) {
    EXPECT_GT(fail_each(libnvrtc(), entry, NVRTC_ERROR_INTERNAL_ERROR, use_device), 0) << entry;
  }
}

TEST(Faults, OfConvolutions) {
  for (const Implementation* one : {&kConvWindowCuda, &kConvWindowBufferCuda, &kConvDirectCuda}) {
    SCOPED_TRACE(one->name);
    const auto use = [&](int ordinal) { use_convolution(*one, ordinal); };
    for (const char* entry :
         {"cuCtxPushCurrent", "cuMemAlloc", "cuMemcpyHtoDAsync", "cuStreamSynchronize",
          "cuModuleLoadData", "cuModuleGetFunction", "cuLaunchKernel", "cuCtxSynchronize"}) {
      EXPECT_GT(fail_each(libcuda(), entry, kFault, use), 0) << entry;
    }
    for (const std::string entry : kCompilerEntries) {
      EXPECT_GT(fail_each(libnvrtc(), entry, NVRTC_ERROR_INTERNAL_ERROR, use), 0) << entry;
    }
  }
}

// Asks first how much memory is free.
TEST(Faults, OfCalibration) {
  const auto use = [](int ordinal) {
    EXPECT_GT(cuda::calibrate(cuda::Device::get(ordinal)).bytes_per_second, 0);
  };
  EXPECT_EQ(fail_each(libcuda(), "cuMemGetInfo", kFault, use), 1);
}

TEST(Faults, ErrorsWithoutWordsHaveTheirNumber) {
  const int ordinal = next_ordinal();
  const auto words = [&](const char* silent) {
    libcuda().reset();
    cuda::Device::get(ordinal);
    libcuda().fail(silent, 1, kFault);
    try {
      cuda::check(CUDA_ERROR_ILLEGAL_ADDRESS, "cuMemAlloc(&address, bytes)");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(words("none"), HasSubstr("cuMemAlloc fails: CUDA_ERROR_FAKE (asked for by a test)"));
  EXPECT_THAT(words("cuGetErrorName"), HasSubstr("cuMemAlloc fails: error 700"));
  EXPECT_THAT(words("cuGetErrorString"), HasSubstr("cuMemAlloc fails: CUDA_ERROR_FAKE"));
  expect_nothing_left(ordinal);
}

TEST(Pool, GivesBackWhatItHoldsBeforeItRefuses) {
  const cuda::Device& device = cuda::Device::get(next_ordinal());
  { const cuda::DeviceBuffer most(device, 48 << 20); }  // held, and in use no more
  EXPECT_EQ(cuda::memory_use(device).held, std::size_t{48} << 20);
  cuda::DeviceBuffer other(device, 40 << 20);  // 64 MiB have no room for both
  EXPECT_EQ(cuda::memory_use(device).held, std::size_t{40} << 20);
  try {
    const cuda::DeviceBuffer more(device, 30 << 20);
    FAIL() << "memory that is not there was allocated";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.what(), HasSubstr("31457280 bytes asked for, 25165824 of 67108864 free"));
  }
  EXPECT_EQ(cuda::memory_use(device).in_use, std::size_t{40} << 20);
  { const cuda::DeviceBuffer end = std::move(other); }
  cuda::trim(device);
  EXPECT_EQ(libcuda().live(), 0);
}

TEST(Pool, BlocksAreUsedAgain) {
  const cuda::Device& device = cuda::Device::get(next_ordinal());
  libcuda().reset();
  CUdeviceptr first = 0;
  for (int i = 0; i < 3; ++i) {
    const cuda::DeviceBuffer buffer(device, 5000 + static_cast<std::size_t>(i));
    if (i == 0) first = buffer.address();
    EXPECT_EQ(buffer.address(), first);
    EXPECT_EQ(buffer.address() % 256, 0u);
  }
  EXPECT_EQ(libcuda().calls("cuMemAlloc"), 1);
  EXPECT_EQ(cuda::memory_use(device).in_use, 0u);
  EXPECT_EQ(cuda::memory_use(device).peak, 5002u);
  cuda::trim(device);
  EXPECT_EQ(cuda::memory_use(device).held, 0u);
  EXPECT_EQ(libcuda().live(), 0);
}

TEST(Faults, AWrongSourceLeavesNothing) {
  EXPECT_THROW(cuda::compile_uncached({.kernel = "k", .source = "#error"}, "sm_86"), Error);
  EXPECT_EQ(libnvrtc().live(), 0);
}

// What is decided once a process, each in a process of its own.
class FaultsAtStart : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  // Says why there is no GPU and no compiler, with `variable` set.
  [[noreturn]] static void say(const char* variable, const char* value) {
    setenv(variable, value, 1);
    const cuda::Availability found = cuda::availability();
    std::fprintf(stderr, "%d GPUs; %s; %s\n", found.devices, found.reason.c_str(),
                 cuda::compiler_missing().c_str());
    std::exit(0);
  }
  static constexpr auto kExited = [](int status) { return status == 0; };
};

TEST_F(FaultsAtStart, HaveReasons) {
  EXPECT_EXIT(say("CONVOY_FAKE_INIT", "0"), kExited, "4096 GPUs; ; ");
  EXPECT_EXIT(say("CONVOY_FAKE_INIT", "719"), kExited,
              "0 GPUs; .*the NVIDIA driver does not start: CUDA_ERROR_FAKE");
  EXPECT_EXIT(say("CONVOY_FAKE_VERSION", "11040"), kExited,
              "0 GPUs; .*the NVIDIA driver supports CUDA 11.4, expected 12.0 or newer");
  EXPECT_EXIT(say("CONVOY_LIBCUDA", "/nonexistent/libcuda.so"), kExited,
              "0 GPUs; .*no NVIDIA driver: CONVOY_LIBCUDA: /nonexistent/libcuda.so");
  EXPECT_EXIT(say("CONVOY_LIBCUDA", CONVOY_FAKE_LIBNVRTC), kExited,
              "0 GPUs; .*no NVIDIA driver: .*lacks cuInit");
  EXPECT_EXIT(say("CONVOY_FAKE_NVRTC", "11"), kExited, "NVRTC does not say its version");
  EXPECT_EXIT(say("CONVOY_LIBNVRTC", CONVOY_FAKE_LIBCUDA), kExited, "lacks nvrtcVersion");
}

// Before main, so before any library is opened.
[[maybe_unused]] const bool kFakes = (testing::use_fake_libraries(), true);

}  // namespace
}  // namespace convoy
