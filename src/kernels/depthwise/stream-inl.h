// Depthwise filters kR x kS without dilation, walked along the columns: each input vector is loaded
// once for all the outputs of one or two rows that it is part of, and a column costs nothing but
// its loads and multiply-adds. For rows.cc, after its Tile.
#if defined(CONVOY_KERNELS_DEPTHWISE_STREAM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_KERNELS_DEPTHWISE_STREAM_INL_H_
#undef CONVOY_KERNELS_DEPTHWISE_STREAM_INL_H_
#else
#define CONVOY_KERNELS_DEPTHWISE_STREAM_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "kernels/depthwise/rows.h"
#include "kernels/simd/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kStreamRows = 2;  // of y at a time
constexpr int kMostFilterRows = 7;
constexpr int kMostInputRows = kMostFilterRows + 2;

template <bool kPartial>
HWY_INLINE VF load_channels(F32 d, const float* p, std::int64_t channels) {
  return kPartial ? load_partial(d, p, channels) : hn::LoadU(d, p);
}

// One block of channels of one or two rows of y.
struct Stream {
  const float* x[kMostInputRows];  // of the first output's first column; null outside the map
  const float* weights;            // r x s x lanes
  const float* bias;               // or null
  float* y[kStreamRows];
  std::int64_t x_pixel, y_pixel;
  std::int64_t left, columns;  // the first output's first column among those there are
  std::int64_t outputs;
  std::int64_t channels;
  bool whole_rows;   // no row of x is null
  Unary activation;  // a clamp
};

// Outputs are begun one after the other and are under way kS / kStride steps: sums[m] is that of
// the output begun m steps ago. A step takes kStride columns and completes one output.
template <int kRows, int kR, int kS, int kStride, bool kPartial>
class StreamRun {
 public:
  static constexpr int kUnderWay = (kS + kStride - 1) / kStride;
  static constexpr int kInputRows = kR + (kRows - 1) * kStride;

  explicit StreamRun(const Stream& s)
      : s_(s),
        clamp_(F32(), s.activation),
        taps_(),
        bias_(s.bias ? load_channels<kPartial>(F32(), s.bias, s.channels) : hn::Zero(F32())) {
    if (!kTapsStay) return;
#pragma GCC unroll 16
    for (int i = 0; i < kR * kS; ++i) taps_[i] = hn::Load(F32(), s.weights + i * kLanes);
  }

  HWY_INLINE void run() {
    VF sums[kRows][kUnderWay];
    begin<0>(sums);
    // Steps [first, last) find all their columns inside.
    const std::int64_t steps = s_.outputs + kUnderWay - 1;
    std::int64_t first = std::max<std::int64_t>(kUnderWay - 1, (-s_.left + kStride - 1) / kStride);
    std::int64_t last = (s_.columns - s_.left) / kStride;
    if (s_.columns < s_.left) last = 0;
    last = std::min(last, s_.outputs);
    first = std::min(first, steps);
    if (!s_.whole_rows) last = first;
    std::int64_t step = 0;
    for (; step < first; ++step) take<true>(step, sums), finish(step, sums);
    for (; step < last; ++step) take<false>(step, sums), finish<true>(step, sums);
    for (; step < steps; ++step) take<true>(step, sums), finish(step, sums);
  }

 private:
  // What the kStride columns of a step add. Recursion instead of loops: GCC keeps an array in
  // memory when it learns only late that every index is a constant.
  template <bool kChecked, int kColumn = 0, int kRow = 0>
  HWY_INLINE void take(std::int64_t step, VF (&sums)[kRows][kUnderWay]) const {
    if constexpr (kColumn < kStride && kRow < kInputRows) {
      const std::int64_t column = step * kStride + kColumn;
      const bool there =
          static_cast<std::uint64_t>(s_.left + column) < static_cast<std::uint64_t>(s_.columns) &&
          s_.x[kRow] != nullptr;
      if (!kChecked || there) {
        const VF input =
            load_channels<kPartial>(F32(), s_.x[kRow] + column * s_.x_pixel, s_.channels);
        add<kColumn, kRow, 0, 0>(input, sums);
      }
      take<kChecked, kColumn, kRow + 1>(step, sums);
    } else if constexpr (kColumn < kStride) {
      take<kChecked, kColumn + 1, 0>(step, sums);
    }
  }

  // What an input at such a column of the step and such a row adds to sums[row][m].
  template <int kColumn, int kInputRow, int kRow, int kM>
  HWY_INLINE void add(VF input, VF (&sums)[kRows][kUnderWay]) const {
    constexpr int r = kInputRow - kRow * kStride, s = kStride * kM + kColumn;
    if constexpr (kRow < kRows && kM < kUnderWay) {
      if constexpr (r >= 0 && r < kR && s < kS) {
        sums[kRow][kM] = hn::MulAdd(input, tap(r * kS + s), sums[kRow][kM]);
      }
      add<kColumn, kInputRow, kRow, kM + 1>(input, sums);
    } else if constexpr (kRow < kRows) {
      add<kColumn, kInputRow, kRow + 1, 0>(input, sums);
    }
  }

  // Stores the output that this step completed, if it is one, and begins another.
  template <bool kStores = false, int kRow = 0>
  HWY_INLINE void finish(std::int64_t step, VF (&sums)[kRows][kUnderWay]) const {
    if constexpr (kRow < kRows) {
      const std::int64_t output = step - (kUnderWay - 1);
      if (kStores || output >= 0) {
        const VF v = clamp_(sums[kRow][kUnderWay - 1]);
        float* to = s_.y[kRow] + output * s_.y_pixel;
        if (kPartial) {
          store_partial(F32(), v, to, s_.channels);
        } else {
          hn::StoreU(v, F32(), to);
        }
      }
      shift<kRow, kUnderWay - 1>(sums);
      finish<kStores, kRow + 1>(step, sums);
    }
  }
  template <int kI>
  HWY_INLINE void begin(VF (&sums)[kRows][kUnderWay]) const {
    if constexpr (kI < kRows * kUnderWay) {
      sums[kI / kUnderWay][kI % kUnderWay] = bias_;
      begin<kI + 1>(sums);
    }
  }
  template <int kRow, int kM>
  HWY_INLINE void shift(VF (&sums)[kRows][kUnderWay]) const {
    if constexpr (kM > 0) {
      sums[kRow][kM] = sums[kRow][kM - 1];
      shift<kRow, kM - 1>(sums);
    } else {
      sums[kRow][0] = bias_;
    }
  }

  // Few enough to stay in registers; else each multiply-add reads its own.
  static constexpr bool kTapsStay = kR * kS <= 9;
  HWY_INLINE VF tap(int i) const {
    return kTapsStay ? taps_[i] : hn::Load(F32(), s_.weights + i * kLanes);
  }

  const Stream s_;  // a copy: vector stores might change the original
  const Clamp clamp_;
  VF taps_[kTapsStay ? kR * kS : 1];
  const VF bias_;
};

template <int kRows, int kR, int kS, int kStride, bool kPartial>
HWY_NOINLINE void stream(const Stream& s) {
  StreamRun<kRows, kR, kS, kStride, kPartial>(s).run();
}

using StreamFunction = void (*)(const Stream&);

// [rows - 1][partial]
struct StreamFunctions {
  StreamFunction of[kStreamRows][2] = {};
};

template <int kR, int kS, int kStride>
constexpr StreamFunctions stream_functions() {
  return {{{stream<1, kR, kS, kStride, false>, stream<1, kR, kS, kStride, true>},
           {stream<2, kR, kS, kStride, false>, stream<2, kR, kS, kStride, true>}}};
}

// None but for square filters of 3, 5 and 7 with strides of 1 and 2.
inline StreamFunctions choose_stream(const ConvDesc& d) {
  if (d.r != d.s || d.stride_h != d.stride_w || d.stride_h > 2) return {};
  if (d.dilation_h != 1 || d.dilation_w != 1) return {};
  const bool one = d.stride_h == 1;
  switch (d.s) {
    case 3:
      return one ? stream_functions<3, 3, 1>() : stream_functions<3, 3, 2>();
    case 5:
      return one ? stream_functions<5, 5, 1>() : stream_functions<5, 5, 2>();
    case 7:
      return one ? stream_functions<7, 7, 1>() : stream_functions<7, 7, 2>();
    default:
      return {};
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#endif
