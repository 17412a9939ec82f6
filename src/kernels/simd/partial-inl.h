// Loads and stores of the first lanes of a vector that touch no other byte, on every target.
// Include inside a file compiled by hwy/foreach_target.h, after hwy/highway.h.
#if defined(CONVOY_KERNELS_SIMD_PARTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_KERNELS_SIMD_PARTIAL_INL_H_
#undef CONVOY_KERNELS_SIMD_PARTIAL_INL_H_
#else
#define CONVOY_KERNELS_SIMD_PARTIAL_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Highway's masked load reads whole vectors below AVX2, and its masked store goes lane by lane.
#define CONVOY_NATIVE_MASKS (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3)

// p[0, count), zeros above. 0 <= count <= lanes.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_partial(D d, const T* p, std::int64_t count) {
#if CONVOY_NATIVE_MASKS
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, p);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(D())] = {};
  for (std::int64_t i = 0; i < count; ++i) lanes[i] = p[i];
  return hn::Load(d, lanes);
#endif
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_partial(D d, hn::Vec<D> v, T* p, std::int64_t count) {
#if CONVOY_NATIVE_MASKS
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, p);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  for (std::int64_t i = 0; i < count; ++i) p[i] = lanes[i];
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#endif
