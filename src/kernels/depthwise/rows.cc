#include "kernels/depthwise/rows.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise/rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include "kernels/depthwise/stream-inl.h"
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
  const float* x;        // of this channel block, at the source's first row and column
  const float* weights;  // of this block
  std::int64_t left;
  std::int64_t slot;        // where filter row r_begin lies: x_row elements times this
  std::int64_t next, ring;  // slots from one filter row to the next, going round at `ring`
  std::int64_t r_begin, r_end;
  std::int64_t channels;  // present in this block
  std::int64_t columns;   // stored of kColumns
};

inline bool inside(std::int64_t i, std::int64_t extent) {
  return static_cast<std::uint64_t>(i) < static_cast<std::uint64_t>(extent);
}

// The filter rows of a tile that lie inside the map, and where their input does.
class FilterRows {
 public:
  FilterRows(const DepthwiseRows& rows, const Tile& t)
      : x_(t.x + (t.left - rows.x_left) * rows.x_pixel),
        pitch_(rows.x_row),
        slot_(t.slot),
        next_(t.next),
        ring_(t.ring) {}
  HWY_INLINE const float* x() const { return x_ + slot_ * pitch_; }
  HWY_INLINE void advance() {
    slot_ += next_;
    if (slot_ >= ring_) slot_ -= ring_;
  }

 private:
  const float* x_;
  std::int64_t pitch_, slot_, next_, ring_;
};

// Filters kS wide without dilation: each input column is loaded once and serves every output column
// of the tile that it touches; a row of weights stays in registers.
template <int kS, int kStride, bool kChecked, bool kPartial>
HWY_INLINE void accumulate(F32 d, const DepthwiseRows& rows, const Tile& t, VF (&acc)[kColumns]) {
  constexpr int kInputs = (kColumns - 1) * kStride + kS;
  const std::int64_t pixel = rows.x_pixel, left = t.left - rows.x_left;
  FilterRows from(rows, t);
  for (std::int64_t r = t.r_begin; r < t.r_end; ++r, from.advance()) {
    const float* x = from.x();
    VF taps[kS];
#pragma GCC unroll 8
    for (int s = 0; s < kS; ++s) taps[s] = hn::Load(d, t.weights + (r * kS + s) * kLanes);
#pragma GCC unroll 32
    for (int j = 0; j < kInputs; ++j) {
      if (kChecked && !inside(left + j, rows.x_columns)) continue;
      const VF input = load_channels<kPartial>(d, x + j * pixel, t.channels);
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
HWY_INLINE void accumulate_any(F32 d, const DepthwiseRows& rows, const Tile& t,
                               VF (&acc)[kColumns]) {
  const ConvDesc& desc = *rows.desc;
  FilterRows from(rows, t);
  for (std::int64_t r = t.r_begin; r < t.r_end; ++r, from.advance()) {
    const float* x = from.x();
    for (std::int64_t s = 0; s < desc.s; ++s) {
      const VF tap = hn::Load(d, t.weights + (r * desc.s + s) * kLanes);
      const std::int64_t first = s * desc.dilation_w;
#pragma GCC unroll 8
      for (int column = 0; column < kColumns; ++column) {
        const std::int64_t at = first + column * desc.stride_w;
        if (kChecked && !inside(t.left - rows.x_left + at, rows.x_columns)) continue;
        const VF input = load_channels<kPartial>(d, x + at * rows.x_pixel, t.channels);
        acc[column] = hn::MulAdd(input, tap, acc[column]);
      }
    }
  }
}

// Where a tile's results go, and what is added to them.
struct Target {
  float* y;
  const float* residual;  // or null
  const float* bias;      // or null
};

inline bool is_simple(const DepthwiseRows& rows) {
  return is_clamp(rows.activation) && !(rows.residual && rows.residual_after);
}

// Each accumulator is read once and never written, so that all stay in registers.
template <bool kPartial>
HWY_INLINE void finish_in_registers(F32 d, const DepthwiseRows& rows, const Tile& t,
                                    const Target& to, const VF (&acc)[kColumns]) {
  const Clamp clamp(d, rows.activation);
  const VF bias = to.bias ? load_channels<kPartial>(d, to.bias, t.channels) : hn::Zero(d);
  // Copies, because the compiler must take a vector store for one that may change their sources.
  float* y = to.y;
  const float* residual = to.residual;
  const std::int64_t y_step = rows.y_pixel, residual_step = rows.residual_pixel;
  const std::int64_t columns = t.columns, channels = t.channels;
#pragma GCC unroll 8
  for (int column = 0; column < kColumns; ++column) {
    if (column < columns) {
      VF v = hn::Add(acc[column], bias);
      if (residual) {
        v = hn::Add(v, load_channels<kPartial>(d, residual + column * residual_step, channels));
      }
      if (kPartial) {
        store_partial(d, clamp(v), y + column * y_step, channels);
      } else {
        hn::StoreU(clamp(v), d, y + column * y_step);
      }
    }
  }
}

// Any epilogue, over sums in memory, `pitch` elements apart.
HWY_NOINLINE void finish_any(const DepthwiseRows& rows, const Tile& t, const Target& to,
                             const float* acc, std::int64_t pitch) {
  const F32 d;
  for (std::int64_t column = 0; column < t.columns; ++column) {
    VF v = load_partial(d, acc + column * pitch, t.channels);
    VF residual = hn::Zero(d);
    if (to.bias) v = hn::Add(v, load_partial(d, to.bias, t.channels));
    if (to.residual) {
      residual = load_partial(d, to.residual + column * rows.residual_pixel, t.channels);
    }
    if (!rows.residual_after) v = hn::Add(v, residual);
    v = apply_activation(d, rows.activation, v);
    if (rows.residual_after) v = hn::Add(v, residual);
    store_partial(d, v, to.y + column * rows.y_pixel, t.channels);
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
    accumulate<kS, kStride, kChecked, kPartial>(d, rows, t, acc);
  } else {
    accumulate_any<kChecked, kPartial>(d, rows, t, acc);
  }
  if (is_simple(rows)) return finish_in_registers<kPartial>(d, rows, t, to, acc);
  HWY_ALIGN float spilled[kColumns * kLanes];
#pragma GCC unroll 8
  for (int column = 0; column < kColumns; ++column) {
    hn::Store(acc[column], d, spilled + column * kLanes);
  }
  finish_any(rows, t, to, spilled, kLanes);
}

// One output row of one channel block; `to` is at its column q_begin.
template <int kS, int kStride>
void compute_row(const DepthwiseRows& rows, Tile t, Target to) {
  const ConvDesc& d = *rows.desc;
  const std::int64_t reach = (kColumns - 1) * d.stride_w + (d.s - 1) * d.dilation_w;
  for (std::int64_t q = rows.q_begin; q < rows.q_end; q += kColumns) {
    t.left = q * d.stride_w - d.pad_left;
    t.columns = std::min<std::int64_t>(kColumns, rows.q_end - q);
    const bool whole = t.left >= 0 && t.left + reach < d.w && t.columns == kColumns;
    if (t.channels < kLanes) {
      compute_tile<kS, kStride, true, true>(rows, t, to);
    } else if (whole) {
      compute_tile<kS, kStride, false, false>(rows, t, to);
    } else {
      compute_tile<kS, kStride, true, false>(rows, t, to);
    }
    to.y += kColumns * rows.y_pixel;
    if (to.residual) to.residual += kColumns * rows.residual_pixel;
  }
}

using RowFunction = void (*)(const DepthwiseRows&, Tile, Target);

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

Target target(const DepthwiseRows& rows, std::int64_t p, std::int64_t channel) {
  const std::int64_t row = p - rows.p_begin;
  return {.y = rows.y + row * rows.y_row + channel,
          .residual = rows.residual ? rows.residual + row * rows.residual_row + channel : nullptr,
          .bias = rows.bias ? rows.bias + channel : nullptr};
}

void compute_tiles(const DepthwiseRows& rows) {
  const ConvDesc& d = *rows.desc;
  const RowFunction row = choose_row(d);
  for (std::int64_t p = rows.p_begin; p < rows.p_end; ++p) {
    const std::int64_t top = p * d.stride_h - d.pad_top;
    Tile t{};
    t.r_begin = top < 0 ? (-top + d.dilation_h - 1) / d.dilation_h : 0;
    t.r_end = top < d.h ? std::min(d.r, (d.h - top + d.dilation_h - 1) / d.dilation_h) : 0;
    t.slot = (top + t.r_begin * d.dilation_h - rows.x_top) % rows.x_ring;
    t.next = d.dilation_h % rows.x_ring;
    t.ring = rows.x_ring;
    for (std::int64_t block = rows.block_begin; block < rows.block_end; ++block) {
      const std::int64_t channel = block * kLanes;
      t.x = rows.x + channel;
      t.weights = rows.weights + channel * d.r * d.s;
      t.channels = std::min(kLanes, d.c - channel);
      row(rows, t, target(rows, p, channel));
    }
  }
}

// `count` rows of y from p on, every block of channels.
void stream_rows(const DepthwiseRows& rows, const StreamFunctions& functions, std::int64_t p,
                 std::int64_t count) {
  const ConvDesc& d = *rows.desc;
  const std::int64_t top = p * d.stride_h - d.pad_top, inputs = d.r + (count - 1) * d.stride_h;
  const bool simple = is_clamp(rows.activation) && !rows.residual;
  Stream s{.x_pixel = rows.x_pixel,
           .y_pixel = rows.y_pixel,
           .left = rows.q_begin * d.stride_w - d.pad_left - rows.x_left,
           .columns = rows.x_columns,
           .outputs = rows.q_end - rows.q_begin,
           .whole_rows = top >= 0 && top + inputs <= d.h,
           .activation = simple ? rows.activation : Unary{}};
  for (std::int64_t block = rows.block_begin; block < rows.block_end; ++block) {
    const std::int64_t channel = block * kLanes;
    s.channels = std::min(kLanes, d.c - channel);
    s.weights = rows.weights + channel * d.r * d.s;
    s.bias = rows.bias ? rows.bias + channel : nullptr;
    for (std::int64_t i = 0; i < inputs; ++i) {
      const bool there = inside(top + i, d.h);
      s.x[i] = there ? rows.x + (top + i - rows.x_top) % rows.x_ring * rows.x_row +
                           s.left * rows.x_pixel + channel
                     : nullptr;
    }
    for (std::int64_t i = 0; i < count; ++i) s.y[i] = target(rows, p + i, channel).y;
    functions.of[count - 1][s.channels < kLanes](s);
    if (simple) continue;
    for (std::int64_t i = 0; i < count; ++i) {
      Target to = target(rows, p + i, channel);
      to.bias = nullptr;  // added already
      finish_any(rows, {.channels = s.channels, .columns = s.outputs}, to, to.y, rows.y_pixel);
    }
  }
}

void compute_rows(const DepthwiseRows& rows) {
  const StreamFunctions functions = choose_stream(*rows.desc);
  if (!functions.of[0][0]) return compute_tiles(rows);
  for (std::int64_t p = rows.p_begin; p < rows.p_end; p += kStreamRows) {
    stream_rows(rows, functions, p, std::min<std::int64_t>(kStreamRows, rows.p_end - p));
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
