#include "bench/cuda/graph_timer.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "cuda/graph.h"

namespace convoy::bench {
namespace {

constexpr int kRuns = 20, kReplays = 9;
constexpr double kGraphMilliseconds = 2;

}  // namespace

GraphTimer::GraphTimer(const cuda::Device& device)
    : device_(device), stream_(device), start_(device), stop_(device) {}

double GraphTimer::rough_milliseconds(const Enqueue& enqueue) const {
  const cuda::ContextScope scope(device_);
  enqueue(stream());
  start_.record(stream());
  enqueue(stream());
  stop_.record(stream());
  stop_.synchronize();
  return static_cast<double>(stop_.milliseconds_since(start_));
}

bool GraphTimer::is_beaten(const Enqueue& enqueue, double best) const {
  constexpr double kLaunchMilliseconds = 0.02;
  return rough_milliseconds(enqueue) > 1.5 * best + kLaunchMilliseconds;
}

void GraphTimer::measure(const Enqueue& enqueue, Row& row) const {
  const double rough = std::max(rough_milliseconds(enqueue), 1e-3);
  const int runs = std::clamp(static_cast<int>(kGraphMilliseconds / rough), 2, kRuns);
  const cuda::Graph graph(device_, stream_, [&] {
    for (int i = 0; i < runs; ++i) enqueue(stream());
  });
  graph.launch(stream());
  std::vector<double> times;
  for (int i = 0; i < kReplays; ++i) {
    start_.record(stream());
    graph.launch(stream());
    stop_.record(stream());
    stop_.synchronize();
    times.push_back(static_cast<double>(stop_.milliseconds_since(start_)) / runs);
  }
  std::sort(times.begin(), times.end());
  row.milliseconds = times[times.size() / 2];
  row.best_milliseconds = times[0];
}

double GraphTimer::replay_for(double seconds, const Enqueue& enqueue) const {
  using Clock = std::chrono::steady_clock;
  const double rough = std::max(rough_milliseconds(enqueue), 1e-3);
  const int runs = std::max(1, static_cast<int>(20 / rough));  // some 20 ms a replay
  const cuda::Graph graph(device_, stream_, [&] {
    for (int i = 0; i < runs; ++i) enqueue(stream());
  });
  double done = 0;
  for (const auto start = Clock::now();
       std::chrono::duration<double>(Clock::now() - start).count() < seconds; done += runs) {
    graph.launch(stream());
    stream_.synchronize();
  }
  return done;
}

}  // namespace convoy::bench
