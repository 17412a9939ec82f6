#include "device/calibrate_cpu.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/tensor.h"
#include "base/thread_pool.h"
#include "device/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/calibrate_cpu.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Multiply-adds of twelve independent sums, as many as hide the latency of two units. They begin at
// different values, since a compiler computes sums that are the same but once. With |scale| below 1
// none overflows. Returns how many floating-point operations it did.
double multiply_add(std::int64_t steps, float scale, float* result) {
  const hn::ScalableTag<float> tag;
  const auto by = hn::Set(tag, scale), one = hn::Set(tag, 1.0f);
  auto a = by, b = hn::Add(a, by), c = hn::Add(b, by), d = hn::Add(c, by), e = hn::Add(d, by),
       f = hn::Add(e, by), g = hn::Add(f, by), h = hn::Add(g, by), i = hn::Add(h, by),
       j = hn::Add(i, by), k = hn::Add(j, by), l = hn::Add(k, by);
  for (std::int64_t step = 0; step < steps; ++step) {
    a = hn::MulAdd(a, by, one), b = hn::MulAdd(b, by, one), c = hn::MulAdd(c, by, one);
    d = hn::MulAdd(d, by, one), e = hn::MulAdd(e, by, one), f = hn::MulAdd(f, by, one);
    g = hn::MulAdd(g, by, one), h = hn::MulAdd(h, by, one), i = hn::MulAdd(i, by, one);
    j = hn::MulAdd(j, by, one), k = hn::MulAdd(k, by, one), l = hn::MulAdd(l, by, one);
  }
  a = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, d)), hn::Add(hn::Add(e, f), hn::Add(g, h)));
  *result = hn::GetLane(hn::Add(hn::Add(a, hn::Add(i, j)), hn::Add(k, l)));
  return 2.0 * 12 * static_cast<double>(steps) * static_cast<double>(hn::Lanes(tag));
}

// A whole number of vectors.
void copy(const float* from, float* to, std::size_t count) {
  const hn::ScalableTag<float> tag;
  for (std::size_t i = 0; i < count; i += hn::Lanes(tag)) {
    hn::Store(hn::Load(tag, from + i), tag, to + i);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {
namespace {

HWY_EXPORT(multiply_add);
HWY_EXPORT(copy);

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The most of what `work` says it did in a second, of as many runs as there is time for.
template <class Work>
double best_rate(double seconds, Work&& work) {
  work();
  double best = 0;
  constexpr int kLeast = 3;
  const auto begin = Clock::now();
  for (int run = 0; run < kLeast || seconds_since(begin) < seconds; ++run) {
    const auto start = Clock::now();
    const double done = work();
    best = std::max(best, done / seconds_since(start));
  }
  return best;
}

// Copies one half of `bytes` to the other, a share for each thread, `repeats` times a run.
double copy_rate(std::int64_t bytes, ThreadPool& pool, double seconds, int repeats) {
  constexpr std::size_t kBlock = 1024;  // floats; whole vectors of any instruction set
  const auto shares = static_cast<std::size_t>(pool.threads());
  const std::size_t share = std::max<std::size_t>(
      kBlock, static_cast<std::size_t>(bytes) / 2 / sizeof(float) / shares / kBlock * kBlock);
  const Buffer from(share * shares * sizeof(float)), to(share * shares * sizeof(float));
  std::memset(from.data(), 0, from.size());
  const auto* source = reinterpret_cast<const float*>(from.data());
  auto* target = reinterpret_cast<float*>(to.data());
  return best_rate(seconds, [&] {
    pool.parallel_for(pool.threads(), [&](std::int64_t task, int) {
      const std::size_t at = static_cast<std::size_t>(task) * share;
      for (int i = 0; i < repeats; ++i) {
        HWY_DYNAMIC_DISPATCH(copy)(source + at, target + at, share);
      }
    });
    return 2.0 * static_cast<double>(from.size()) * repeats;
  });
}

}  // namespace

CpuRates calibrate_cpu(const DeviceDesc& device, double seconds) {
  apply_isa_environment();
  ThreadPool all(device.threads), alone(1);
  CpuRates rates;
  const double each = seconds / 5;
  // Volatile: neither known before nor without effect.
  volatile float scale = 0.5f, sink = 0;
  rates.flops_per_second_core = best_rate(each, [&] {
    constexpr std::int64_t kSteps = 20000;
    float result = 0;
    const double flops = HWY_DYNAMIC_DISPATCH(multiply_add)(kSteps, scale, &result);
    sink = result;
    return flops;
  });
  constexpr std::int64_t kLeastMemory = std::int64_t{64} << 20, kMostMemory = std::int64_t{1} << 30;
  rates.l1_bytes_per_second_core = copy_rate(device.l1_bytes / 2, alone, each, 200);
  rates.l2_bytes_per_second_core = copy_rate(device.l2_bytes / 2, alone, each, 10);
  rates.l3_bytes_per_second = copy_rate(device.l3_bytes / 2, all, each, 2);
  rates.bytes_per_second =
      copy_rate(std::clamp(4 * device.l3_bytes, kLeastMemory, kMostMemory), all, each, 1);
  return rates;
}

DeviceDesc with_rates(DeviceDesc device, const CpuRates& rates) {
  device.flops_per_second_core = rates.flops_per_second_core;
  device.l2_bytes_per_second_core = rates.l2_bytes_per_second_core;
  device.bytes_per_second = rates.bytes_per_second;
  return device;
}

}  // namespace convoy
#endif
