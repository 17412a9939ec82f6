// A fused module: expand, depthwise and project, those of them that it has, one after the other on
// the part of y that a block computes. What lies between them is in shared memory, in slices of
// channels where it does not fit whole.
//
//   dw       filter                          pwdw     {expand, filter}
//   pw       {load, multiply}, store         pwpw     {expand, multiply}, store
//   dwpw     {filter, multiply}, store       pwdwpw   {expand, filter, multiply}, store
//
// Braces: for every slice of the channels before the project.
#pragma once

#include "kernels/fused/cuda/depthwise.cuh"
#include "kernels/fused/cuda/product.cuh"
#include "kernels/fused/cuda/store.cuh"

namespace convoy::fused_cuda {

template <Module kModule, Tile kTile>
class Block {
 public:
  __device__ __forceinline__ Block(const Arguments& arguments, char* shared)
      : a_(arguments), shared_(shared) {
    unsigned block = blockIdx.x;
    place_.k = static_cast<int>(block % kCut.slices) * kTile.outputs;
    block /= kCut.slices;
    place_.q = static_cast<int>(block % kCut.tiles_w) * kTile.columns;
    block /= kCut.tiles_w;
    place_.p = static_cast<int>(block % kCut.tiles_h) * kTile.rows;
    place_.n = static_cast<int>(block / kCut.tiles_h);
    window_ = {place_.n, place_.p * kModule.stride_h - kModule.pad_top,
               place_.q * kModule.stride_w - kModule.pad_left};
  }

  __device__ __forceinline__ void run() {
    if constexpr (kTile.keep_weights) fetch_weights();
    let_next_kernel_start();
    wait_for_former_kernel();
    if constexpr (kModule.project.present) {
      run_project();
    } else {
      if constexpr (kModule.expand.present) {
        expand(place_.k / kModule.multiplier());
      } else if constexpr (!kModule.filters_memory()) {
        load_halo(place_.k / kModule.multiplier());
      }
      filter(place_.k, nullptr);
      if constexpr (kModule.y_layout == Layout::kNchw) {
        __syncthreads();
        store_sums<kModule, kModule.depthwise, kTile>(a_, a_.depthwise, place_, sums());
      }
    }
  }

 private:
  static constexpr Element kElement = kModule.element;
  using T = TypeOf<kElement>;
  static constexpr Cut kCut = cut(kModule, kTile);
  static constexpr int kThreads = kTile.threads();
  // Channels of a slice: before the project, or of y.
  static constexpr int kMiddle = kModule.project.present ? kTile.middle : kTile.outputs;
  static constexpr int kMiddleIn = kMiddle / kModule.multiplier();
  static constexpr bool kLone =
      kModule.project.present && !kModule.expand.present && !kModule.depthwise.present;
  static constexpr int kProjectPanel = panel_bytes(kElement, kModule.filtered_c);
  static constexpr int kExpandPanel = panel_bytes(kElement, kModule.c);
  static constexpr bool kKeepExpand = kTile.keep_weights && !kModule.project.present;
  static constexpr bool kKeepProject = kTile.keep_weights && kModule.project.present;

  __device__ __forceinline__ static int warp() { return threadIdx.x / 32; }
  __device__ __forceinline__ Sum<kElement>* sums() const {
    constexpr int kOffset = kModule.project.present ? 0 : kCut.halo_offset + halo_bytes();
    return reinterpret_cast<Sum<kElement>*>(shared_ + kOffset);
  }
  static constexpr int halo_bytes() {
    return kModule.depthwise.present && !kModule.filters_memory()
               ? round_up(kCut.halo_pixels, kPixels) * kCut.halo_pitch
               : 0;
  }

  // The panels of this block, which lie one after the other; the last block's may be fewer.
  __device__ __forceinline__ void fetch_weights() {
    constexpr int kPanelBytes = kModule.project.present ? kProjectPanel : kExpandPanel;
    constexpr int kPanels = ceil_div(kTile.outputs, kPanel);
    constexpr int kAll = ceil_div(kModule.k, kPanel);
    const Arguments::Weights& w = kModule.project.present ? a_.project : a_.expand;
    const int first = place_.k / kPanel;
#pragma unroll 4
    for (int i = threadIdx.x * 16; i < kPanels * kPanelBytes; i += kThreads * 16) {
      if (first + i / kPanelBytes < kAll) {
        copy_async<16>(
            shared_ + kCut.weight_offset + i,
            static_cast<const char*>(w.w) + static_cast<long long>(first) * kPanelBytes + i, true);
      }
    }
    end_copies();
  }

  // x in window order for the depthwise, where it does not read memory itself.
  __device__ __forceinline__ void load_halo(int c0) {
    load_map<kModule, kThreads, kCut.halo_rows, kCut.halo_columns, 1, 1, kMiddleIn,
             kCut.halo_pitch>(shared_ + kCut.halo_offset, a_.x, window_, c0);
    end_copies();
    wait_copies<0>();
    __syncthreads();
  }

  // A slice of x for a pointwise.
  template <int kCount>
  __device__ __forceinline__ void load_input(int slice) {
    constexpr int kRows = kLone ? kTile.rows : kCut.halo_rows;
    constexpr int kColumns = kLone ? kTile.columns : kCut.halo_columns;
    constexpr int kStrideH = kLone ? kModule.project_stride_h : 1;
    constexpr int kStrideW = kLone ? kModule.project_stride_w : 1;
    const Window window =
        kLone ? Window{place_.n, place_.p * kStrideH, place_.q * kStrideW} : window_;
    load_map<kModule, kThreads, kRows, kColumns, kStrideH, kStrideW, kCount, kCut.input_pitch>(
        shared_ + slice % 2 * kCut.input_buffer, a_.x, window, slice * kCount);
    end_copies();
  }

  // Expands channels from `m0` on, over the halo, into what comes next.
  __device__ __forceinline__ void expand(int m0) {
    constexpr int kPanels = ceil_div(kMiddleIn, kPanel);
    constexpr int kAllPanels = ceil_div(kModule.mid_c, kPanel);
    constexpr int kWarps = kTile.expand_warps_pixels;
    constexpr int kPixelCount = kModule.depthwise.present ? kCut.halo_pixels : kCut.pixels;
    const Share pixels{warp() % kWarps, kWarps, ceil_div(kPixelCount, kPixels) - 1};
    const int first = m0 / kPanel;
    const Share panels{warp() / kWarps, kTile.warps() / kWarps,
                       smaller(kPanels, kAllPanels - first) - 1};
    const char* const weights = kKeepExpand ? shared_ + kCut.weight_offset
                                            : static_cast<const char*>(a_.expand.w) +
                                                  static_cast<long long>(first) * kExpandPanel;
    Product<kElement, kCut.expand_panels, kCut.expand_pixel_tiles, kKeepExpand> product;
    product.clear();
    constexpr int kStepsAll = ceil_div(kModule.c, step_channels(kElement));
    constexpr int kSteps = ceil_div(kTile.inputs, step_channels(kElement));
    if constexpr (kCut.input_slices == 1) {
      if (m0 == 0 || !kModule.project.present) {
        load_input<kTile.inputs>(0);
        wait_copies<0>();
      }
      __syncthreads();
      product.template multiply<kCut.input_pitch, kExpandPanel>(shared_, pixels, weights, panels, 0,
                                                                1, kStepsAll);
    } else {
      load_input<kTile.inputs>(0);
#pragma unroll 1
      for (int slice = 0; slice < kCut.input_slices; ++slice) {
        wait_copies<0>();
        __syncthreads();  // the slice is there, and nobody reads the one before
        if (slice + 1 < kCut.input_slices) load_input<kTile.inputs>(slice + 1);
        product.template multiply<kCut.input_pitch, kExpandPanel>(
            shared_ + slice % 2 * kCut.input_buffer, pixels,
            weights + slice * kSteps * step_bytes(kElement), panels, 0, 1,
            smaller(kSteps, kStepsAll - slice * kSteps));
      }
    }
    // For a depthwise the halo, padding in it being zeros; for a project its operand.
    constexpr int kPitch = kModule.depthwise.present ? kCut.halo_pitch : kCut.operand_pitch;
    char* const to = kModule.depthwise.present ? shared_ + kCut.halo_offset : operand(m0 / kMiddle);
    product.for_each(pixels, panels, [&](int, int pixel0, int c, Sum<kElement>(&sums)[4]) {
      float v[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int pixel = pixel0 + pixel_of<kElement>(i);
        const int m = m0 + c + channel_of<kElement>(i);
        v[i] = finish<kModule, kModule.expand, Residual::kNone>(
            sums[i], channel<kModule, kModule.expand>(a_.expand, m, kModule.mid_c), 0.0f);
        bool inside = m < kModule.mid_c;
        if constexpr (kModule.depthwise.present) {
          const int row = window_.row + pixel / kCut.halo_columns;
          const int column = window_.column + pixel % kCut.halo_columns;
          inside &= row >= 0 && row < kModule.mid_h && column >= 0 && column < kModule.mid_w;
        }
        if (!inside) v[i] = 0.0f;
      }
      put<kElement>(v, c, [&](int pixel) -> char* {
        return pixel0 + pixel < kPixelCount ? to + (pixel0 + pixel) * kPitch : nullptr;
      });
    });
    __syncthreads();
  }

  // Four channels of the halo for results c .. c + 3 of the slice that begins with result `c0`.
  __device__ __forceinline__ float4 halo(int row, int column, int c) const {
    const char* line =
        shared_ + kCut.halo_offset + (row * kCut.halo_columns + column) * kCut.halo_pitch;
    if constexpr (kModule.multiplier() == 1) {
      return to_f32<kElement>(
          *reinterpret_cast<const FourOf<kElement>*>(line + c * static_cast<int>(sizeof(T))));
    } else {
      const auto one = [&](int i) {
        return one_to_f32<kElement>(
            reinterpret_cast<const T*>(line)[(c + i) / kModule.multiplier()]);
      };
      return {one(0), one(1), one(2), one(3)};
    }
  }

  // The same from memory, in NHWC, the padding being zeros.
  __device__ __forceinline__ float4 memory(int row, int column, int c0, int c) const {
    const int h = window_.row + row, w = window_.column + column;
    if (h < 0 || h >= kModule.h || w < 0 || w >= kModule.w) return {0, 0, 0, 0};
    const T* pixel = static_cast<const T*>(a_.x) +
                     ((window_.n * Offset{kModule.h} + h) * kModule.w + w) * kModule.c;
    if constexpr (kModule.multiplier() == 1 && kModule.c % 4 == 0) {
      return to_f32<kElement>(__ldg(reinterpret_cast<const FourOf<kElement>*>(pixel + c0 + c)));
    } else {
      const auto one = [&](int i) {
        const int from = (c0 + c + i) / kModule.multiplier();
        return from < kModule.c ? one_to_f32<kElement>(__ldg(pixel + from)) : 0.0f;
      };
      return {one(0), one(1), one(2), one(3)};
    }
  }

  // Filters the slice of results from `c0` on: into lines of the project's operand, or into y.
  __device__ __forceinline__ void filter(int c0, char* to) {
    const auto load = [&](int row, int column, int c) {
      if constexpr (kModule.filters_memory()) {
        return memory(row, column, c0, c);
      } else {
        return halo(row, column, c);
      }
    };
    filter_tile<kModule, kTile, kMiddle>(
        a_.depthwise, c0, load, [&](int row, int column, int c, float4 four) {
          const float f[4] = {four.x, four.y, four.z, four.w};
          Sum<kElement> sums[4];
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            if constexpr (kElement == Element::kS8) {
              sums[i] = __float2int_rn(f[i]);
            } else {
              sums[i] = f[i];
            }
          }
          const int pixel = row * kTile.columns + column;
          if constexpr (kModule.project.present) {
            float v[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              const int k = c0 + c + i;
              const float value = finish<kModule, kModule.depthwise, Residual::kNone>(
                  sums[i], channel<kModule, kModule.depthwise>(a_.depthwise, k, kModule.filtered_c),
                  0.0f);
              v[i] = k < kModule.filtered_c ? value : 0.0f;
            }
            *reinterpret_cast<FourOf<kElement>*>(to + pixel * kCut.operand_pitch +
                                                 c * static_cast<int>(sizeof(T))) =
                from_f32<kElement>(float4{v[0], v[1], v[2], v[3]});
          } else if constexpr (kModule.y_layout == Layout::kNhwc) {
            store_four<kModule, kModule.depthwise>(a_, a_.depthwise, place_.n, place_.p + row,
                                                   place_.q + column, place_.k + c, sums);
          } else {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              this->sums()[pixel * kCut.sum_pitch + c + i] = sums[i];
            }
          }
        });
  }

  // Where slice `slice` of the project's operand lies.
  __device__ __forceinline__ char* operand(int slice) const {
    return shared_ + (kLone ? slice % 2 * kCut.input_buffer
                            : kCut.operand_offset + slice % 2 * kCut.operand_buffer);
  }

  __device__ __forceinline__ void run_project() {
    constexpr int kPanels = kTile.outputs / kPanel;
    constexpr int kAllPanels = ceil_div(kModule.k, kPanel);
    const int in_pixels = warp() % kTile.warps_pixels;
    const int in_outputs = warp() / kTile.warps_pixels % kTile.warps_outputs;
    const int in_sums = warp() / (kTile.warps_pixels * kTile.warps_outputs);
    const int first = place_.k / kPanel;
    const Share pixels{in_pixels, kTile.warps_pixels, ceil_div(kCut.pixels, kPixels) - 1};
    const Share panels{in_outputs, kTile.warps_outputs, smaller(kPanels, kAllPanels - first) - 1};
    const char* const weights = kKeepProject ? shared_ + kCut.weight_offset
                                             : static_cast<const char*>(a_.project.w) +
                                                   static_cast<long long>(first) * kProjectPanel;
    constexpr int kSteps = kMiddle / step_channels(kElement);
    constexpr int kStepsAll = ceil_div(kModule.filtered_c, step_channels(kElement));
    constexpr int kPitch = kLone ? kCut.input_pitch : kCut.operand_pitch;
    Product<kElement, kCut.project_panels, kCut.project_pixel_tiles, kKeepProject> product;
    product.clear();
    if constexpr (kLone) load_input<kMiddle>(0);
#pragma unroll 1
    for (int slice = 0; slice < kCut.middle_slices; ++slice) {
      const int c0 = slice * kMiddle;
      if constexpr (kLone) {
        wait_copies<0>();
        __syncthreads();
        if (slice + 1 < kCut.middle_slices) load_input<kMiddle>(slice + 1);
      } else {
        if constexpr (kModule.expand.present) {
          expand(c0 / kModule.multiplier());
        } else if constexpr (!kModule.filters_memory()) {
          load_halo(c0 / kModule.multiplier());
        }
        if constexpr (kModule.depthwise.present) {
          filter(c0, operand(slice));
          if constexpr (kKeepProject) wait_copies<0>();
          __syncthreads();
        }
      }
      product.template multiply<kPitch, kProjectPanel>(
          operand(slice), pixels, weights + slice * kSteps * step_bytes(kElement), panels, in_sums,
          kTile.warps_sums, smaller(kSteps, kStepsAll - slice * kSteps));
    }
    __syncthreads();  // the sums lie where operands were
    Sum<kElement>* const plane = sums() + in_sums * round_up(kCut.pixels, kPixels) * kCut.sum_pitch;
    product.for_each(pixels, panels, [&](int, int pixel0, int c, Sum<kElement>(&values)[4]) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        plane[(pixel0 + pixel_of<kElement>(i)) * kCut.sum_pitch + c + channel_of<kElement>(i)] =
            values[i];
      }
    });
    __syncthreads();
    store_sums<kModule, kModule.project, kTile>(a_, a_.project, place_, sums());
  }

  const Arguments& a_;
  char* const shared_;
  Place place_;
  Window window_;
};

template <Module kModule, Tile kTile>
__device__ __forceinline__ void fused_module(const Arguments& arguments) {
  extern __shared__ __align__(16) char fused_shared[];
  Block<kModule, kTile>(arguments, fused_shared).run();
}

}  // namespace convoy::fused_cuda
