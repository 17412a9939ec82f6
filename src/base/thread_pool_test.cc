#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

namespace convoy {
namespace {

TEST(ThreadPool, EveryTaskOnceOnAThreadOfThePool) {
  for (const auto idle : {ThreadPool::Idle::kSpin, ThreadPool::Idle::kSleep}) {
    for (const int threads : {1, 2, 5}) {
      ThreadPool pool(threads, idle);
      EXPECT_EQ(pool.threads(), threads);
      for (const int tasks : {0, 1, 2, 3, 100}) {
        std::vector<int> count(static_cast<std::size_t>(tasks), 0);
        pool.parallel_for(tasks, [&](std::int64_t task, int thread) {
          EXPECT_GE(thread, 0);
          EXPECT_LT(thread, threads);
          ++count[static_cast<std::size_t>(task)];
        });
        EXPECT_EQ(count, std::vector<int>(static_cast<std::size_t>(tasks), 1));
      }
    }
  }
}

TEST(ThreadPool, ManyShortCallsLoseNoTask) {
  ThreadPool pool(3);
  std::vector<std::int64_t> sums(4);
  for (int call = 0; call < 20000; ++call) {
    pool.parallel_for(
        4, [&](std::int64_t task, int) { sums[static_cast<std::size_t>(task)] += task; });
  }
  for (std::int64_t task = 0; task < 4; ++task) {
    EXPECT_EQ(sums[static_cast<std::size_t>(task)], 20000 * task);
  }
}

TEST(ThreadPool, NoTwoTasksOfOneThreadAtOnce) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> busy(4);
  for (int call = 0; call < 500; ++call) {
    pool.parallel_for(16, [&](std::int64_t, int thread) {
      auto& mine = busy[static_cast<std::size_t>(thread)];
      EXPECT_EQ(mine.fetch_add(1), 0);
      mine.fetch_sub(1);
    });
  }
}

TEST(ThreadPool, CallersTakeTurns) {
  ThreadPool pool(2);
  std::vector<std::int64_t> sums(3);
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < sums.size(); ++caller) {
    callers.emplace_back([&, caller] {
      for (int call = 0; call < 500; ++call) {
        std::atomic<std::int64_t> sum{0};
        pool.parallel_for(10, [&](std::int64_t task, int) { sum += task; });
        sums[caller] += sum;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sums, std::vector<std::int64_t>(3, 500 * 45));
}

TEST(ThreadPool, WakesSleepersAfterAPause) {
  ThreadPool pool(2);
  for (int call = 0; call < 5; ++call) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int> done{0};
    pool.parallel_for(8, [&](std::int64_t, int) { ++done; });
    EXPECT_EQ(done, 8);
  }
}

}  // namespace
}  // namespace convoy
