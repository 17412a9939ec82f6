#include "cli/bench_conv.h"

#include <cstdio>

#include "cli/conv_timer.h"

namespace convoy::cli {
namespace {

bool is_reference(const Implementation& entry) {
  return entry.name.find("reference") != std::string_view::npos;
}

// One problem on one device, as a table and as rows.
class ConvBench {
 public:
  ConvBench(const ConvDesc& desc, const ConvBenchOptions& options, bool quiet)
      : desc_(desc), options_(options), quiet_(quiet) {
    timer_ = on_gpu() ? cuda_conv_timer(desc, options.dtype, options.layout, options.device.ordinal)
                      : cpu_conv_timer(desc, options.dtype, options.layout, options.threads);
  }

  Json run() {
    print_head();
    Json rows = Json::array();
    for (const Implementation* entry : implementations(Op::kConv)) {
      if (entry->device != options_.device.kind) continue;
      if (entry->name.find(options_.kernels) == std::string_view::npos) continue;
      const Support support = can_run(*entry, timer_->op(), timer_->device());
      rows.push_back(support ? measure(*entry) : decline(*entry, support));
    }
    return rows;
  }

 private:
  bool on_gpu() const { return options_.device.kind == DeviceDesc::Kind::kCuda; }
  // What the table counts in: TFLOP/s on a GPU, GFLOP/s on the CPU.
  double rate_unit() const { return on_gpu() ? 1e12 : 1e9; }

  void print_head() const {
    if (quiet_) return;
    const DeviceDesc& device = timer_->device();
    const std::string where = on_gpu() ? device.name + " (" + to_string(options_.device) + ")"
                                       : std::to_string(device.threads) + " threads";
    std::printf("%s, %s %s, %s\n%-34s %10s %10s %14s\n", to_string(desc_).c_str(),
                std::string(to_string(options_.dtype)).c_str(),
                std::string(to_string(options_.layout)).c_str(), where.c_str(), "kernel", "ms",
                on_gpu() ? "TFLOP/s" : "GFLOP/s", "workspace");
  }

  Json decline(const Implementation& entry, const Support& support) const {
    const std::string name(entry.name);
    if (!quiet_) std::printf("%-34s declined: %s\n", name.c_str(), support.reason.c_str());
    return {{"impl", name}, {"declined", support.reason}};
  }

  Json measure(const Implementation& entry) {
    // The reference is here for correctness; a second of it is no measurement anybody needs.
    const StopRule rule = is_reference(entry) ? StopRule{0, 0, 1} : options_.rule;
    const std::size_t workspace = entry.workspace(timer_->op(), timer_->device());
    const double ms = timer_->measure(entry, rule).median();
    if (!quiet_) {
      std::printf("%-34s %10.4f %10.*f %14s\n", std::string(entry.name).c_str(), ms,
                  on_gpu() ? 2 : 1, static_cast<double>(desc_.flops()) / (ms * 1e-3) / rate_unit(),
                  human_bytes(workspace).c_str());
    }
    const DeviceDesc& device = timer_->device();
    Json row = {{"suite", "conv"},
                {"problem", to_string(desc_)},
                {"impl", entry.name},
                {"device", on_gpu() ? "cuda" : "cpu"},
                {"device_name", device.name},
                {"dtype", to_string(options_.dtype)},
                {"layout", to_string(options_.layout)},
                {"batch", desc_.n}};
    if (!on_gpu()) row["threads"] = device.threads;
    row.update({{"ms", ms}, {"flops", desc_.flops()}, {"workspace_bytes", workspace}});
    return row;
  }

  const ConvDesc desc_;
  const ConvBenchOptions& options_;
  const bool quiet_;
  std::unique_ptr<ConvTimer> timer_;
};

}  // namespace

Json bench_conv(const ConvDesc& desc, const ConvBenchOptions& options, bool quiet) {
  return ConvBench(desc, options, quiet).run();
}

}  // namespace convoy::cli
