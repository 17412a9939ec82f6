#include "kernels/depthwise/rows.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise/rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include "kernels/simd/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace {

// Output columns of a register tile. Seven divides 7, 14, 28, 56 and 112, the maps of nearly every
// network for 224 x 224 images, and with five weights and an input still fits 16 registers.
constexpr int kColumns = 7;

// Where one tile lies. Filter rows outside the map are left out of [r_begin, r_end); columns
// outside are tested for when `kChecked`.
struct Tile {
  const float* x;        // of this image and channel block
  const float* weights;  // of this block
  std::int64_t top, left;
  std::int64_t r_begin, r_end;
  std::int64_t channels;  // present in this block
  std::int64_t columns;   // stored of kColumns
};

template <bool kPartial>
HWY_INLINE VF load_channels(F32 d, const float* p, std::int64_t channels) {
  return kPartial ? load_partial(d, p, channels) : hn::LoadU(d, p);
}

inline bool inside(std::int64_t i, std::int64_t extent) {
  return static_cast<std::uint64_t>(i) < static_cast<std::uint64_t>(extent);
}

// Filters kS wide without dilation: each input column is loaded once and serves every output column
// of the tile that it touches; a row of weights stays in registers.
template <int kS, int kStride, bool kChecked, bool kPartial>
HWY_INLINE void accumulate(F32 d, const ConvDesc& desc, const Tile& t, VF (&acc)[kColumns]) {
  constexpr int kInputs = (kColumns - 1) * kStride + kS;
  for (std::int64_t r = t.r_begin; r < t.r_end; ++r) {
    const std::int64_t row = (t.top + r * desc.dilation_h) * desc.w + t.left;
    const float* x = t.x + row * desc.c;
    VF taps[kS];
#pragma GCC unroll 8
    for (int s = 0; s < kS; ++s) taps[s] = hn::Load(d, t.weights + (r * kS + s) * kLanes);
#pragma GCC unroll 32
    for (int j = 0; j < kInputs; ++j) {
      if (kChecked && !inside(t.left + j, desc.w)) continue;
      const VF input = load_channels<kPartial>(d, x + j * desc.c, t.channels);
#pragma GCC unroll 8
      for (int s = 0; s < kS; ++s) {
        const int column = (j - s) / kStride;
        if (j >= s && (j - s) % kStride == 0 && column < kColumns) {
          acc[column] = hn::MulAdd(input, taps[s], acc[column]);
        }
      }
    }
  }
}

// Any width, stride and dilation.
template <bool kChecked, bool kPartial>
HWY_INLINE void accumulate_any(F32 d, const ConvDesc& desc, const Tile& t, VF (&acc)[kColumns]) {
  for (std::int64_t r = t.r_begin; r < t.r_end; ++r) {
    const std::int64_t row = (t.top + r * desc.dilation_h) * desc.w;
    for (std::int64_t s = 0; s < desc.s; ++s) {
      const VF tap = hn::Load(d, t.weights + (r * desc.s + s) * kLanes);
      const std::int64_t first = t.left + s * desc.dilation_w;
#pragma GCC unroll 8
      for (int column = 0; column < kColumns; ++column) {
        const std::int64_t at = first + column * desc.stride_w;
        if (kChecked && !inside(at, desc.w)) continue;
        const VF input = load_channels<kPartial>(d, t.x + (row + at) * desc.c, t.channels);
        acc[column] = hn::MulAdd(input, tap, acc[column]);
      }
    }
  }
}

// Where a tile's results go, and what is added to them.
struct Target {
  std::int64_t y_offset;
  std::int64_t channel;
};

inline bool is_simple(const DepthwiseRows& rows) {
  return is_clamp(rows.activation) && !(rows.residual && rows.residual_after);
}

// Each accumulator is read once and never written, so that all stay in registers.
template <bool kPartial>
HWY_INLINE void finish_in_registers(F32 d, const DepthwiseRows& rows, const Tile& t,
                                    const Target& to, const VF (&acc)[kColumns]) {
  const Clamp clamp(d, rows.activation);
  const VF bias =
      rows.bias ? load_channels<kPartial>(d, rows.bias + to.channel, t.channels) : hn::Zero(d);
  // Copies, because the compiler must take a vector store for one that may change their sources.
  float* y = rows.y + to.y_offset;
  const float* residual = rows.residual ? rows.residual + to.y_offset : nullptr;
  const std::int64_t step = rows.desc->c, columns = t.columns, channels = t.channels;
#pragma GCC unroll 8
  for (int column = 0; column < kColumns; ++column) {
    if (column < columns) {
      VF v = hn::Add(acc[column], bias);
      if (residual) {
        v = hn::Add(v, load_channels<kPartial>(d, residual + column * step, channels));
      }
      if (kPartial) {
        store_partial(d, clamp(v), y + column * step, channels);
      } else {
        hn::StoreU(clamp(v), d, y + column * step);
      }
    }
  }
}

// Any epilogue, over accumulators in memory.
HWY_NOINLINE void finish_any(const DepthwiseRows& rows, const Tile& t, const Target& to,
                             const float* acc) {
  const F32 d;
  for (std::int64_t column = 0; column < t.columns; ++column) {
    const std::int64_t at = to.y_offset + column * rows.desc->c;
    VF v = hn::Load(d, acc + column * kLanes);
    VF residual = hn::Zero(d);
    if (rows.bias) v = hn::Add(v, load_partial(d, rows.bias + to.channel, t.channels));
    if (rows.residual) residual = load_partial(d, rows.residual + at, t.channels);
    if (!rows.residual_after) v = hn::Add(v, residual);
    v = apply_activation(d, rows.activation, v);
    if (rows.residual_after) v = hn::Add(v, residual);
    store_partial(d, v, rows.y + at, t.channels);
  }
}

// kS 0: any filter.
template <int kS, int kStride, bool kChecked, bool kPartial>
HWY_NOINLINE void compute_tile(const DepthwiseRows& rows, const Tile& t, const Target& to) {
  const F32 d;
  VF acc[kColumns];
#pragma GCC unroll 8
  for (int column = 0; column < kColumns; ++column) acc[column] = hn::Zero(d);
  if constexpr (kS > 0) {
    accumulate<kS, kStride, kChecked, kPartial>(d, *rows.desc, t, acc);
  } else {
    accumulate_any<kChecked, kPartial>(d, *rows.desc, t, acc);
  }
  if (is_simple(rows)) return finish_in_registers<kPartial>(d, rows, t, to, acc);
  HWY_ALIGN float spilled[kColumns * kLanes];
#pragma GCC unroll 8
  for (int column = 0; column < kColumns; ++column) {
    hn::Store(acc[column], d, spilled + column * kLanes);
  }
  finish_any(rows, t, to, spilled);
}

// One output row of one channel block.
template <int kS, int kStride>
void compute_row(const DepthwiseRows& rows, Tile t, std::int64_t p, std::int64_t channel) {
  const ConvDesc& d = *rows.desc;
  const std::int64_t q_extent = d.q();
  const std::int64_t reach = (kColumns - 1) * d.stride_w + (d.s - 1) * d.dilation_w;
  for (std::int64_t q = 0; q < q_extent; q += kColumns) {
    t.left = q * d.stride_w - d.pad_left;
    t.columns = std::min<std::int64_t>(kColumns, q_extent - q);
    const Target to{(p * q_extent + q) * d.c + channel, channel};
    const bool whole = t.left >= 0 && t.left + reach < d.w && t.columns == kColumns;
    if (t.channels < kLanes) {
      compute_tile<kS, kStride, true, true>(rows, t, to);
    } else if (whole) {
      compute_tile<kS, kStride, false, false>(rows, t, to);
    } else {
      compute_tile<kS, kStride, true, false>(rows, t, to);
    }
  }
}

using RowFunction = void (*)(const DepthwiseRows&, Tile, std::int64_t, std::int64_t);

RowFunction choose_row(const ConvDesc& d) {
  if (d.dilation_w != 1 || d.stride_w > 2) return compute_row<0, 0>;
  const bool one = d.stride_w == 1;
  switch (d.s) {
    case 3:
      return one ? compute_row<3, 1> : compute_row<3, 2>;
    case 5:
      return one ? compute_row<5, 1> : compute_row<5, 2>;
    case 7:
      return one ? compute_row<7, 1> : compute_row<7, 2>;
    default:
      return compute_row<0, 0>;
  }
}

void compute_rows(const DepthwiseRows& rows) {
  const ConvDesc& d = *rows.desc;
  const RowFunction row = choose_row(d);
  for (std::int64_t p = rows.p_begin; p < rows.p_end; ++p) {
    Tile t{};
    t.top = p * d.stride_h - d.pad_top;
    t.r_begin = t.top < 0 ? (-t.top + d.dilation_h - 1) / d.dilation_h : 0;
    t.r_end = t.top < d.h ? std::min(d.r, (d.h - t.top + d.dilation_h - 1) / d.dilation_h) : 0;
    for (std::int64_t block = rows.block_begin; block < rows.block_end; ++block) {
      const std::int64_t channel = block * kLanes;
      t.x = rows.x + channel;
      t.weights = rows.weights + channel * d.r * d.s;
      t.channels = std::min(kLanes, d.c - channel);
      row(rows, t, p, channel);
    }
  }
}

void pack(const ConvDesc& d, const float* weights, float* packed) {
  const std::int64_t taps = d.r * d.s, blocks = (d.c + kLanes - 1) / kLanes;
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      for (std::int64_t lane = 0; lane < kLanes; ++lane) {
        const std::int64_t channel = block * kLanes + lane;
        *packed++ = channel < d.c ? weights[channel * taps + tap] : 0.0f;
      }
    }
  }
}

const DepthwiseKernels& kernels() {
  static const DepthwiseKernels table{
      .target = hwy::TargetName(HWY_TARGET),
      .lanes = kLanes,
      .pack = pack,
      .rows = compute_rows,
  };
  return table;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {

HWY_EXPORT(kernels);

const DepthwiseKernels& depthwise_kernels() { return HWY_DYNAMIC_DISPATCH(kernels)(); }

}  // namespace convoy
#endif
