#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/micro.cc"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include "kernels/conv/micro-inl.h"
#include "kernels/conv/micro.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {

template <class T>
const MicroOps<T>* ops() {
  static constexpr MicroOps<T> kOps = {
      .lanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>())),
      .batch_lanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>())),
      .batch8_lanes = static_cast<int>(hn::MaxLanes(hn::CappedTag<T, 8>())),
      .max_vectors = kVectors,
      .rows_of = {0, rows_of(1), rows_of(2), rows_of(3), rows_of(4)},
      .batch_rows = kBatchRows,
      .channels = accumulate_channels<T>,
      .batch = accumulate_batch<hn::ScalableTag<T>>,
      .batch8 = accumulate_batch<hn::CappedTag<T, 8>>,
      .finish = finish_rows<T>,
  };
  return &kOps;
}

const MicroOps<float>* ops_f32() { return ops<float>(); }
const MicroOps<double>* ops_f64() { return ops<double>(); }

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {

HWY_EXPORT(ops_f32);
HWY_EXPORT(ops_f64);

template <>
const MicroOps<float>& micro_ops<float>() {
  return *HWY_DYNAMIC_DISPATCH(ops_f32)();
}
template <>
const MicroOps<double>& micro_ops<double>() {
  return *HWY_DYNAMIC_DISPATCH(ops_f64)();
}

}  // namespace convoy
#endif
