#include "base/thread_pool.h"

#include <pthreadpool.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <string>

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

struct ThreadPool::Impl {
  pthreadpool_t pool = nullptr;
};

ThreadPool::ThreadPool(int threads, Idle idle)
    : impl_(new Impl), threads_(threads > 0 ? threads : available_threads()), idle_(idle) {
  if (threads_ > 1) {
    impl_->pool = pthreadpool_create(static_cast<std::size_t>(threads_));
    threads_ = static_cast<int>(pthreadpool_get_threads_count(impl_->pool));
  }
}

ThreadPool::~ThreadPool() { pthreadpool_destroy(impl_->pool); }

void ThreadPool::run(std::int64_t tasks, Call call, void* context) {
  if (threads_ == 1 || tasks <= 1) {
    for (std::int64_t task = 0; task < tasks; ++task) call(context, task, 0);
    return;
  }
  // One slot per thread, tasks taken from a shared counter: balanced on uneven cores, and a slot's
  // index is a thread number even where the pool lends one worker two slots.
  struct Work {
    Call call;
    void* context;
    std::int64_t tasks;
    std::atomic<std::int64_t> next{0};
  } work{call, context, tasks};
  pthreadpool_parallelize_1d(
      impl_->pool,
      [](void* w, std::size_t slot) {
        auto* work = static_cast<Work*>(w);
        for (std::int64_t task; (task = work->next.fetch_add(1)) < work->tasks;) {
          work->call(work->context, task, static_cast<int>(slot));
        }
      },
      &work, static_cast<std::size_t>(threads_),
      idle_ == Idle::kSleep ? PTHREADPOOL_FLAG_YIELD_WORKERS : 0);
}

}  // namespace convoy
