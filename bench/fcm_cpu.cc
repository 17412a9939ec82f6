#include "bench/fcm_cpu.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>

#include "base/error.h"
#include "bench/cuda/fcm.h"
#include "bench/fcm_case.h"
#include "bench/fcm_op.h"
#include "device/name.h"
#include "kernels/conv/conv.h"
#include "kernels/fused/cpu_run.h"

namespace convoy::bench {
namespace {

// One kernel bound to operands and workspace of its own.
class BoundKernel {
 public:
  BoundKernel(std::unique_ptr<Kernel> kernel, std::vector<TensorView> inputs, TensorView output,
              std::size_t workspace_bytes)
      : kernel_(std::move(kernel)),
        inputs_(std::move(inputs)),
        output_{output},
        workspace_bytes_(workspace_bytes),
        workspace_(workspace_bytes) {}
  void run(ThreadPool& pool) const {
    kernel_->run({inputs_, {&output_, 1}, {workspace_.data(), workspace_bytes_}, pool});
  }
  std::size_t workspace_bytes() const { return workspace_bytes_; }

 private:
  std::unique_ptr<Kernel> kernel_;
  std::vector<TensorView> inputs_;
  TensorView output_;
  std::size_t workspace_bytes_;
  Buffer workspace_;
};

// What is timed: one kernel after the other.
struct Contender {
  std::string name, tile;
  std::vector<BoundKernel> kernels;
  double flops = 0, bytes = 0, workspace_bytes = 0;
  std::vector<double> milliseconds;

  double run_once(ThreadPool& pool) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    for (const BoundKernel& kernel : kernels) kernel.run(pool);
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }
  double best() const { return *std::min_element(milliseconds.begin(), milliseconds.end()); }
  double median() const {
    std::vector<double> sorted = milliseconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

void fill(const Tensor& tensor) {
  std::uint64_t state = 5;
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    tensor.as<float>()[i] = static_cast<float>(static_cast<double>(state >> 33) * 0x1p-30 - 1);
  }
}

// The maps, constants and contenders of one case.
class CpuFcm {
 public:
  CpuFcm(const FcmCase& fcm, const Options& options, ThreadPool& pool)
      : fcm_(fcm),
        options_(options),
        pool_(pool),
        device_(detect_cpu(pool.threads())),
        constants_(fcm, DType::kF32),
        op_(fcm, DType::kF32, Layout::kNhwc, 0, fcm.stages.size()),
        other_(DType::kF32, conv_y_shape(fcm.stages.back()), Layout::kNhwc) {
    op_.set_constants(constants_);
    maps_.emplace_back(DType::kF32, conv_x_shape(fcm.stages.front()), Layout::kNhwc);
    for (const ConvDesc& d : fcm.stages) {
      maps_.emplace_back(DType::kF32, conv_y_shape(d), Layout::kNhwc);
    }
    fill(maps_.front());
    fill(other_);
  }

  std::vector<Row> rows() {
    std::vector<Contender> contenders;
    contenders.push_back(unfused());
    struct Entry {
      CpuModule module;
      const char* name;
    };
    for (const auto& [module, name] : {Entry{CpuModule::kDwPw, "fused.dwpw.cpu.f32"},
                                       {CpuModule::kPwDw, "fused.pwdw.cpu.f32"},
                                       {CpuModule::kPwDwR, "fused.pwdw_r.cpu.f32"},
                                       {CpuModule::kPwPw, "fused.pwpw.cpu.f32"},
                                       {CpuModule::kPwDwPw, "fused.pwdwpw.cpu.f32"}}) {
      if (!selected(options_.implementations, name)) continue;
      if (!can_run(*find_implementation(name), op_.desc(), device_)) continue;
      const FusedProblem problem = fused_problem(op_.desc());
      contenders.push_back(fused(name, choose_cpu_tile(problem, module, device_)));
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
    contender.bytes = fcm_.bytes(DType::kF32) + fcm_.intermediate_bytes(DType::kF32);
    for (std::size_t i = 0; i < fcm_.stages.size(); ++i) {
      const ConvDesc& d = fcm_.stages[i];
      const bool last = i + 1 == fcm_.stages.size();
      ConvAttrs attrs = fcm_.attrs.stages[i].conv;
      if (last) attrs.epilogue.residual = fcm_.attrs.residual;
      const bool adds = attrs.epilogue.residual != Epilogue::Residual::kNone;
      const Attrs any = attrs;
      std::vector<TensorView> inputs{maps_[i].view(), constants_.stages()[i].w.view(),
                                     constants_.stages()[i].bias.view()};
      if (adds) inputs.push_back(residual());
      std::vector<TensorView> described = inputs;  // run-time operands have no contents
      described[kConvX].data = nullptr;
      if (adds) described[kConvResidual].data = nullptr;
      const bool absent[4] = {};
      TensorView y = maps_[i + 1].view();
      const TensorView output = y;
      y.data = nullptr;
      const OpDesc op{Op::kConv, &any, described, {absent, described.size()}, {&y, 1}};
      const Implementation& entry = *find_implementation(d.groups > 1 ? "depthwise.direct.cpu.f32"
                                                                      : "pointwise.gemm.cpu.f32");
      if (const Support support = can_run(entry, op, device_); !support) {
        fail(ErrorCode::kUnsupported, fcm_.name + ": " + support.reason);
      }
      contender.kernels.emplace_back(entry.prepare(op, device_), inputs, output,
                                     entry.workspace(op, device_));
    }
    return contender;
  }

  Contender fused(const std::string& name, const CpuTile& tile) const {
    const FusedProblem problem = fused_problem(op_.desc());
    Contender contender{.name = name, .tile = to_string(tile)};
    contender.bytes = fcm_.bytes(DType::kF32);
    std::vector<TensorView> inputs = op_.inputs();
    inputs[kFusedX] = maps_.front().view();
    if (problem.has_residual()) inputs[fused_residual(problem.stages.size())] = residual();
    const std::size_t bytes = cpu_module_workspace(problem, tile, pool_.threads());
    contender.kernels.emplace_back(make_cpu_module(problem, tile), inputs, maps_.back().view(),
                                   bytes);
    contender.workspace_bytes = static_cast<double>(bytes);
    return contender;
  }

  CpuTile fastest(const char* name, CpuModule module) {
    std::vector<CpuTile> tiles = cpu_tiles(fused_problem(op_.desc()), module, device_);
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

  TensorView residual() const { return fcm_.residual_is_x ? maps_.front().view() : other_.view(); }

  // y of a run over poisoned memory.
  std::vector<float> result(Contender& contender) {
    const Tensor& y = maps_.back();
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
    Row row{.suite = "fcm", .layer = fcm_.name, .implementation = contender.name, .layout = "nhwc"};
    row.batch = fcm_.stages.front().n;
    row.threads = pool_.threads();
    row.milliseconds = contender.median();
    row.best_milliseconds = contender.best();
    row.flops = fcm_.flops();
    row.bytes = contender.bytes;
    row.workspace_bytes = contender.workspace_bytes;
    row.error = error;
    row.tile = contender.tile;
    return row;
  }

  FcmCase fcm_;
  const Options& options_;
  ThreadPool& pool_;
  DeviceDesc device_;
  FcmConstants constants_;
  FcmOp op_;
  std::vector<Tensor> maps_;  // x, then what each stage makes
  Tensor other_;              // a residual that is not x
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
