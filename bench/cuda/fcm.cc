#include "bench/cuda/fcm.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/thread_pool.h"
#include "bench/cuda/counted_run.h"
#include "bench/cuda/cudnn.h"
#include "bench/cuda/energy.h"
#include "bench/cuda/fcm_ours.h"
#include "cuda/calibrate.h"
#include "device/name.h"

namespace convoy::bench {
namespace {

constexpr std::size_t kProgramsAtOnce = 256;
constexpr double kEnergySeconds = 5;

struct Job {
  FcmCase fcm;
  DType dtype;
  FcmTiles tiles;  // once they were looked for
};

Job parse_job(const FcmCase& fcm, const std::string& name) {
  if (name == "f32_split") return {with_split(fcm), DType::kF32, {}};
  return {fcm, parse_fcm_dtype(name), {}};
}

bool wants_cudnn(const Options& options) {
  for (const std::string& peer : options.peers) {
    const std::string missing = peer == "cudnn"
                                    ? cudnn_missing()
                                    : "no such peer of fused modules on a GPU; there is cudnn";
    if (!missing.empty()) fail(ErrorCode::kUnsupported, "peer " + peer + ": " + missing);
  }
  return !options.peers.empty();
}

std::vector<Job> jobs_of(const Options& options) {
  std::vector<Job> jobs;
  for (const FcmCase& fcm : selected_fcm_cases(options)) {
    for (const std::string& dtype : options.dtypes) jobs.push_back(parse_job(fcm, dtype));
  }
  return jobs;
}

void print(const Row& row) {
  std::printf("%-32s n%-3ld %-9s %-6s %-30s ", row.layer.c_str(), static_cast<long>(row.batch),
              row.dtype.c_str(), row.layout.c_str(), row.implementation.c_str());
  if (!row.status.empty()) {
    std::printf("%s\n", row.status.c_str());
    return;
  }
  std::printf("%9.2f us %6.0f GB/s  %s error %-8.2g %s%s%s", row.milliseconds * 1e3,
              row.bytes / row.milliseconds / 1e6, row.bytes > row.l2_bytes ? "(> L2)" : "      ",
              row.error, row.chosen_by.c_str(), row.chosen_by.empty() ? "" : ": ",
              (row.tile.empty() ? row.algorithms : row.tile).c_str());
  if (row.joules > 0) std::printf("  %.3g mJ", row.joules * 1e3);
  std::printf("\n");
}

// The suite's state: what lives as long as the device is used.
class FcmSuite {
 public:
  // Throws for what is wrong with the options first, for what the machine lacks then.
  explicit FcmSuite(const Options& options)
      : options_(options),
        cudnn_(wants_cudnn(options)),
        jobs_(jobs_of(options)),
        device_(cuda::Device::get(parse_device(options.device).ordinal)),
        timer_(device_) {
    if (options.energy) meter_.emplace(device_);
    if (options.once) counted_.emplace(device_);
  }
  double bytes_per_second() const { return cuda::calibrate(device_).bytes_per_second; }

  std::vector<Row> run() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (i == compiled_) compile_ahead();
      if (options_.budget > 0 && elapsed() > options_.budget) {
        std::printf("the time that was given is up: %zu of %zu were not measured\n",
                    jobs_.size() - i, jobs_.size());
        break;
      }
      try {
        measure(jobs_[i]);
      } catch (const Error& error) {
        std::printf("%s n%ld: %s\n", jobs_[i].fcm.name.c_str(),
                    static_cast<long>(jobs_[i].fcm.stages[0].n), error.what());
        if (is_lost()) {
          std::printf("the device is lost\n");
          break;
        }
      }
      std::fflush(stdout);
    }
    return std::move(rows_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  bool is_lost() const {
    try {
      device_.synchronize();
      return false;
    } catch (const Error&) {
      return true;
    }
  }

  // The tiles and the kernels of the next jobs, so that all cores search and compile; the kernels
  // then come from the cache.
  void compile_ahead() {
    const std::size_t first = compiled_;
    const std::size_t programs_a_job = std::max<std::size_t>(options_.candidates, 1) + 2;
    compiled_ = std::min(jobs_.size(), first + kProgramsAtOnce / programs_a_job + 1);
    ThreadPool pool(0, ThreadPool::Idle::kSleep);
    pool.parallel_for(static_cast<std::int64_t>(compiled_ - first), [&](std::int64_t i, int) {
      Job& job = jobs_[first + static_cast<std::size_t>(i)];
      job.tiles = fcm_tiles(job.fcm, job.dtype, device_.desc(), options_.candidates);
    });
    std::vector<cuda::Program> programs;
    std::set<std::string> seen;
    const auto append = [&](const std::vector<cuda::Program>& more) {
      for (const cuda::Program& program : more) {
        if (seen.insert(program.source).second) programs.push_back(program);
      }
    };
    for (std::size_t i = first; i < compiled_; ++i) {
      append(fcm_check_programs(jobs_[i].dtype));
      append(fcm_programs(jobs_[i].fcm, jobs_[i].dtype, jobs_[i].tiles));
    }
    try {
      cuda::compile(programs, device_.desc().cuda.arch);
    } catch (const Error&) {
      // Told where the one kernel that it is of is made.
    }
  }

  void measure(const Job& job) {
    FcmStep step(job.fcm, job.dtype, device_);
    Row base{.suite = "fcm",
             .layer = job.fcm.name,
             .device = "cuda",
             .dtype = arithmetic_name(job.fcm, job.dtype),
             .layout = "nhwc",
             .batch = job.fcm.stages[0].n};
    base.marks = job.fcm.marks;
    base.module = job.fcm.module;
    base.device_name = device_.desc().name;
    base.flops = job.fcm.flops();
    base.bytes = job.fcm.bytes(job.dtype);
    base.peak_bytes = base.bytes + job.fcm.intermediate_bytes(job.dtype) / 2;
    base.between_bytes = job.fcm.intermediate_bytes(job.dtype);
    base.l2_bytes = static_cast<double>(device_.desc().l2_bytes);
    std::vector<FcmVariant> variants = our_fcm_variants(step, timer_, base, job.tiles);
    if (cudnn_) {
      for (FcmVariant& variant : cudnn_fcm_variants(step, timer_, base)) {
        variants.push_back(std::move(variant));
      }
    }
    std::erase_if(variants, [&](const FcmVariant& variant) {
      return !selected(options_.implementations, variant.row.implementation);
    });
    if (meter_) measure_energy(variants);
    for (const FcmVariant& variant : variants) {
      if (counted_ && variant.enqueue) (*counted_)(rows_.size(), variant.enqueue, timer_.stream());
      rows_.push_back(variant.row);
      print(variant.row);
    }
    variants.clear();
    cuda::trim(device_);  // what the next job needs is of other sizes
  }

  // Of the fastest layout alone.
  void measure_energy(std::vector<FcmVariant>& variants) {
    for (FcmVariant& variant : variants) {
      const bool beaten = std::any_of(variants.begin(), variants.end(), [&](const auto& other) {
        return other.enqueue && other.row.implementation == variant.row.implementation &&
               other.row.chosen_by == variant.row.chosen_by &&
               other.row.milliseconds < variant.row.milliseconds;
      });
      if (!variant.enqueue || beaten) continue;
      const double before = meter_->joules();
      const double runs = timer_.replay_for(kEnergySeconds, variant.enqueue);
      variant.row.joules = (meter_->joules() - before) / runs;
    }
  }

  const Options& options_;
  const bool cudnn_;
  std::vector<Job> jobs_;
  const cuda::Device& device_;
  GraphTimer timer_;
  std::optional<EnergyMeter> meter_;
  std::optional<CountedRun> counted_;
  std::size_t compiled_ = 0;  // jobs whose kernels are
  std::vector<Row> rows_;
  const Clock::time_point start_ = Clock::now();
};

}  // namespace

DType parse_fcm_dtype(const std::string& name) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kS8}) {
    if (name == to_string(dtype)) return dtype;
  }
  fail(ErrorCode::kInvalidArgument, "unknown type '" + name +
                                        "', expected f32, f16, bf16 or s8 "
                                        "(fcm: f32_split as well)");
}

std::vector<Row> device_fcm_suite(const Options& options) {
  FcmSuite suite(options);
  const double bytes_per_second = suite.bytes_per_second();
  const std::vector<Row> rows = suite.run();
  for (const std::string& line : summarize_fcm(rows, bytes_per_second)) {
    std::printf("%s\n", line.c_str());
  }
  return rows;
}

}  // namespace convoy::bench
