#include "bench/fcm_cpu_step.h"

#include <chrono>

#include "base/error.h"
#include "kernels/conv/conv.h"
#include "kernels/fused/cpu_run.h"

namespace convoy::bench {
namespace {

void fill(const Tensor& tensor) {
  std::uint64_t state = 5;
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    tensor.as<float>()[i] = static_cast<float>(static_cast<double>(state >> 33) * 0x1p-30 - 1);
  }
}

}  // namespace

double BoundKernel::milliseconds(ThreadPool& pool) const {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  run(pool);
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

FcmCpuStep::FcmCpuStep(const FcmCase& fcm, const DeviceDesc& device)
    : fcm_(fcm),
      device_(device),
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

std::vector<CpuEntry> FcmCpuStep::entries() const {
  std::vector<CpuEntry> found;
  for (const CpuEntry& entry : {CpuEntry{CpuModule::kDwPw, "fused.dwpw.cpu.f32"},
                                {CpuModule::kPwDw, "fused.pwdw.cpu.f32"},
                                {CpuModule::kPwDwR, "fused.pwdw_r.cpu.f32"},
                                {CpuModule::kPwPw, "fused.pwpw.cpu.f32"},
                                {CpuModule::kPwDwPw, "fused.pwdwpw.cpu.f32"}}) {
    if (can_run(*find_implementation(entry.name), op_.desc(), device_)) found.push_back(entry);
  }
  return found;
}

FcmCpuStep::Single FcmCpuStep::single(std::size_t i) const {
  const ConvDesc& d = fcm_.stages[i];
  ConvAttrs attrs = fcm_.attrs.stages[i].conv;
  if (i + 1 == fcm_.stages.size()) attrs.epilogue.residual = fcm_.attrs.residual;
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
  const Implementation& entry =
      *find_implementation(d.groups > 1 ? "depthwise.direct.cpu.f32" : "pointwise.gemm.cpu.f32");
  if (const Support support = can_run(entry, op, device_); !support) {
    fail(ErrorCode::kUnsupported, fcm_.name + ": " + support.reason);
  }
  return {&entry, entry.estimate(op, device_),
          BoundKernel(entry.prepare(op, device_), inputs, output, entry.workspace(op, device_))};
}

BoundKernel FcmCpuStep::fused(const CpuTile& tile) const {
  const FusedProblem of = problem();
  std::vector<TensorView> inputs = op_.inputs();
  inputs[kFusedX] = maps_.front().view();
  if (of.has_residual()) inputs[fused_residual(of.stages.size())] = residual();
  return {make_cpu_module(of, tile), inputs, maps_.back().view(),
          cpu_module_workspace(of, tile, device_.threads)};
}

}  // namespace convoy::bench
