// The convolution primitive on a GPU as users meet it: their memory, their streams, their mistakes.
// Results are compared with the CPU's; operands are small integers, so they are equal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <convoy/convoy.hpp>

#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <thread>

#include "tests/support/device_memory.h"

namespace {

using convoy::testing::DeviceFloats;
using convoy::testing::integers;
using convoy::testing::Stream;
using convoy::testing::unwritten;
using ::testing::HasSubstr;

thread_local long allocations = 0;

}  // namespace

// Of the whole process, the library included.
void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* p = std::malloc(bytes > 0 ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

std::int64_t x_count(const convoy::ConvDesc& d) { return d.n * d.c * d.h * d.w; }
std::int64_t y_count(const convoy::ConvDesc& d) { return d.n * d.k * d.p() * d.q(); }

struct Case {
  const char* what;
  convoy::ConvDesc desc;
  std::vector<float> weights, bias;
};

Case make_case(const char* what, auto set) {
  convoy::ConvDesc d;
  d.device = "cuda";
  set(d);
  return {what, d, integers(d.k * (d.c / d.groups) * d.r * d.s, 1), integers(d.k, 2)};
}

std::vector<Case> cases() {
  return {make_case("3x3, padded, relu",
                    [](auto& d) {
                      d.n = 2, d.c = 16, d.h = 13, d.w = 15, d.k = 24, d.r = d.s = 3;
                      d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
                      d.activation = CONVOY_RELU;
                    }),
          make_case("7x7, stride 2, three channels, nchw",
                    [](auto& d) {
                      d.c = 3, d.h = d.w = 30, d.k = 10, d.r = d.s = 7;
                      d.stride_h = d.stride_w = 2, d.layout = CONVOY_NCHW;
                    }),
          make_case("pointwise with a residual",
                    [](auto& d) {
                      d.n = 3, d.c = 20, d.h = d.w = 7, d.k = 33;
                      d.has_residual = 1, d.activation = CONVOY_RELU;
                    }),
          make_case("pointwise, also on tensor cores",
                    [](auto& d) {
                      d.n = 2, d.c = 40, d.h = 9, d.w = 7, d.k = 48;
                      d.precision = CONVOY_SPLIT;
                    }),
          make_case("depthwise, dilated", [](auto& d) {
            d.c = d.k = d.groups = 12, d.h = 11, d.w = 17, d.r = d.s = 3;
            d.dilation_h = d.dilation_w = 2, d.layout = CONVOY_NCHW;
          })};
}

std::vector<float> on_the_cpu(Case c, const std::vector<float>& x,
                              const std::vector<float>& residual) {
  c.desc.device = "cpu";
  const convoy::Conv2d conv(c.desc, c.weights.data(), c.bias.data(), "conv.reference");
  std::vector<float> y = unwritten(y_count(c.desc));
  conv.run(x.data(), y.data(), nullptr, 0, residual.empty() ? nullptr : residual.data());
  return y;
}

class Conv2dGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      convoy::Conv2d::candidates(cases()[0].desc);
    } catch (const convoy::Error& error) {
      GTEST_SKIP() << error.what();
    }
    cuda_ = cuda_start();
  }

  void expect_refused(const std::function<void()>& call, const std::string& words) {
    try {
      call();
      ADD_FAILURE() << "not refused: " << words;
    } catch (const convoy::Error& error) {
      EXPECT_EQ(error.status(), CONVOY_INVALID_ARGUMENT) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  }

  cuda_driver cuda_{};
};

TEST_F(Conv2dGpu, SeveralAsOneKernelAreWhatTheyMakeOneByOne) {
  Case depthwise = make_case("depthwise", [](auto& d) {
    d.n = 2, d.c = d.k = d.groups = 24, d.h = 13, d.w = 11, d.r = d.s = 3;
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1, d.activation = CONVOY_RELU;
  });
  Case pointwise = make_case("pointwise", [](auto& d) {
    d.n = 2, d.c = 24, d.h = 13, d.w = 11, d.k = 20, d.has_residual = 1;
  });
  const std::vector<float> x = integers(x_count(depthwise.desc), 5);
  const std::vector<float> residual = integers(y_count(pointwise.desc), 6);
  const std::vector<float> expected = on_the_cpu(pointwise, on_the_cpu(depthwise, x, {}), residual);
  const DeviceFloats device_x(cuda_, x), device_residual(cuda_, residual);
  int ran = 0;
  for (const convoy::ConvCandidate& candidate :
       convoy::Conv2d::fused_candidates({depthwise.desc, pointwise.desc})) {
    if (!candidate.declined.empty()) continue;
    SCOPED_TRACE(candidate.name);
    const convoy::Conv2d fused = convoy::Conv2d::fused(
        {depthwise.desc, pointwise.desc}, {depthwise.weights.data(), pointwise.weights.data()},
        {depthwise.bias.data(), pointwise.bias.data()}, candidate.name);
    const DeviceFloats y(cuda_, unwritten(y_count(pointwise.desc)));
    fused.enqueue(nullptr, device_x.data(), y.data(), nullptr, 0, device_residual.data());
    EXPECT_EQ(y.read(), expected);
    ++ran;
  }
  EXPECT_GT(ran, 0);
}

TEST_F(Conv2dGpu, EveryKernelOnTwoStreamsGivesWhatTheCpuGives) {
  const Stream streams[] = {Stream(cuda_), Stream(cuda_)};
  for (const Case& c : cases()) {
    int ran = 0;
    for (const convoy::ConvCandidate& candidate : convoy::Conv2d::candidates(c.desc)) {
      if (!candidate.declined.empty()) continue;
      SCOPED_TRACE(candidate.name + ", " + c.what);
      const convoy::Conv2d conv(c.desc, c.weights.data(), c.bias.data(), candidate.name);
      EXPECT_EQ(conv.name(), candidate.name);
      EXPECT_EQ(conv.workspace_bytes(), candidate.workspace_bytes);
      const std::size_t workspace_floats = conv.workspace_bytes() / sizeof(float) + 1;
      struct Run {
        std::vector<float> x, residual;
        DeviceFloats device_x, device_residual, y, workspace;
      };
      std::vector<std::unique_ptr<Run>> runs;
      for (unsigned i = 0; i < 2; ++i) {
        const std::vector<float> x = integers(x_count(c.desc), 10 + i);
        const std::vector<float> residual =
            c.desc.has_residual ? integers(y_count(c.desc), 20 + i) : std::vector<float>{};
        runs.push_back(std::unique_ptr<Run>(
            new Run{x,
                    residual,
                    {cuda_, x},
                    {cuda_, residual},
                    {cuda_, unwritten(y_count(c.desc))},
                    {cuda_, unwritten(static_cast<std::int64_t>(workspace_floats))}}));
      }
      for (unsigned i = 0; i < 2; ++i) {
        Run& run = *runs[i];
        conv.enqueue(streams[i].get(), run.device_x.data(), run.y.data(), run.workspace.data(),
                     conv.workspace_bytes(),
                     c.desc.has_residual ? run.device_residual.data() : nullptr);
      }
      for (unsigned i = 0; i < 2; ++i) {
        streams[i].wait();
        EXPECT_EQ(runs[i]->y.read(), on_the_cpu(c, runs[i]->x, runs[i]->residual)) << i;
      }
      ++ran;
    }
    EXPECT_GE(ran, 1) << c.what;
  }
}

TEST_F(Conv2dGpu, ExecuteWaitsForTheResult) {
  const Case c = cases()[0];
  const convoy::Conv2d conv(c.desc, c.weights.data(), c.bias.data());
  const std::vector<float> host = integers(x_count(c.desc), 5);
  const DeviceFloats x(cuda_, host), y(cuda_, unwritten(y_count(c.desc)));
  const DeviceFloats workspace(
      cuda_, unwritten(static_cast<std::int64_t>(conv.workspace_bytes() / sizeof(float) + 1)));
  conv.run(x.data(), y.data(), workspace.data(), conv.workspace_bytes());
  EXPECT_EQ(y.read(), on_the_cpu(c, host, {}));
}

TEST_F(Conv2dGpu, EnqueueAllocatesNothing) {
  const Case c = cases()[0];
  const convoy::Conv2d conv(c.desc, c.weights.data(), c.bias.data());
  const DeviceFloats x(cuda_, integers(x_count(c.desc), 5)), y(cuda_, unwritten(y_count(c.desc)));
  const DeviceFloats workspace(
      cuda_, unwritten(static_cast<std::int64_t>(conv.workspace_bytes() / sizeof(float) + 1)));
  const Stream stream(cuda_);
  const long before = allocations;
  EXPECT_GT(before, 0);  // they are counted
  for (int i = 0; i < 3; ++i) {
    conv.enqueue(stream.get(), x.data(), y.data(), workspace.data(), conv.workspace_bytes());
  }
  EXPECT_EQ(allocations, before);
  stream.wait();
}

TEST_F(Conv2dGpu, ThreadsShareAHandle) {
  const Case c = cases()[0];
  const convoy::Conv2d conv(c.desc, c.weights.data(), c.bias.data());
  const std::vector<float> host = integers(x_count(c.desc), 6);
  const std::vector<float> expected = on_the_cpu(c, host, {});
  std::vector<int> different(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < different.size(); ++t) {
    threads.emplace_back([&, t] {
      const cuda_driver cuda = cuda_start();  // makes the context current on this thread
      const Stream stream(cuda);
      const DeviceFloats x(cuda, host), y(cuda, unwritten(y_count(c.desc)));
      const DeviceFloats workspace(
          cuda, unwritten(static_cast<std::int64_t>(conv.workspace_bytes() / sizeof(float) + 1)));
      for (int i = 0; i < 20; ++i) {
        conv.enqueue(stream.get(), x.data(), y.data(), workspace.data(), conv.workspace_bytes());
      }
      stream.wait();
      different[t] = y.read() != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, std::vector<int>(4, 0));
}

TEST_F(Conv2dGpu, WrongPointersAreRefusedBeforeAnythingRuns) {
  const Case c = cases()[2];  // has a residual
  const convoy::Conv2d conv(c.desc, c.weights.data(), c.bias.data());
  std::vector<float> host = integers(y_count(c.desc), 7);
  const DeviceFloats x(cuda_, integers(x_count(c.desc), 8)), residual(cuda_, host);
  const DeviceFloats y(cuda_, host);
  const DeviceFloats workspace(
      cuda_, unwritten(static_cast<std::int64_t>(conv.workspace_bytes() / sizeof(float) + 1)));
  const auto enqueue = [&](const void* in, void* out, const void* added) {
    conv.enqueue(nullptr, in, out, workspace.data(), conv.workspace_bytes(), added);
  };
  const auto off_by = [](const DeviceFloats& a, std::size_t bytes) {
    return static_cast<void*>(static_cast<char*>(a.data()) + bytes);
  };
  expect_refused([&] { enqueue(host.data(), y.data(), residual.data()); }, "x is ");
  expect_refused([&] { enqueue(x.data(), host.data(), residual.data()); }, "y is ");
  expect_refused([&] { enqueue(x.data(), y.data(), host.data()); }, "residual is ");
  expect_refused([&] { enqueue(nullptr, y.data(), residual.data()); }, "x is null");
  expect_refused([&] { enqueue(x.data(), y.data(), nullptr); }, "residual is null");
  expect_refused([&] { enqueue(x.data(), off_by(x, 16), residual.data()); }, "y overlaps x");
  expect_refused([&] { enqueue(off_by(x, 4), y.data(), residual.data()); }, "16 bytes");
  EXPECT_EQ(y.read(), host);  // as it was
  EXPECT_NO_THROW(enqueue(x.data(), y.data(), residual.data()));
  cuda_check(cuda_.stream_wait(nullptr), "cuStreamSynchronize");
}

TEST_F(Conv2dGpu, WhatNoKernelComputesIsRefusedWithTheReasons) {
  Case c = cases()[0];
  c.desc.dtype = CONVOY_F64;
  convoy_conv2d* conv = nullptr;
  EXPECT_EQ(convoy_conv2d_create(&c.desc, nullptr, std::vector<double>(16 * 24 * 9).data(), nullptr,
                                 &conv),
            CONVOY_UNSUPPORTED);
  EXPECT_THAT(convoy_last_error(), HasSubstr("f32"));
  c = cases()[0];
  c.desc.device = "cuda:99";
  EXPECT_EQ(convoy_conv2d_create(&c.desc, nullptr, c.weights.data(), nullptr, &conv),
            CONVOY_DEVICE);
  EXPECT_THAT(convoy_last_error(), HasSubstr("99"));
}

}  // namespace
