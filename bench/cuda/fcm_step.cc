#include "bench/cuda/fcm_step.h"

#include <algorithm>

namespace convoy::bench {
namespace {

cuda::DeviceBuffer on_device(const cuda::Device& device, const Tensor& tensor) {
  cuda::DeviceBuffer buffer(device, tensor.view().bytes());
  buffer.upload(tensor.view().data, buffer.bytes());
  return buffer;
}

}  // namespace

FcmStep::FcmStep(const FcmCase& fcm, DType dtype, const cuda::Device& device)
    : fcm_(fcm),
      dtype_(dtype),
      device_(device),
      constants_(fcm, dtype),
      checker_(device, dtype),
      whole_(fcm, dtype, Layout::kNhwc, 0, fcm.stages.size()) {
  whole_.set_constants(constants_);
  maps_.emplace_back(device, whole_.inputs()[kFusedX].bytes());
  checker_.fill(maps_[0], 1);
  for (std::size_t i = 0; i < fcm.stages.size(); ++i) {
    stages_.emplace_back(fcm, dtype, Layout::kNhwc, i, i + 1);
    stages_[i].set_constants(constants_);
    maps_.emplace_back(device, stages_[i].output().bytes());
    const FcmConstants::Stage& from = constants_.stages()[i];
    device_constants_.push_back(
        {on_device(device, from.w), on_device(device, from.bias), on_device(device, from.scale)});
  }
  fused_y_ = cuda::DeviceBuffer(device, whole_.output().bytes());
  if (fcm.attrs.residual != Epilogue::Residual::kNone && !fcm.residual_is_x) {
    residual_ = cuda::DeviceBuffer(device, fused_y_.bytes());
    checker_.fill(residual_, 2);
  }
}

void FcmStep::run(const FcmOp& op, const void* x, void* y, const Kernel& kernel,
                  CUstream stream) const {
  static ThreadPool pool(1);
  std::vector<TensorView> inputs = op.inputs();
  inputs[kFusedX].data = const_cast<void*>(x);
  // The residual is the last operand of the steps that have one.
  if (std::get<FusedConvAttrs>(*op.desc().attrs).residual != Epilogue::Residual::kNone) {
    inputs.back().data = residual().data();
  }
  TensorView output = op.output();
  output.data = y;
  kernel.run({inputs, {&output, 1}, {}, pool, stream});
}

void FcmStep::run_whole(const Kernel& kernel, CUstream stream) const {
  run(whole_, maps_[0].data(), fused_y_.data(), kernel, stream);
}

void FcmStep::run_stage(std::size_t i, const Kernel& kernel, CUstream stream) const {
  run(stages_[i], maps_[i].data(), maps_[i + 1].data(), kernel, stream);
}

void FcmStep::poison_stages() {
  for (std::size_t i = 0; i < stages_.size(); ++i) poison_stage(i);
}

double FcmStep::stages_error() const {
  double worst = 0;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const FusedConvStage& attrs = fcm_.attrs.stages[i];
    const bool last = i + 1 == stages_.size();
    RanConv ran{.desc = fcm_.stages[i],
                .activation = attrs.conv.epilogue.activation,
                .residual_kind = last ? fcm_.attrs.residual : Epilogue::Residual::kNone,
                .y_scale = attrs.y_scale,
                .residual_scale = fcm_.attrs.residual_scale,
                .split = fused_problem(stage(i)).precision == Precision::kSplit,
                .x = maps_[i].data(),
                .w = device_constants_[i].w.data(),
                .bias = device_constants_[i].bias.data(),
                .scale = device_constants_[i].scale.data(),
                .residual = residual().data(),
                .y = maps_[i + 1].data()};
    worst = std::max(worst, checker_.error(ran));
  }
  return worst;
}

double FcmStep::whole_error() const {
  return checker_.difference(maps_.back().data(), fused_y_.data(), fused_y_.bytes());
}

}  // namespace convoy::bench
