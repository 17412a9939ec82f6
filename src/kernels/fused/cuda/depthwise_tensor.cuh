// The depthwise stage of f16 and bf16 on tensor cores. A step multiplies eight channels of 16
// pixels under each of two taps by two diagonals, those taps' weights of the eight channels:
//
//   sums [16 pixels x 8 channels] += [x under tap a | x under tap b] * [diag(w_a)]
//                                                                      [diag(w_b)]
//
// so 9 taps are 4.5 steps. Of 16 products only two are of use, which is the rate of multiply-adds
// about, but there are no conversions and a third of the instructions. A warp works on 16 channels
// (a pair of eights) of 16 places, each of kTile.strip_rows pixels below each other, and walks down
// the halo: what it loads of a row serves all taps that meet it.
//
// Zeros off the diagonals make NaN of infinities: where one of eight channels is not finite, the
// other seven become NaN. Whoever finds NaN in its results adds them up again by multiply-adds.
#pragma once

#include "kernels/fused/cuda/depthwise.cuh"
#include "kernels/fused/cuda/depthwise_step.cuh"
#include "kernels/fused/cuda/store.cuh"
#include "kernels/fused/cuda/tensor.cuh"

namespace convoy::fused_cuda {

// A block's share of the stage: the pixels of a tile times cut().middle channels. `taps`: in shared
// memory, a line of words a tap (see pack.h); `halo`: lines of kPitch bytes a pixel; `operand` or
// `sums`: where results go, if not to y.
template <Module kModule, Tile kTile, int kPitch>
class TensorFilter {
 public:
  const Arguments& arguments;
  Place place;
  const char* taps;
  const char* constants;
  const char* halo;
  char* operand;
  float* sums;
  int first_channel;

  // Called by all threads. Warps share the pairs of eights and, of each, the groups of places.
  __device__ __forceinline__ void run() const {
    constexpr int kPairs = kCut.middle / 16, kItems = kPairs * kGroups;
    constexpr int kEach = ceil_div(kItems, kTile.warps());
    const int first = static_cast<int>(threadIdx.x) / 32 * kEach;
    const int end = smaller(first + kEach, kItems);
    Weights kept = {};
    int pair = -1;
#pragma unroll 1
    for (int item = first; item < end; ++item) {
      if (item / kGroups != pair) {
        pair = item / kGroups;
        if (kKept && on_diagonal()) {
#pragma unroll
          for (int i = 0; i < 2 * kTaps; ++i)
            kept[i % 2][kKept ? i / 2 : 0] = weight(pair, i % 2, i / 2);
        }
      }
      filter(pair, item % kGroups, kept);
    }
  }

 private:
  static constexpr Element kElement = kModule.element;
  using T = TypeOf<kElement>;
  static constexpr Cut kCut = cut(kModule, kTile);
  static constexpr int kR = kModule.r, kS = kModule.s, kTaps = kModule.taps();
  // Whether weights stay in registers.
  static constexpr bool kKept = kTaps <= 25;
  using Weights = unsigned[2][kKept ? kTaps : 1];
  static constexpr int kWalk = kTile.strip_rows;
  static constexpr int kPlaces = kTile.rows / kWalk * kTile.columns;
  static constexpr int kGroup = 16;
  static constexpr int kGroups = ceil_div(kPlaces, kGroup);
  static constexpr int kInputRows =
      (kWalk - 1) * kModule.stride_h + (kR - 1) * kModule.dilation_h + 1;
  // Of an input row under all taps of a row: for two taps and an eight, or for the last of an odd
  // number and both eights, four loads of eight pixels and channels each.
  using Inputs = unsigned[kS][4];

  enum class To { kOperand, kSums, kY };
  static constexpr To kTo = kModule.project.present             ? To::kOperand
                            : kModule.y_layout == Layout::kNchw ? To::kSums
                                                                : To::kY;

  // The row of taps by which an input row meets an output, or none (-1).
  static constexpr int tap_row(int input, int row) {
    const int reach = input - row * kModule.stride_h;
    return reach >= 0 && reach % kModule.dilation_h == 0 && reach / kModule.dilation_h < kR
               ? reach / kModule.dilation_h
               : -1;
  }
  static constexpr bool used(int input) {
    for (int row = 0; row < kWalk; ++row) {
      if (tap_row(input, row) >= 0) return true;
    }
    return false;
  }

  __device__ __forceinline__ static int halo_bytes(int row, int column) {
    return (row * kCut.halo_columns + column) * kPitch;
  }
  // Where a place begins: its row and column in the tile.
  __device__ __forceinline__ static int row_of(int at) { return at / kTile.columns * kWalk; }
  __device__ __forceinline__ static int column_of(int at) { return at % kTile.columns; }

  // Of a diagonal a lane has a word: row lane / 4, and of its columns two, one of them nonzero or
  // none.
  __device__ __forceinline__ static bool on_diagonal() { return lane() >> 3 == (lane() & 3); }
  __device__ __forceinline__ unsigned weight(int pair, int eight, int tap) const {
    const auto* const line = reinterpret_cast<const unsigned*>(taps) + tap * kCut.middle;
    return line[pair * 16 + eight * 8 + (lane() >> 2)];
  }

  // `from`: this lane's addresses of the row, for two taps and for two eights.
  __device__ __forceinline__ static void load(Inputs& x, unsigned two_taps, unsigned two_eights) {
    const auto four = [](unsigned(&to)[4], unsigned from) {
      const uint4 words = load_matrices(from);
      to[0] = words.x, to[1] = words.y, to[2] = words.z, to[3] = words.w;
    };
#pragma unroll
    for (int s = 0; s < kS; ++s) {
      // Of two taps the first eight, then the second.
      if (s % 2 == 0 && s + 1 == kS) {
        four(x[s], two_eights + halo_bytes(0, s * kModule.dilation_w));
      } else {
        four(x[s], two_taps + halo_bytes(0, s / 2 * 2 * kModule.dilation_w) + s % 2 * 16);
      }
    }
  }

  // One group of places.
  __device__ __forceinline__ void filter(int pair, int group, const Weights& kept) const {
    // Lanes 0-7 and 8-15 give the addresses of the two halves of a step's pixels, lanes 16-31 those
    // under the next tap, or in the next eight.
    const int next = lane() >> 4;
    const int at = smaller(group * kGroup + (lane() & 15), kPlaces - 1);
    const unsigned from =
        shared_address(halo + pair * 32 +
                       halo_bytes(row_of(at) * kModule.stride_h, column_of(at) * kModule.stride_w));
    const unsigned two_taps = from + next * halo_bytes(0, kModule.dilation_w);
    const unsigned two_eights = from + next * 16;
    float start[2][4];
#pragma unroll
    for (int eight = 0; eight < 2; ++eight) {
      const float2 two = bias(pair * 16 + eight * 8 + (lane() & 3) * 2);
      start[eight][0] = start[eight][2] = two.x, start[eight][1] = start[eight][3] = two.y;
    }
    const Results results(*this, pair, group);
    unsigned seen = 0;
    float d[kWalk][2][4];
    Inputs x[2];
    load(x[0], two_taps, two_eights);
#pragma unroll
    for (int input = 0; input < kInputRows; ++input) {
      if (input + 1 < kInputRows && used(input + 1)) {
        load(x[(input + 1) % 2], two_taps + halo_bytes(input + 1, 0),
             two_eights + halo_bytes(input + 1, 0));
      }
#pragma unroll
      for (int s = 0; s < kS; s += 2) {
#pragma unroll
        for (int row = 0; row < kWalk; ++row) {
          const int r = tap_row(input, row);
          if (r < 0) continue;
          const auto w = [&](int eight, int tap) {
            if constexpr (kKept) {
              return kept[eight][tap];
            } else {
              return on_diagonal() ? weight(pair, eight, tap) : 0u;
            }
          };
#pragma unroll
          for (int eight = 0; eight < 2; ++eight) {
            float(&sum)[4] = d[row][eight];
            const float(&c)[4] = r + s == 0 ? start[eight] : sum;
            const unsigned b0 = w(eight, r * kS + s);
            if (s + 1 == kS) {
              const unsigned(&a)[4] = x[input % 2][s];
              filter_step<kElement>(sum, c, a[eight * 2], a[eight * 2 + 1], b0);
            } else {
              const unsigned(&a)[4] = x[input % 2][s + eight];
              filter_step<kElement>(sum, c, uint4{a[0], a[1], a[2], a[3]}, b0,
                                    w(eight, r * kS + s + 1));
            }
          }
        }
      }
#pragma unroll
      for (int row = 0; row < kWalk; ++row) {
        if (tap_row(input, row) == kR - 1) results.store(row, d[row], seen);
      }
    }
    const float2 worst = unpack<kElement>(seen);
    if (__builtin_expect(__any_sync(~0u, worst.x != worst.x || worst.y != worst.y), false)) {
#pragma unroll 1
      for (int row = 0; row < kWalk; ++row) {
        float again[2][4];
        add_up(pair, group, row, again);
        results.store(row, again, seen);
      }
    }
  }

  // What the sums of channels c and c + 1 begin with.
  __device__ __forceinline__ float2 bias(int c) const {
    if constexpr (kBiasInSums<kModule> && kModule.depthwise.bias) {
      return *reinterpret_cast<const float2*>(constants + c * 4);
    } else {
      return {0, 0};
    }
  }

  // The sums of one row of a group by multiply-adds.
  __device__ __forceinline__ void add_up(int pair, int group, int row, float (&d)[2][4]) const {
#pragma unroll
    for (int i = 0; i < 8; i += 2) {
      const int eight = i / 4, half = i / 2 % 2;
      const int at = smaller(group * kGroup + half * 8 + (lane() >> 2), kPlaces - 1);
      const int c = pair * 16 + eight * 8 + (lane() & 3) * 2;
      const char* const from =
          halo + c * 2 +
          halo_bytes((row_of(at) + row) * kModule.stride_h, column_of(at) * kModule.stride_w);
      float2 sum = bias(c);
#pragma unroll 1
      for (int tap = 0; tap < kTaps; ++tap) {
        const uint2 words = *reinterpret_cast<const uint2*>(taps + (tap * kCut.middle + c) * 4);
        const float2 w = unpack<kElement>(words.x | words.y);
        const float2 two = unpack<kElement>(*reinterpret_cast<const unsigned*>(
            from + halo_bytes(tap / kS * kModule.dilation_h, tap % kS * kModule.dilation_w)));
        sum = {fmaf(two.x, w.x, sum.x), fmaf(two.y, w.y, sum.y)};
      }
      d[eight][half * 2] = sum.x, d[eight][half * 2 + 1] = sum.y;
    }
  }

  // Where this lane's sums of a group go. Those of one pixel are of channels 2 * (lane % 4) and the
  // next one, of both eights.
  class Results {
   public:
    __device__ __forceinline__ Results(const TensorFilter& f, int pair, int group) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int at = group * kGroup + half * 8 + (lane() >> 2);
        row_[half] = f.place.p + row_of(at);
        there_[half] = kPlaces % kGroup == 0 || at < kPlaces;
        const int line = row_of(at) * kTile.columns + column_of(at);
        const int c = pair * 16 + (lane() & 3) * 2;
        if constexpr (kTo == To::kOperand) {
          channel_ = f.first_channel + c;
          to_[half] = f.operand + line * kCut.operand_pitch + c * 2;
        } else if constexpr (kTo == To::kSums) {
          to_[half] = reinterpret_cast<char*>(f.sums + line * kCut.sum_pitch + c);
        } else {
          // Neighbours have the same pixel and swap, so that each has four channels of one eight,
          // and four of them a whole sector.
          const int k = f.place.k + pair * 16 + (lane() & 1) * 8 + (lane() & 2) * 2;
          there_[half] &= f.place.q + column_of(at) < kModule.q && k < kModule.k;
          const Offset corner =
              ((f.place.n * Offset{kModule.p} + f.place.p) * kModule.q + f.place.q) * kModule.k;
          using D = typename Distance<kModule>::Type;
          const D within =
              (static_cast<D>(row_of(at)) * kModule.q + static_cast<D>(column_of(at))) * kModule.k +
              static_cast<D>(k);
          to_[half] = reinterpret_cast<char*>(static_cast<T*>(f.arguments.y) + corner + within);
        }
      }
    }

    // Sums of one row. All lanes call it. `seen`: NaN if a result is.
    __device__ __forceinline__ void store(int row, const float (&d)[2][4], unsigned& seen) const {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float v[2][2] = {{d[0][half * 2], d[0][half * 2 + 1]},
                               {d[1][half * 2], d[1][half * 2 + 1]}};
        if constexpr (kTo == To::kSums) {
          const float sum = v[0][0] + v[0][1] + v[1][0] + v[1][1];
          if (sum != sum) seen = ~0u;
          if (!there_[half]) continue;
          float* const to =
              reinterpret_cast<float*>(to_[half]) + row * kTile.columns * kCut.sum_pitch;
          *reinterpret_cast<float2*>(to) = float2{v[0][0], v[0][1]};
          *reinterpret_cast<float2*>(to + 8) = float2{v[1][0], v[1][1]};
          continue;
        }
        unsigned pairs[2];
#pragma unroll
        for (int eight = 0; eight < 2; ++eight) {
          pairs[eight] = finish_pair<kModule>(v[eight][0], v[eight][1]);
          // Nothing but zeros may meet the zero weights past the last channel.
          if constexpr (kTo == To::kOperand && kModule.filtered_c % kCut.middle != 0) {
            const int left = kModule.filtered_c - channel_ - eight * 8;
            pairs[eight] &= left >= 2 ? ~0u : left == 1 ? 0xffffu : 0u;
          }
          note(seen, pairs[eight]);
        }
        if constexpr (kTo == To::kOperand) {
          if (!there_[half]) continue;
          char* const to = to_[half] + row * kTile.columns * kCut.operand_pitch;
          *reinterpret_cast<unsigned*>(to) = pairs[0];
          *reinterpret_cast<unsigned*>(to + 16) = pairs[1];
        } else {
          const bool odd = lane() & 1;
          const unsigned other = __shfl_xor_sync(~0u, odd ? pairs[0] : pairs[1], 1);
          if (!there_[half]) continue;
          if (kModule.p % kTile.rows != 0 && row_[half] + row >= kModule.p) continue;
          store_vector<kElement>(
              reinterpret_cast<T*>(to_[half]) + row * (Offset{kModule.q} * kModule.k),
              odd ? uint2{other, pairs[1]} : uint2{pairs[0], other});
        }
      }
    }

   private:
    __device__ __forceinline__ static void note(unsigned& seen, unsigned two) {
#if __CUDA_ARCH__ >= 800
      seen = extreme<kElement, true>(seen, two);
#else
      const float2 v = unpack<kElement>(two);
      if (v.x != v.x || v.y != v.y) seen = ~0u;
#endif
    }

    char* to_[2];
    int row_[2];
    bool there_[2];
    int channel_ = 0;
  };
};

}  // namespace convoy::fused_cuda
