#include "bench/fcm_cpu.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "bench/cuda/fcm.h"
#include "bench/fcm_case.h"
#include "bench/fcm_cpu_step.h"
#include "device/name.h"

namespace convoy::bench {
namespace {

// What is timed: one kernel after the other.
struct Contender {
  std::string name, tile;
  std::vector<BoundKernel> kernels;
  double flops = 0, bytes = 0, workspace_bytes = 0;
  std::vector<double> milliseconds;

  double run_once(ThreadPool& pool) {
    double sum = 0;
    for (const BoundKernel& kernel : kernels) sum += kernel.milliseconds(pool);
    return sum;
  }
  double best() const { return *std::min_element(milliseconds.begin(), milliseconds.end()); }
  double median() const {
    std::vector<double> sorted = milliseconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

// The contenders of one case.
class CpuFcm {
 public:
  CpuFcm(const FcmCase& fcm, const Options& options, ThreadPool& pool)
      : options_(options), pool_(pool), device_(detect_cpu(pool.threads())), step_(fcm, device_) {}

  std::vector<Row> rows() {
    std::vector<Contender> contenders;
    contenders.push_back(unfused());
    for (const auto& [module, name] : step_.entries()) {
      if (!selected(options_.implementations, name)) continue;
      contenders.push_back(fused(name, choose_cpu_tile(step_.problem(), module, device_)));
      if (options_.candidates == 0) continue;
      contenders.push_back(fused(name, fastest(name, module)));
      contenders.back().name += " best";
    }
    const std::vector<float> expected = result(contenders.front());
    std::vector<double> errors;
    for (Contender& contender : contenders) errors.push_back(error(result(contender), expected));
    interleave(contenders);
    std::vector<Row> rows;
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      rows.push_back(row(contenders[i], errors[i]));
    }
    return rows;
  }

 private:
  Contender unfused() const {
    Contender contender{.name = "unfused"};
    const FcmCase& fcm = step_.fcm();
    contender.bytes = fcm.bytes(DType::kF32) + fcm.intermediate_bytes(DType::kF32);
    for (std::size_t i = 0; i < fcm.stages.size(); ++i) {
      contender.kernels.push_back(step_.single(i).kernel);
    }
    return contender;
  }

  Contender fused(const std::string& name, const CpuTile& tile) const {
    Contender contender{.name = name, .tile = to_string(tile)};
    contender.bytes = step_.fcm().bytes(DType::kF32);
    contender.kernels.push_back(step_.fused(tile));
    contender.workspace_bytes = static_cast<double>(contender.kernels[0].workspace_bytes());
    return contender;
  }

  CpuTile fastest(const char* name, CpuModule module) {
    std::vector<CpuTile> tiles = cpu_tiles(step_.problem(), module, device_);
    if (tiles.size() > options_.candidates) tiles.resize(options_.candidates);
    double best = std::numeric_limits<double>::infinity();
    CpuTile found = tiles.front();
    constexpr int kRuns = 7;
    for (const CpuTile& tile : tiles) {
      Contender contender = fused(name, tile);
      double least = std::numeric_limits<double>::infinity();
      for (int i = 0; i < kRuns; ++i) least = std::min(least, contender.run_once(pool_));
      if (least < best) best = least, found = tile;
    }
    return found;
  }

  // y of a run over poisoned memory.
  std::vector<float> result(Contender& contender) {
    const Tensor& y = step_.y();
    std::memset(y.view().data, 0xFF, y.view().bytes());
    contender.run_once(pool_);
    return {y.as<float>(), y.as<float>() + y.shape().elements()};
  }

  static double error(const std::vector<float>& y, const std::vector<float>& expected) {
    float difference = 0, largest = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (std::isnan(y[i])) return std::numeric_limits<double>::infinity();
      difference = std::max(difference, std::fabs(y[i] - expected[i]));
      largest = std::max(largest, std::fabs(expected[i]));
    }
    return static_cast<double>(difference / largest);
  }

  void interleave(std::vector<Contender>& contenders) {
    for (double total = 0;
         total < options_.seconds * 1e3 * static_cast<double>(contenders.size()) ||
         contenders.front().milliseconds.size() < 5;) {
      for (Contender& contender : contenders) {
        contender.milliseconds.push_back(contender.run_once(pool_));
        total += contender.milliseconds.back();
      }
    }
  }

  Row row(const Contender& contender, double error) const {
    const FcmCase& fcm = step_.fcm();
    Row row{.suite = "fcm", .layer = fcm.name, .implementation = contender.name, .layout = "nhwc"};
    row.batch = fcm.stages.front().n;
    row.threads = pool_.threads();
    row.milliseconds = contender.median();
    row.best_milliseconds = contender.best();
    row.flops = fcm.flops();
    row.bytes = contender.bytes;
    row.workspace_bytes = contender.workspace_bytes;
    row.error = error;
    row.tile = contender.tile;
    return row;
  }

  const Options& options_;
  ThreadPool& pool_;
  DeviceDesc device_;
  FcmCpuStep step_;
};

}  // namespace

std::vector<Row> cpu_fcm_suite(const Options& options) {
  ThreadPool pool(options.threads);
  std::vector<Row> rows;
  for (const FcmCase& fcm : selected_fcm_cases(options)) {
    CpuFcm measured(fcm, options, pool);
    const std::vector<Row> found = measured.rows();
    for (const Row& row : found) {
      std::printf("%-32s n%-3ld %-28s %9.4f ms  best %9.4f ms %6.2fx  error %.1g  %s\n",
                  row.layer.c_str(), static_cast<long>(row.batch), row.implementation.c_str(),
                  row.milliseconds, row.best_milliseconds,
                  found.front().best_milliseconds / row.best_milliseconds, row.error,
                  row.tile.c_str());
    }
    std::fflush(stdout);
    rows.insert(rows.end(), found.begin(), found.end());
  }
  return rows;
}

std::vector<Row> fcm_suite(const Options& options) {
  if (parse_device(options.device).kind == DeviceDesc::Kind::kCuda) {
    return device_fcm_suite(options);
  }
  return cpu_fcm_suite(options);
}

}  // namespace convoy::bench
