// The cost models of the CPU against what is measured and counted.
#include <algorithm>
#include <cstdio>
#include <random>

#include "bench/fcm_cpu_step.h"
#include "bench/planner.h"
#include "kernels/fused/cpu_count.h"
#include "kernels/fused/cpu_run.h"

namespace convoy::bench {
namespace {

constexpr std::size_t kLeastRuns = 7;

// One row with what it is measured of.
struct Contender {
  Row row;
  BoundKernel kernel;
};

class CpuPlanner {
 public:
  CpuPlanner(const FcmCase& fcm, const Options& options, ThreadPool& pool)
      : options_(options), pool_(pool), device_(detect_cpu(pool.threads())), step_(fcm, device_) {}

  std::vector<Row> rows() {
    for (std::size_t i = 0; i < step_.fcm().stages.size(); ++i) add_single(i);
    for (const CpuEntry& entry : step_.entries()) {
      if (selected(options_.implementations, entry.name)) add_tiles(entry);
    }
    measure();
    std::vector<Row> rows;
    for (const Contender& one : contenders_) rows.push_back(one.row);
    return rows;
  }

 private:
  Row row(const std::string& layer, std::string_view implementation,
          const Estimate& estimate) const {
    Row row{.suite = "planner",
            .layer = layer,
            .implementation = std::string(implementation),
            .layout = "nhwc"};
    row.batch = step_.fcm().stages.front().n;
    row.threads = pool_.threads();
    row.device_name = device_.name;
    row.l2_bytes = static_cast<double>(device_.l3_bytes);  // what stays near: all of its caches
    row.predicted_milliseconds = estimate.seconds * 1e3;
    row.predicted_l2_bytes = estimate.bytes_l2;
    row.predicted_dram_bytes = estimate.bytes_dram;
    return row;
  }

  void add_single(std::size_t i) {
    FcmCpuStep::Single single = step_.single(i);
    const ConvDesc& d = step_.fcm().stages[i];
    if (!selected(options_.implementations, std::string(single.entry->name))) return;
    Contender one{row(step_.fcm().name + " stage " + std::to_string(i + 1), single.entry->name,
                      single.estimate),
                  std::move(single.kernel)};
    one.row.module = d.groups > 1 ? "dw" : "pw";
    one.row.flops = static_cast<double>(d.flops());
    one.row.bytes = static_cast<double>(
        4 * (conv_x_shape(d).elements() + conv_w_shape(d).elements() + conv_y_shape(d).elements()));
    contenders_.push_back(std::move(one));
  }

  // The tile that the model chooses and, of the others, the same draw for the same problem.
  void add_tiles(const CpuEntry& entry) {
    const FusedProblem problem = step_.problem();
    std::vector<CpuTile> tiles = ranked_cpu_tiles(problem, entry.module, device_);
    std::mt19937 random(std::hash<std::string>()(step_.fcm().name) & 0xffffffff);
    std::shuffle(tiles.begin() + 1, tiles.end(), random);
    tiles.resize(std::min(tiles.size(), 1 + options_.candidates));
    for (const CpuTile& tile : tiles) {
      const Estimate estimate{.seconds = cpu_seconds(problem, tile, device_)};
      Contender one{row(step_.fcm().name, entry.name, estimate), step_.fused(tile)};
      one.row.module = step_.fcm().module;
      one.row.marks = step_.fcm().marks;
      one.row.flops = step_.fcm().flops();
      one.row.bytes = step_.fcm().bytes(DType::kF32);
      one.row.workspace_bytes = static_cast<double>(one.kernel.workspace_bytes());
      one.row.tile = to_string(tile);
      one.row.chosen_by = tile == tiles.front() ? "model" : "sample";
      count(problem, tile, one);
      contenders_.push_back(std::move(one));
    }
  }

  void count(const FusedProblem& problem, const CpuTile& tile, Contender& one) {
    ThreadPool alone(1, ThreadPool::Idle::kSleep);
    const CpuTraffic said = cpu_traffic(problem, tile, device_);
    const CpuTraffic is = count_cpu_traffic(problem, tile, device_, one.kernel.args(alone));
    const auto level = [](const char* name, const CpuBytes& a, const CpuBytes& b) {
      return LevelBytes{name, a.total(), b.total()};
    };
    one.row.levels = {level("registers", said.registers, is.registers), level("l2", said.l2, is.l2),
                      level("l3", said.l3, is.l3), level("dram", said.dram, is.dram)};
    one.row.predicted_l2_bytes = said.l2.total();
    one.row.predicted_dram_bytes = said.dram.total();
  }

  // All in turn, so that what else the machine does meets all alike.
  void measure() {
    std::vector<std::vector<double>> times(contenders_.size());
    double total = 0;
    do {
      for (std::size_t i = 0; i < contenders_.size(); ++i) {
        times[i].push_back(contenders_[i].kernel.milliseconds(pool_));
        total += times[i].back();
      }
    } while (total < options_.seconds * 1e3 * static_cast<double>(contenders_.size()) ||
             times.front().size() < kLeastRuns);
    for (std::size_t i = 0; i < contenders_.size(); ++i) {
      std::sort(times[i].begin(), times[i].end());
      contenders_[i].row.milliseconds = times[i][times[i].size() / 2];
      contenders_[i].row.best_milliseconds = times[i].front();
    }
  }

  const Options& options_;
  ThreadPool& pool_;
  DeviceDesc device_;
  FcmCpuStep step_;
  std::vector<Contender> contenders_;
};

void print(const Row& row) {
  std::printf("%-32s n%-3ld %-24s predicted %9.1f us, measured %9.1f us", row.layer.c_str(),
              static_cast<long>(row.batch), row.implementation.c_str(),
              row.predicted_milliseconds * 1e3, row.best_milliseconds * 1e3);
  for (const LevelBytes& level : row.levels) {
    std::printf("  %s %.3g MB, counted %.3g", level.name, level.predicted / 1e6,
                level.counted / 1e6);
  }
  std::printf("  %s\n", row.tile.c_str());
}

}  // namespace

std::vector<Row> cpu_planner_suite(const Options& options) {
  ThreadPool pool(options.threads);
  std::vector<Row> rows;
  for (const FcmCase& fcm : selected_fcm_cases(options)) {
    for (const Row& row : CpuPlanner(fcm, options, pool).rows()) {
      print(row);
      rows.push_back(row);
    }
    std::fflush(stdout);
  }
  return rows;
}

}  // namespace convoy::bench
