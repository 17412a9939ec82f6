// Bodies of micro.h's register kernels, compiled once per instruction set.
#if defined(CONVOY_KERNELS_CONV_MICRO_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_KERNELS_CONV_MICRO_INL_H_
#undef CONVOY_KERNELS_CONV_MICRO_INL_H_
#else
#define CONVOY_KERNELS_CONV_MICRO_INL_H_
#endif

#include <hwy/highway.h>

#include "base/unary_reference.h"
#include "kernels/conv/micro.h"
#include "kernels/simd/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 32 registers hold 12 x 2, 8 x 3 or 6 x 4 accumulators, one row of weights and a broadcast; 16
// hold 6 x 2. The tall blocks matter to short windows: a 3-channel stem has 27 taps per block.
#if HWY_TARGET == HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kVectors = 4;
constexpr int rows_of(int vectors) { return vectors <= 2 ? 12 : 24 / vectors; }
#else
constexpr int kVectors = 2;
constexpr int rows_of(int /*vectors*/) { return 6; }
#endif

// Loads and stores of the first `count` lanes that touch no byte beyond them. Highway's own are
// free to touch whole vectors below AVX2.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_n(D d, const T* p, std::int64_t count) {
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) return hn::LoadU(d, p);
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  alignas(64) T lanes[hn::MaxLanes(D())] = {};
  for (std::int64_t i = 0; i < count; ++i) lanes[i] = p[i];
  return hn::Load(d, lanes);
#endif
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_n(D d, hn::Vec<D> v, T* p, std::int64_t count) {
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) return hn::StoreU(v, d, p);
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  alignas(64) T lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  for (std::int64_t i = 0; i < count; ++i) p[i] = lanes[i];
#endif
}

// --- lanes are output channels ------------------------------------------------------------------

template <class T, int kM, int kN>
HWY_NOINLINE void channels_block(const ChannelBlock<T>& b) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const WindowLoop& window = *b.window;
  const std::int64_t width = b.width;
  const T* pixels[kM];
  V sums[kM][kN];
#pragma GCC unroll 12
  for (int m = 0; m < kM; ++m) {
    pixels[m] = b.pixels[m];
#pragma GCC unroll 4
    for (int n = 0; n < kN; ++n) {
      sums[m][n] = b.resume ? hn::Load(d, b.tile + m * width + n * lanes) : hn::Zero(d);
    }
  }
  for (std::int64_t o = 0; o < window.outer.count; ++o) {
    for (std::int64_t r = 0; r < window.rows.count; ++r) {
      for (std::int64_t c = 0; c < window.columns.count; ++c) {
        const std::int64_t at =
            o * window.outer.data + r * window.rows.data + c * window.columns.data;
        const T* weights = b.weights + (window.weights + o * window.outer.weights +
                                        r * window.rows.weights + c * window.columns.weights) *
                                           width;
        for (std::int64_t i = at; i < at + window.length; ++i) {
          V w[kN];
#pragma GCC unroll 4
          for (int n = 0; n < kN; ++n) w[n] = hn::Load(d, weights + n * lanes);
          weights += width;
#pragma GCC unroll 12
          for (int m = 0; m < kM; ++m) {
            const V x = hn::Set(d, pixels[m][i]);
#pragma GCC unroll 4
            for (int n = 0; n < kN; ++n) sums[m][n] = hn::MulAdd(x, w[n], sums[m][n]);
          }
        }
      }
    }
  }
#pragma GCC unroll 12
  for (int m = 0; m < kM; ++m) {
#pragma GCC unroll 4
    for (int n = 0; n < kN; ++n) hn::Store(sums[m][n], d, b.tile + m * width + n * lanes);
  }
}

// Calls the block of exactly b.rows rows.
template <class T, int kN, int kM = rows_of(kN)>
HWY_INLINE void channels_rows(const ChannelBlock<T>& b) {
  if (b.rows == kM) return channels_block<T, kM, kN>(b);
  if constexpr (kM > 1) channels_rows<T, kN, kM - 1>(b);
}

template <class T>
void accumulate_channels(const ChannelBlock<T>& b) {
  switch (b.vectors) {
    case 1:
      return channels_rows<T, 1>(b);
    case 2:
      return channels_rows<T, 2>(b);
    case 3:
      if constexpr (kVectors == 4) return channels_rows<T, 3>(b);
      break;
    case 4:
      if constexpr (kVectors == 4) return channels_rows<T, 4>(b);
      break;
  }
}

// --- lanes are images ---------------------------------------------------------------------------

constexpr int kBatchRows = 6;

template <class D, int kN, bool kPartial, class T = hn::TFromD<D>>
HWY_NOINLINE void batch_block(const BatchBlock<T>& b) {
  const D d;
  using V = hn::Vec<D>;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const WindowLoop& window = *b.window;
  const T* images[kN];
  std::int64_t used[kN];
  V sums[kBatchRows][kN];
#pragma GCC unroll 4
  for (int n = 0; n < kN; ++n) {
    images[n] = b.images[n];
    used[n] = b.lanes_used[n];
#pragma GCC unroll 12
    for (int m = 0; m < kBatchRows; ++m) {
      sums[m][n] = b.resume ? hn::Load(d, b.tile + (m * kN + n) * lanes) : hn::Zero(d);
    }
  }
  for (std::int64_t o = 0; o < window.outer.count; ++o) {
    for (std::int64_t r = 0; r < window.rows.count; ++r) {
      for (std::int64_t c = 0; c < window.columns.count; ++c) {
        std::int64_t at = o * window.outer.data + r * window.rows.data + c * window.columns.data;
        const T* weights = b.weights + (window.weights + o * window.outer.weights +
                                        r * window.rows.weights + c * window.columns.weights) *
                                           kBatchRows;
        for (std::int64_t i = 0; i < window.length; ++i) {
          V x[kN];
#pragma GCC unroll 4
          for (int n = 0; n < kN; ++n) {
            x[n] = kPartial ? load_n(d, images[n] + at, used[n]) : hn::LoadU(d, images[n] + at);
          }
          at += window.step;
#pragma GCC unroll 12
          for (int m = 0; m < kBatchRows; ++m) {
            const V w = hn::Set(d, weights[m]);
#pragma GCC unroll 4
            for (int n = 0; n < kN; ++n) sums[m][n] = hn::MulAdd(w, x[n], sums[m][n]);
          }
          weights += kBatchRows;
        }
      }
    }
  }
#pragma GCC unroll 12
  for (int m = 0; m < kBatchRows; ++m) {
#pragma GCC unroll 4
    for (int n = 0; n < kN; ++n) hn::Store(sums[m][n], d, b.tile + (m * kN + n) * lanes);
  }
}

template <class D, int kN, class T = hn::TFromD<D>>
HWY_INLINE void batch_vectors(const BatchBlock<T>& b) {
  return b.partial ? batch_block<D, kN, true>(b) : batch_block<D, kN, false>(b);
}

template <class D, class T = hn::TFromD<D>>
void accumulate_batch(const BatchBlock<T>& b) {
  switch (b.vectors) {
    case 1:
      return batch_vectors<D, 1>(b);
    case 2:
      return batch_vectors<D, 2>(b);
    case 3:
      if constexpr (kVectors == 4) return batch_vectors<D, 3>(b);
      break;
    case 4:
      if constexpr (kVectors == 4) return batch_vectors<D, 4>(b);
      break;
  }
}

// --- epilogue -----------------------------------------------------------------------------------

// The transcendental kinds have no vector form in f64.
template <class D, class T = hn::TFromD<D>>
HWY_NOINLINE hn::Vec<D> activate_by_lane(D d, const Unary& f, hn::Vec<D> x) {
  alignas(64) T lanes[hn::MaxLanes(D())];
  hn::Store(x, d, lanes);
  for (T& lane : lanes) lane = static_cast<T>(unary_reference(f, static_cast<double>(lane)));
  return hn::Load(d, lanes);
}

template <class T, class Activate>
HWY_INLINE void finish_with(const FinishRows<T>& f, Activate activate) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto residual = f.epilogue->residual;
  if (f.bias != nullptr && f.count % lanes == 0 && residual == Epilogue::Residual::kNone) {
    for (int m = 0; m < f.rows; ++m) {
      const T* tile = f.tile + m * f.width;
      for (std::int64_t i = 0; i < f.count; i += lanes) {
        const V sum = hn::Add(hn::LoadU(d, tile + i), hn::LoadU(d, f.bias + i));
        hn::StoreU(activate(d, sum), d, f.y[m] + i);
      }
    }
    return;
  }
  for (int m = 0; m < f.rows; ++m) {
    const V row_bias = hn::Set(d, f.bias_of_row[m]);
    for (std::int64_t i = 0; i < f.count; i += lanes) {
      const std::int64_t left = f.count - i;
      V x = load_n(d, f.tile + m * f.width + i, left);
      x = hn::Add(x, f.bias != nullptr ? load_n(d, f.bias + i, left) : row_bias);
      if (residual == Epilogue::Residual::kBeforeActivation) {
        x = hn::Add(x, load_n(d, f.residual[m] + i, left));
      }
      x = activate(d, x);
      if (residual == Epilogue::Residual::kAfterActivation) {
        x = hn::Add(x, load_n(d, f.residual[m] + i, left));
      }
      store_n(d, x, f.y[m] + i, left);
    }
  }
}

template <UnaryKind kKind, class T>
void finish_as(const FinishRows<T>& f) {
  const Unary unary = f.epilogue->activation;
  finish_with(f, [&](auto d, auto x) HWY_ATTR { return activate_as<kKind>(d, unary, x); });
}

template <class T>
void finish_rows(const FinishRows<T>& f) {
  const Unary unary = f.epilogue->activation;
  switch (unary.kind) {
    case UnaryKind::kIdentity:
      return finish_as<UnaryKind::kIdentity>(f);
    case UnaryKind::kRelu:
      return finish_as<UnaryKind::kRelu>(f);
    case UnaryKind::kClip:
      return finish_as<UnaryKind::kClip>(f);
    case UnaryKind::kLeakyRelu:
      return finish_as<UnaryKind::kLeakyRelu>(f);
    case UnaryKind::kHardSigmoid:
      return finish_as<UnaryKind::kHardSigmoid>(f);
    case UnaryKind::kHardSwish:
      return finish_as<UnaryKind::kHardSwish>(f);
    default:
      finish_with(f, [&](auto d, auto x) HWY_ATTR {
        if constexpr (std::is_same_v<T, float>) {
          return activate(d, unary, x);
        } else {
          return activate_by_lane(d, unary, x);
        }
      });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#endif
