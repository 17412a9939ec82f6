// One pair or block with its operands on a GPU, to be run fused and convolution by convolution, by
// ours and by peers, and checked.
#pragma once

#include <memory>
#include <vector>

#include "bench/cuda/fcm_check.h"
#include "bench/fcm_op.h"
#include "cuda/memory.h"

namespace convoy::bench {

class FcmStep {
 public:
  // NHWC. Throws kOutOfMemory naming what is short.
  FcmStep(const FcmCase& fcm, DType dtype, const cuda::Device& device);

  const FcmCase& fcm() const { return fcm_; }
  DType dtype() const { return dtype_; }
  const cuda::Device& device() const { return device_; }
  const FcmConstants& constants() const { return constants_; }
  const FcmChecker& checker() const { return checker_; }

  // The steps, weights known.
  OpDesc whole() const { return whole_.desc(); }
  OpDesc stage(std::size_t i) const { return stages_[i].desc(); }

  // What convolution i takes and what it makes; the last makes y. Nothing but the sequence of
  // convolutions writes here.
  const cuda::DeviceBuffer& map(std::size_t i) const { return maps_[i]; }
  const cuda::DeviceBuffer& residual() const { return fcm_.residual_is_x ? maps_[0] : residual_; }

  void run_whole(const Kernel& kernel, CUstream stream) const;  // into a y of its own
  void run_stage(std::size_t i, const Kernel& kernel, CUstream stream) const;

  // Fills what is written with NaN, or the most negative s8, so that an output that is not written
  // shows.
  void poison_whole() { fused_y_.fill(poison()); }
  void poison_stage(std::size_t i) { maps_[i + 1].fill(poison()); }
  void poison_stages();
  // Largest error over its bound: of each convolution as the sequence ran it, its own input taken
  // as given; and of the whole against what the sequence made.
  double stages_error() const;
  double whole_error() const;

 private:
  struct DeviceConstants {
    cuda::DeviceBuffer w, bias, scale;
  };
  unsigned char poison() const { return dtype_ == DType::kS8 ? 0x80 : 0xff; }
  void run(const FcmOp& op, const void* x, void* y, const Kernel& kernel, CUstream stream) const;

  FcmCase fcm_;
  DType dtype_;
  const cuda::Device& device_;
  FcmConstants constants_;
  FcmChecker checker_;
  FcmOp whole_;
  std::vector<FcmOp> stages_;
  std::vector<cuda::DeviceBuffer> maps_;
  cuda::DeviceBuffer residual_, fused_y_;
  std::vector<DeviceConstants> device_constants_;
};

}  // namespace convoy::bench
