// The threads of one session. Work is cut the same way whatever their number, so results are too.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace convoy {

// Threads this process may really use: the affinity mask, capped by the cgroup's CPU quota.
int available_threads();

class ThreadPool {
 public:
  // What workers do between calls: spin for a while, so that the next call starts at once, or
  // sleep, which suits machines shared with others and more threads than cores.
  enum class Idle { kSpin, kSleep };

  // threads >= 1, the caller included; 0 takes available_threads().
  explicit ThreadPool(int threads = 0, Idle idle = Idle::kSpin);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls fn(task, thread) for every task in [0, tasks), thread in [0, threads()); returns when all
  // are done. Allocates nothing. Tasks must write disjoint memory and may not throw.
  template <class Fn>
  void parallel_for(std::int64_t tasks, Fn&& fn) {
    using F = std::remove_reference_t<Fn>;
    run(
        tasks, [](void* f, std::int64_t task, int thread) { (*static_cast<F*>(f))(task, thread); },
        const_cast<void*>(static_cast<const void*>(&fn)));
  }

 private:
  using Call = void (*)(void*, std::int64_t, int);
  void run(std::int64_t tasks, Call call, void* context);

  struct Impl;
  std::unique_ptr<Impl> impl_;
  int threads_ = 1;
};

}  // namespace convoy
