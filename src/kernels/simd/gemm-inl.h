// The register-blocked micro-kernel of a matrix product and its epilogue, for every target.
// Include inside a file compiled by hwy/foreach_target.h, after hwy/highway.h.
#if defined(CONVOY_KERNELS_SIMD_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_KERNELS_SIMD_GEMM_INL_H_
#undef CONVOY_KERNELS_SIMD_GEMM_INL_H_
#else
#define CONVOY_KERNELS_SIMD_GEMM_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/simd/epilogue-inl.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Register tiles: rows of a x vectors of b. With 32 registers 8 x 3 leaves 24 accumulators, three
// vectors of b and the broadcast, at 11 loads per 24 multiply-adds; narrower panels take more rows
// so that at least eight chains hide the latency of the additions. With 16 registers 6 x 2.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kPanelVectors = 3;
constexpr int kTileRows[] = {0, 14, 12, 8};
#elif HWY_TARGET == HWY_AVX2
constexpr int kPanelVectors = 2;
constexpr int kTileRows[] = {0, 10, 6};
#else
constexpr int kPanelVectors = 2;
constexpr int kTileRows[] = {0, 8, 4};
#endif

// One register tile's operands; `count` columns of y are stored.
struct Tile {
  const float* a;
  std::int64_t lda;
  const float* b;
  std::int64_t ldb;
  std::int64_t depth;
  std::int64_t count;
  float* y;
  std::int64_t ldy;
  GemmEpilogue epilogue;  // pointers of this tile's first row and column
};

// Epilogues that the micro-kernel applies in registers; the others go through finish_rows().
inline bool is_simple(const GemmEpilogue& e) {
  return e.scale == 1 && (e.activation.kind == UnaryKind::kIdentity || is_clamp(e.activation)) &&
         (e.addend == nullptr || (!e.addend_after && e.addend_column == 1 && e.addend_scale == 1));
}

// The general epilogue, over accumulators that the micro-kernel left in `acc` (rows x stride).
inline void finish_rows(const Tile& t, const float* acc, std::int64_t rows, std::int64_t stride) {
  const F32 d;
  const GemmEpilogue& e = t.epilogue;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < t.count; j += kLanes) {
      const std::int64_t count = std::min(kLanes, t.count - j);
      VF v = hn::Mul(hn::Load(d, acc + i * stride + j), hn::Set(d, e.scale));
      if (e.column_bias) v = hn::Add(v, load_partial(d, e.column_bias + j, count));
      if (e.row_bias) v = hn::Add(v, hn::Set(d, e.row_bias[i]));
      VF addend = hn::Zero(d);
      if (e.addend) {
        const float* row = e.addend + i * e.addend_row;
        addend = e.addend_column == 1 ? load_partial(d, row + j, count) : hn::Set(d, row[0]);
        addend = hn::Mul(addend, hn::Set(d, e.addend_scale));
        if (!e.addend_after) v = hn::Add(v, addend);
      }
      v = apply_activation(d, e.activation, v);
      if (e.addend && e.addend_after) v = hn::Add(v, addend);
      store_partial(d, v, t.y + i * t.ldy + j, count);
    }
  }
}

// Vectors of one row of the tile, the last one cut to what is there.
template <int kVectors, bool kFull>
HWY_INLINE VF load_vector(F32 d, const float* p, int v, std::int64_t count) {
  if (kFull || v + 1 < kVectors) return hn::LoadU(d, p + v * kLanes);
  return load_partial(d, p + v * kLanes, count - v * kLanes);
}

// Bias, addend, clamp and store. Each accumulator is read once and never written, without which GCC
// keeps all of them in memory; absent terms are neutral values instead of branches.
template <int kRows, int kVectors, bool kFull>
HWY_INLINE void finish_in_registers(F32 d, const Tile& t, const VF (&acc)[kRows][kVectors]) {
  const GemmEpilogue e = t.epilogue;  // a copy: vector stores might change the original
  float* y = t.y;
  const std::int64_t ldy = t.ldy, count = t.count;
  const Clamp clamp(d, e.activation);
  VF bias[kVectors];
#pragma GCC unroll 3
  for (int v = 0; v < kVectors; ++v) {
    bias[v] =
        e.column_bias ? load_vector<kVectors, kFull>(d, e.column_bias, v, count) : hn::Zero(d);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    float* row = y + i * ldy;
    const float* addend = e.addend ? e.addend + i * e.addend_row : nullptr;
    const VF row_bias = e.row_bias ? hn::Set(d, e.row_bias[i]) : hn::Zero(d);
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) {
      VF value = hn::Add(acc[i][v], hn::Add(bias[v], row_bias));
      if (addend) value = hn::Add(value, load_vector<kVectors, kFull>(d, addend, v, count));
      value = clamp(value);
      if (kFull || v + 1 < kVectors) {
        hn::StoreU(value, d, row + v * kLanes);
      } else {
        store_partial(d, value, row + v * kLanes, count - v * kLanes);
      }
    }
  }
}

// kPartialB: b's last vector must not be read beyond `count` columns (it is not packed).
template <int kRows, int kVectors, bool kPartialB>
HWY_NOINLINE void multiply_tile(const Tile& t) {
  const F32 d;
  VF acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) acc[i][v] = hn::Zero(d);
  }
  const float* a = t.a;
  const float* b = t.b;
  for (std::int64_t kk = 0; kk < t.depth; ++kk, ++a, b += t.ldb) {
    VF column[kVectors];
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) {
      column[v] = load_vector<kVectors, !kPartialB>(d, b, v, t.count);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const VF row = hn::Set(d, a[i * t.lda]);
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) acc[i][v] = hn::MulAdd(row, column[v], acc[i][v]);
    }
  }
  if (is_simple(t.epilogue)) {
    if (t.count == kVectors * kLanes) {
      finish_in_registers<kRows, kVectors, true>(d, t, acc);
    } else {
      finish_in_registers<kRows, kVectors, false>(d, t, acc);
    }
    return;
  }
  HWY_ALIGN float spilled[kRows * kVectors * kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(acc[i][v], d, spilled + (i * kVectors + v) * kLanes);
    }
  }
  finish_rows(t, spilled, kRows, kVectors * kLanes);
}

template <int kRows, int kVectors, bool kPartialB>
HWY_INLINE void multiply_rest(const Tile& t, std::int64_t rows) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return multiply_tile<kRows, kVectors, kPartialB>(t);
    multiply_rest<kRows - 1, kVectors, kPartialB>(t, rows);
  }
}

// All rows of the block times one panel: whole tiles, then one smaller.
template <int kVectors, bool kPartialB>
void multiply_panel(Tile t, std::int64_t rows) {
  constexpr int kRows = kTileRows[kVectors];
  const auto advance = [&t] {
    t.a += kRows * t.lda;
    t.y += kRows * t.ldy;
    if (t.epilogue.row_bias) t.epilogue.row_bias += kRows;
    if (t.epilogue.addend) t.epilogue.addend += kRows * t.epilogue.addend_row;
  };
  for (; rows >= kRows; rows -= kRows, advance()) multiply_tile<kRows, kVectors, kPartialB>(t);
  multiply_rest<kRows - 1, kVectors, kPartialB>(t, rows);
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#endif
