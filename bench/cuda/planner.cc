#include "bench/cuda/planner.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>

#include "base/error.h"
#include "base/thread_pool.h"
#include "bench/cuda/counted_run.h"
#include "bench/cuda/fcm.h"
#include "bench/cuda/fcm_step.h"
#include "bench/cuda/graph_timer.h"
#include "bench/fcm_case.h"
#include "device/name.h"
#include "kernels/fused/cuda/module.h"

namespace convoy::bench {
namespace {

using fused_cuda::Tile;

// Tiles beyond this share of the least estimate are not worth a measurement.
constexpr double kWorthwhile = 3;
constexpr std::size_t kTried = 4;  // before one that spills is used, as the entries do
constexpr std::size_t kJobsAtOnce = 24;

struct Sample {
  Tile tile;
  Estimate estimate;
  const char* chosen_by;
};

struct Job {
  FcmCase fcm;
  DType dtype;
  std::size_t feasible = 0;  // tiles
  std::vector<Sample> samples;
};

FusedProblem problem_of(const FcmCase& fcm, DType dtype) {
  FusedProblem problem =
      fused_problem(FcmOp(fcm, dtype, Layout::kNhwc, 0, fcm.stages.size()).desc());
  problem.constant_operands = true;
  return problem;
}

// The same draw for the same problem, whichever others are measured.
void choose(Job& job, const DeviceDesc& device, std::size_t count) {
  const FusedProblem problem = problem_of(job.fcm, job.dtype);
  const std::vector<Tile> tiles = fused_cuda::candidate_tiles(problem, device);
  const auto estimate = [&](const Tile& tile) {
    return fused_cuda::report(problem, tile, device).estimate;
  };
  job.feasible = tiles.size();
  for (std::size_t i = 0; i < std::min(count, tiles.size()); ++i) {
    job.samples.push_back({tiles[i], estimate(tiles[i]), "model"});
  }
  if (job.samples.empty() || count <= kTried) return;
  std::vector<std::size_t> others;
  for (std::size_t i = job.samples.size(); i < tiles.size(); ++i) {
    if (estimate(tiles[i]).seconds > kWorthwhile * job.samples[0].estimate.seconds) break;
    others.push_back(i);
  }
  std::mt19937 random(std::hash<std::string>()(job.fcm.name) & 0xffffffff);
  std::shuffle(others.begin(), others.end(), random);
  for (std::size_t i = 0; i < std::min(count, others.size()); ++i) {
    job.samples.push_back({tiles[others[i]], estimate(tiles[others[i]]), "sample"});
  }
}

class PlannerSuite {
 public:
  explicit PlannerSuite(const Options& options)
      : options_(options),
        device_(cuda::Device::get(parse_device(options.device).ordinal)),
        timer_(device_) {
    if (options.once) counted_.emplace(device_);
    for (const FcmCase& fcm : selected_fcm_cases(options)) {
      for (const std::string& dtype : options.dtypes) {
        jobs_.push_back({.fcm = fcm, .dtype = parse_fcm_dtype(dtype)});
      }
    }
  }

  std::vector<Row> run() {
    ThreadPool pool(0, ThreadPool::Idle::kSleep);
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t first = 0; first < jobs_.size(); first += kJobsAtOnce) {
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      if (options_.budget > 0 && elapsed.count() > options_.budget) {
        std::printf("the time that was given is up: %zu of %zu were not measured\n",
                    jobs_.size() - first, jobs_.size());
        break;
      }
      const std::size_t end = std::min(jobs_.size(), first + kJobsAtOnce);
      pool.parallel_for(static_cast<std::int64_t>(end - first), [&](std::int64_t i, int) {
        choose(jobs_[first + static_cast<std::size_t>(i)], device_.desc(),
               options_.once ? kTried : std::max(options_.candidates, kTried));
      });
      compile(first, end);
      for (std::size_t i = first; i < end; ++i) {
        try {
          measure(jobs_[i]);
        } catch (const Error& error) {
          std::printf("%s: %s\n", jobs_[i].fcm.name.c_str(), error.what());
          device_.synchronize();  // throws when the device is lost
        }
        jobs_[i].samples.clear();
      }
      std::fflush(stdout);
    }
    return std::move(rows_);
  }

 private:
  // Without the tiles whose registers the compiler spills, which are not used where others are
  // there.
  void compile(std::size_t first, std::size_t end) {
    std::vector<cuda::Program> programs;
    for (std::size_t i = first; i < end; ++i) {
      const FusedProblem problem = problem_of(jobs_[i].fcm, jobs_[i].dtype);
      for (const Sample& sample : jobs_[i].samples) {
        programs.push_back(fused_cuda::module_program(problem, sample.tile));
      }
    }
    const std::vector<cuda::Binary> binaries = cuda::compile(programs, device_.desc().cuda.arch);
    std::size_t next = 0;
    for (std::size_t i = first; i < end; ++i) {
      std::erase_if(jobs_[i].samples,
                    [&](const Sample&) { return binaries[next++].resources.spill_bytes > 0; });
      if (options_.once && jobs_[i].samples.size() > 1) jobs_[i].samples.resize(1);
    }
  }

  void measure(const Job& job) {
    FcmStep step(job.fcm, job.dtype, device_);
    for (const Sample& sample : job.samples) {
      Row row = row_of(job, sample);
      try {
        const std::shared_ptr<Kernel> kernel =
            fused_cuda::make_module(step.whole(), device_.desc(), sample.tile);
        const Enqueue enqueue = [&](CUstream stream) { step.run_whole(*kernel, stream); };
        if (!counted_) timer_.measure(enqueue, row);
        if (counted_ && row.bytes > row.l2_bytes) {
          counted_->repeated(rows_.size(), enqueue, timer_.stream());
        } else if (counted_) {
          (*counted_)(rows_.size(), enqueue, timer_.stream());
        }
      } catch (const Error& error) {
        row.status = error.what();
        device_.synchronize();
      }
      rows_.push_back(row);
    }
    if (counted_ || job.samples.empty()) return;
    const Row& chosen = rows_[rows_.size() - job.samples.size()];
    std::printf("%-32s n%-3ld %-4s %6zu tiles, the first: predicted %8.2f us, measured %8.2f us\n",
                chosen.layer.c_str(), static_cast<long>(chosen.batch), chosen.dtype.c_str(),
                job.feasible, chosen.predicted_milliseconds * 1e3, chosen.milliseconds * 1e3);
  }

  Row row_of(const Job& job, const Sample& sample) const {
    Row row{
        .suite = "planner",
        .layer = job.fcm.name,
        .implementation = "fused." + job.fcm.module + ".cuda." + std::string(to_string(job.dtype)),
        .device = "cuda",
        .dtype = std::string(to_string(job.dtype)),
        .layout = "nhwc",
        .batch = job.fcm.stages[0].n};
    row.flops = job.fcm.flops();
    row.bytes = job.fcm.bytes(job.dtype);
    row.marks = job.fcm.marks;
    row.module = job.fcm.module;
    row.tile = fused_cuda::to_string(sample.tile);
    row.chosen_by = sample.chosen_by;
    row.l2_bytes = static_cast<double>(device_.desc().l2_bytes);
    row.device_name = device_.desc().name;
    row.predicted_milliseconds = sample.estimate.seconds * 1e3;
    row.predicted_l2_bytes = sample.estimate.bytes_l2;
    row.predicted_dram_bytes = sample.estimate.bytes_dram;
    return row;
  }

  const Options& options_;
  const cuda::Device& device_;
  GraphTimer timer_;
  std::optional<CountedRun> counted_;
  std::vector<Job> jobs_;
  std::vector<Row> rows_;
};

}  // namespace

std::vector<Row> device_planner_suite(const Options& options) {
  return PlannerSuite(options).run();
}

}  // namespace convoy::bench
