#include "base/thread_pool.h"

#include <hwy/cache_control.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace convoy {
namespace {

// Whole CPUs granted by cgroup v2's cpu.max, or `limit` when there is no quota.
int cgroup_quota(int limit) {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return limit;
  const double cpus = std::strtod(quota.c_str(), nullptr) / period;
  return std::clamp(static_cast<int>(cpus + 0.5), 1, limit);
}

}  // namespace

int available_threads() {
  cpu_set_t set;
  const int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
  return cgroup_quota(cpus);
}

// A call is open while its caller still hands out tasks. Workers join an open call and leave it
// when no task is left; the caller then closes it and waits only for those who joined, so a worker
// that the system does not schedule costs nothing but its help.
struct ThreadPool::Impl {
  static constexpr std::uint32_t kOpen = 1u << 31;  // of `state`; the rest counts who joined

  explicit Impl(Idle idle) : idle(idle) {}
  ~Impl() {
    stop.store(true);
    announce();
    for (std::thread& worker : workers) worker.join();
  }

  void start(int count) {
    for (int i = 1; i <= count; ++i) workers.emplace_back([this, i] { work(i); });
  }

  void announce() {
    epoch.fetch_add(1, std::memory_order_release);
    epoch.notify_all();
  }

  void take_tasks(int thread) {
    for (std::int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
      call(context, task, thread);
    }
  }

  // Returns at once when `done` already holds, after at most kSpin of asking, or false.
  template <class Done>
  static bool spin(Done done) {
    const auto start = std::chrono::steady_clock::now();
    do {
      for (int i = 0; i < 32; ++i) {
        if (done()) return true;
        hwy::Pause();
      }
    } while (std::chrono::steady_clock::now() - start < kSpin);
    return done();
  }

  void work(int thread) {
    for (std::uint32_t seen = 0;;) {
      const auto called = [&] { return epoch.load(std::memory_order_acquire) != seen; };
      if (idle == Idle::kSleep || !spin(called)) epoch.wait(seen, std::memory_order_acquire);
      seen = epoch.load(std::memory_order_acquire);
      if (stop.load()) return;
      std::uint32_t s = state.load(std::memory_order_relaxed);
      while (s & kOpen) {
        if (!state.compare_exchange_weak(s, s + 1, std::memory_order_acquire)) continue;
        take_tasks(thread);
        // Only a caller that has closed the call can be waiting for the last one to leave.
        if (state.fetch_sub(1, std::memory_order_acq_rel) == 1) state.notify_all();
        break;
      }
    }
  }

  void close_and_wait() {
    std::uint32_t s = state.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    if (s == 0 || spin([&] { return state.load(std::memory_order_acquire) == 0; })) return;
    while ((s = state.load(std::memory_order_acquire)) != 0) {
      state.wait(s, std::memory_order_acquire);
    }
  }

  // Longer than the pauses between the steps of a network, shorter than a scheduler's time slice.
  static constexpr std::chrono::microseconds kSpin{50};

  const Idle idle;
  std::mutex one_call;  // sessions that share a pool take turns
  Call call = nullptr;  // these four belong to the open call
  void* context = nullptr;
  std::int64_t tasks = 0;
  alignas(64) std::atomic<std::int64_t> next{0};
  alignas(64) std::atomic<std::uint32_t> state{0};
  alignas(64) std::atomic<std::uint32_t> epoch{0};  // counts calls; what idle workers watch
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
};

ThreadPool::ThreadPool(int threads, Idle idle)
    : impl_(new Impl(idle)), threads_(threads > 0 ? threads : available_threads()) {
  impl_->start(threads_ - 1);
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::run(std::int64_t tasks, Call call, void* context) {
  if (threads_ == 1 || tasks <= 1) {
    for (std::int64_t task = 0; task < tasks; ++task) call(context, task, 0);
    return;
  }
  Impl& pool = *impl_;
  const std::lock_guard lock(pool.one_call);
  pool.call = call;
  pool.context = context;
  pool.tasks = tasks;
  pool.next.store(0, std::memory_order_relaxed);
  pool.state.store(Impl::kOpen, std::memory_order_release);
  pool.announce();
  pool.take_tasks(0);
  pool.close_and_wait();
}

}  // namespace convoy
