// A fused module: expand, depthwise and project, those of them that it has, one after the other on
// the part of y that a block computes. What lies between them is in shared memory, in slices of
// channels where it does not fit whole; what the next slice needs is fetched while one is worked
// on.
//
//   dw       filter                          pwdw     {expand, filter}
//   pw       {multiply}, store               pwpw     {expand, multiply}, store
//   dwpw     {filter, multiply}, store       pwdwpw   {expand, filter, multiply}, store
//
// Braces: for every slice of the channels before the project.
#pragma once

#include "kernels/fused/cuda/depthwise.cuh"
#include "kernels/fused/cuda/depthwise_tensor.cuh"
#include "kernels/fused/cuda/map.cuh"
#include "kernels/fused/cuda/product.cuh"
#include "kernels/fused/cuda/store.cuh"

namespace convoy::fused_cuda {

template <Module kModule, Tile kTile>
class Block {
 public:
  __device__ __forceinline__ Block(const Arguments& arguments, char* shared)
      : a_(arguments), shared_(shared) {
    go_to(blockIdx.x);
  }

  __device__ __forceinline__ void run() {
    // Constants may be read while the kernel before still runs.
    fetch_constants(0);
    if constexpr (kModule.project.present) {
      copy_constants<kModule, kModule.project, kThreads, kTile.outputs>(
          shared_ + kCut.project_constants, a_.project, place_.k, kModule.k);
    }
    Input input = first_input();
    input.make_ready();
    wait_for_former_kernel();
    input.start(kModule.expand.present ? shared_ : stage(0));
    end_copies();
    // Not before, or the kernels after it would start as well, one waiting for the other, and take
    // room where this one's blocks have not begun.
    let_next_kernel_start();
    if constexpr (!kTile.walks) {
      work();
    } else {
#pragma unroll 1
      for (next_ = blockIdx.x + gridDim.x;; next_ += gridDim.x) {
        work();
        if (next_ >= kCut.blocks) break;
        go_to(next_);
        ++turn_;
      }
    }
  }

 private:
  static constexpr Element kElement = kModule.element;
  using T = TypeOf<kElement>;
  static constexpr int kSize = sizeof(T);
  static constexpr Cut kCut = cut(kModule, kTile);
  static constexpr int kThreads = kTile.threads();
  static constexpr int kTilePixels = tile_pixels(kElement);
  static constexpr int kMiddle = kCut.middle, kMiddleIn = kCut.middle_in;
  static constexpr int kProjectPanel = panel_bytes(kElement, kModule.filtered_c);
  static constexpr int kExpandPanel = panel_bytes(kElement, kModule.c);
  static constexpr int kTapBytes = kModule.depthwise.present ? kModule.taps() * kMiddle * 4 : 0;

  __device__ __forceinline__ static int warp() { return threadIdx.x / 32; }

  // Sets the place, and the part of x that belongs to it.
  __device__ __forceinline__ void go_to(unsigned block) {
    rank_ = static_cast<int>(block % kTile.blocks_sums);  // in its cluster
    block /= kTile.blocks_sums;
    place_.k = static_cast<int>(block % kCut.slices) * kTile.outputs;
    block /= kCut.slices;
    place_.q = static_cast<int>(block % kCut.tiles_w) * kTile.columns;
    block /= kCut.tiles_w;
    place_.p = static_cast<int>(block % kCut.tiles_h) * kTile.rows;
    place_.n = static_cast<int>(block / kCut.tiles_h);
    const bool lone = kModule.lone();
    window_ = {place_.n,
               place_.p * (lone ? kModule.project_stride_h : kModule.stride_h) - kModule.pad_top,
               place_.q * (lone ? kModule.project_stride_w : kModule.stride_w) - kModule.pad_left};
  }

  // All that a block does in one place, whose x is under way.
  __device__ __forceinline__ void work() {
    if constexpr (kModule.project.present) {
      run_project();
    } else {
      wait_copies<0>();
      __syncthreads();  // x is there, and nobody reads the expanded halo of the place before
      fetch_next_place();
      if constexpr (kModule.expand.present) expand(0);
      filter(0);
      if constexpr (kModule.y_layout == Layout::kNchw) {
        __syncthreads();
        store_sums<kModule, kModule.depthwise, kTile>(a_, filter_constants(0), place_, 0, sums());
      }
    }
  }

  // --- shared memory ----------------------------------------------------------------------------

  __device__ __forceinline__ char* stage(int slice) const {
    return shared_ + kCut.stage_offset + slice % 2 * kCut.stage_bytes;
  }
  __device__ __forceinline__ char* taps(int slice) const { return stage(slice) + kCut.constants; }
  __device__ __forceinline__ char* filter_constants(int slice) const {
    return taps(slice) + kTapBytes;
  }
  __device__ __forceinline__ char* expand_constants(int slice) const {
    return filter_constants(slice) + constant_bytes(kModule, kModule.depthwise, kMiddle);
  }
  // x of a slice where there is no expand, and where there is.
  __device__ __forceinline__ char* input(int slice) const {
    return kTile.walks && turn_ % 2 != 0 ? shared_ + kCut.input_again : stage(slice);
  }
  __device__ __forceinline__ char* x(int slice) const {
    return shared_ + (kTile.walks ? turn_ : slice) % 2 * kCut.x_buffer;
  }
  // What the depthwise reads, and what the project does.
  __device__ __forceinline__ char* halo(int slice) const {
    return kModule.expand.present ? shared_ + kCut.halo_offset : input(slice);
  }
  __device__ __forceinline__ char* operand(int slice) const {
    return kModule.lone() ? input(slice)
                          : shared_ + kCut.operand_offset + slice % 2 * kCut.operand_buffer;
  }
  __device__ __forceinline__ Sum<kElement>* sums() const {
    return reinterpret_cast<Sum<kElement>*>(shared_ + kCut.sum_offset);
  }

  // --- copies into it ---------------------------------------------------------------------------

  // Slices are counted within the block: this is which of all it is.
  __device__ __forceinline__ int among_all(int slice) const {
    return rank_ + slice * kTile.blocks_sums;
  }
  // The first channel of a slice: of the project's operand, or of y.
  __device__ __forceinline__ int first_channel(int slice) const {
    return kModule.project.present ? among_all(slice) * kMiddle : place_.k;
  }

  __device__ __forceinline__ void fetch_constants(int slice) {
    const int c0 = first_channel(slice), m0 = c0 / kModule.multiplier();
    if constexpr (kModule.depthwise.present) {
      constexpr int kLine = round_up(kModule.filtered_c, 4) * 4;
      copy_lines<kThreads, kModule.taps(), kMiddle * 4>(
          taps(slice), static_cast<const char*>(a_.depthwise.w) + c0 * 4ll, kLine, kLine - c0 * 4);
      copy_constants<kModule, kModule.depthwise, kThreads, kMiddle>(
          filter_constants(slice), a_.depthwise, c0, kModule.filtered_c);
    }
    if constexpr (kModule.expand.present) {
      copy_constants<kModule, kModule.expand, kThreads, kMiddleIn>(expand_constants(slice),
                                                                   a_.expand, m0, kModule.mid_c);
    }
    if constexpr (kTile.stage_weights && kModule.expand.present) {
      constexpr int kPanels = ceil_div(kMiddleIn, kPanel);
      const int first = m0 / kPanel, left = ceil_div(kModule.mid_c, kPanel) - first;
      copy_lines<kThreads, 1, kPanels * kExpandPanel>(stage(slice) + kCut.expand_weights,
                                                      expand_weights(first), 0,
                                                      smaller(left, kPanels) * kExpandPanel);
    }
    if constexpr (kTile.stage_weights && kModule.project.present) {
      constexpr int kBytes = panel_bytes(kElement, kMiddle);
      constexpr int kPanels = kTile.outputs / kPanel;
      const int first = place_.k / kPanel, left = ceil_div(kModule.k, kPanel) - first;
      char* const to = stage(slice) + kCut.project_weights;
      const char* const from = project_weights(first) + among_all(slice) * kBytes;
      const int there = smaller(kProjectPanel - among_all(slice) * kBytes, kBytes);
      if (left >= kPanels) {
        copy_lines<kThreads, kPanels, kBytes>(to, from, kProjectPanel, there);
      } else {  // what lies past the last panel is used for nothing
        for (int panel = 0; panel < left; ++panel) {
          copy_lines<kThreads, 1, kBytes>(
              to + panel * kBytes, from + static_cast<long long>(panel) * kProjectPanel, 0, there);
        }
      }
    }
  }
  __device__ __forceinline__ const char* expand_weights(int panel) const {
    return static_cast<const char*>(a_.expand.w) + static_cast<long long>(panel) * kExpandPanel;
  }
  __device__ __forceinline__ const char* project_weights(int panel) const {
    return static_cast<const char*>(a_.project.w) + static_cast<long long>(panel) * kProjectPanel;
  }

  // What a block copies of x: for a slice, where no expand is before it, or for one.
  using Input = MapCopy<kModule, kThreads, kModule.lone() ? kTile.rows : kCut.halo_rows,
                        kModule.lone() ? kTile.columns : kCut.halo_columns,
                        kModule.lone() ? kModule.project_stride_h : 1,
                        kModule.lone() ? kModule.project_stride_w : 1,
                        kModule.expand.present ? kTile.inputs : kMiddleIn,
                        kModule.expand.present ? kCut.x_pitch : kCut.input_pitch>;

  // The part of x that comes first.
  __device__ __forceinline__ Input first_input() const {
    const int c0 = kModule.expand.present ? 0 : first_channel(0) / kModule.multiplier();
    return Input(a_.x, window_, c0);
  }
  // The slice's part of x, where no expand is before it.
  __device__ __forceinline__ void fetch_input(int slice) {
    if constexpr (!kModule.expand.present) {
      Input(a_.x, window_, first_channel(slice) / kModule.multiplier()).start(input(slice));
    }
  }
  // A slice of x's channels for an expand.
  __device__ __forceinline__ void load_x(int slice) {
    Input(a_.x, window_, slice * kTile.inputs).start(x(slice));
  }

  // x of the place after this one, into where x of the one before was.
  __device__ __forceinline__ void fetch_next_place() {
    if constexpr (kTile.walks) {
      if (next_ >= kCut.blocks) return;
      Block next = *this;
      next.go_to(next_);
      ++next.turn_;
      next.fetch_input(0);
      if constexpr (kModule.expand.present) next.load_x(0);
      end_copies();
    }
  }

  // --- the stages -------------------------------------------------------------------------------

  // Expands the channels of a slice over the halo, into what comes next. All is fetched but, with
  // x in slices, x after the first: of that only where this is not the first slice of channels.
  __device__ __forceinline__ void expand(int slice) {
    const int m0 = first_channel(slice) / kModule.multiplier();
    constexpr int kPanels = ceil_div(kMiddleIn, kPanel);
    constexpr int kWarps = kTile.expand_warps_pixels;
    constexpr int kPixelTiles = ceil_div(kCut.halo_pixels, kTilePixels);
    const Share<kWarps, kPixelTiles % kWarps == 0> pixels{warp() % kWarps, kPixelTiles - 1};
    const int first = m0 / kPanel;
    constexpr int kAllPanels = ceil_div(kModule.mid_c, kPanel);
    constexpr int kOthers = kTile.warps() / kWarps;
    const Share<kOthers, kPanels % kOthers == 0 && kAllPanels % kPanels == 0> panels{
        warp() / kWarps, smaller(kPanels, kAllPanels - first) - 1};
    constexpr bool kStaged = kTile.stage_weights;
    const char* const weights =
        kStaged ? stage(slice) + kCut.expand_weights : expand_weights(first);
    Product<kElement, kCut.expand_panels, kCut.expand_pixel_tiles, kStaged> product;
    product.clear();
    constexpr int kStepsAll = ceil_div(kModule.c, step_channels(kElement));
    constexpr int kSteps = ceil_div(kTile.inputs, step_channels(kElement));
    if constexpr (kCut.input_slices == 1) {
      product.template multiply<kCut.x_pitch, kExpandPanel>(x(0), pixels, weights, panels, 0, 1,
                                                            kStepsAll);
    } else {
      if (slice > 0) {
        load_x(0);
        end_copies();
      }
#pragma unroll 1
      for (int part = 0; part < kCut.input_slices; ++part) {
        wait_copies<0>();
        __syncthreads();  // the part is there, and nobody reads the one before
        if (part + 1 < kCut.input_slices) {
          load_x(part + 1);
          end_copies();
        }
        product.template multiply<kCut.x_pitch, kExpandPanel>(
            x(part), pixels, weights + part * kSteps * step_bytes(kElement), panels, 0, 1,
            smaller(kSteps, kStepsAll - part * kSteps));
      }
    }
    // For a depthwise the halo, padding in it being zeros; for a project its operand.
    constexpr int kPitch = kModule.depthwise.present ? kCut.halo_pitch : kCut.operand_pitch;
    char* const to = kModule.depthwise.present ? halo(slice) : operand(slice);
    const char* const constants = expand_constants(slice);
    const bool interior = window_.row >= 0 && window_.row + kCut.halo_rows <= kModule.mid_h &&
                          window_.column >= 0 &&
                          window_.column + kCut.halo_columns <= kModule.mid_w;
    product.for_each(pixels, panels, [&](int c) {
      const FourChannels channels = four_channels<kModule, kModule.expand, kMiddleIn>(constants, c);
      return [=, this](int pixel, const Sum<kElement>(&sums)[4]) {
        if (kCut.halo_pixels % kTilePixels != 0 && pixel >= kCut.halo_pixels) return;
        bool inside = true;
        if (kModule.depthwise.present && !interior) {
          const int row = window_.row + pixel / kCut.halo_columns;
          const int column = window_.column + pixel % kCut.halo_columns;
          inside = row >= 0 && row < kModule.mid_h && column >= 0 && column < kModule.mid_w;
        }
        float v[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          v[i] = finish<kModule, kModule.expand, Residual::kNone>(sums[i], channels.of[i], 0.0f);
          if (!inside || (kModule.mid_c % kPanel != 0 && m0 + c + i >= kModule.mid_c)) v[i] = 0.0f;
        }
        *reinterpret_cast<FourOf<kElement>*>(to + pixel * kPitch + c * kSize) =
            from_f32<kElement>(float4{v[0], v[1], v[2], v[3]});
      };
    });
    __syncthreads();
  }

  // Filters the channels of a slice: into lines of the project's operand, or into y.
  __device__ __forceinline__ void filter(int slice) {
    const int c0 = first_channel(slice);
    constexpr int kPitch = kModule.expand.present ? kCut.halo_pitch : kCut.input_pitch;
    const char* const from = halo(slice);
    char* const to = operand(slice);
    if constexpr (tensor_filter(kModule, kTile)) {
      TensorFilter<kModule, kTile, kPitch>{a_,   place_, taps(slice), filter_constants(slice),
                                           from, to,     sums(),      c0}
          .run();
    } else {
      filter_by_multiply_adds(slice, c0, from, to);
    }
  }

  __device__ __forceinline__ void filter_by_multiply_adds(int slice, int c0, const char* from,
                                                          char* to) {
    constexpr int kPitch = kModule.expand.present ? kCut.halo_pitch : kCut.input_pitch;
    [[maybe_unused]] Corner<kModule> tile{};
    if constexpr (!kModule.project.present && kModule.y_layout == Layout::kNhwc) {
      tile = corner<kModule>(a_, place_);
    }
    const auto load = [&](int row, int column, int c) {
      const char* const corner = from + (row * kCut.halo_columns + column) * kPitch;
      return [=](int i, int j) -> float4 {
        const char* const pixel = corner + (i * kCut.halo_columns + j) * kPitch;
        if constexpr (kModule.multiplier() == 1) {
          return to_f32<kElement>(*reinterpret_cast<const FourOf<kElement>*>(pixel + c * kSize));
        } else {
          const auto one = [&](int k) {
            return one_to_f32<kElement>(
                reinterpret_cast<const T*>(pixel)[(c + k) / kModule.multiplier()]);
          };
          return {one(0), one(1), one(2), one(3)};
        }
      };
    };
    filter_tile<kModule, kTile, kMiddle>(
        taps(slice), filter_constants(slice), load,
        [&](int row, int column, int c, [[maybe_unused]] FourChannels channels, float4 four) {
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
              v[i] = finish<kModule, kModule.depthwise, Residual::kNone, true>(
                  sums[i], channels.of[i], 0.0f);
              // Nothing but zeros may meet the zero weights past the last channel.
              if constexpr (kModule.filtered_c % kMiddle != 0) {
                if (c0 + c + i >= kModule.filtered_c) v[i] = 0.0f;
              }
            }
            *reinterpret_cast<FourOf<kElement>*>(to + pixel * kCut.operand_pitch + c * kSize) =
                from_f32<kElement>(float4{v[0], v[1], v[2], v[3]});
          } else if constexpr (kModule.y_layout == Layout::kNhwc) {
            store_four<kModule, kModule.depthwise, kTile, true>(tile, channels, place_, row, column,
                                                                c, sums);
          } else {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              this->sums()[pixel * kCut.sum_pitch + c + i] = sums[i];
            }
          }
        });
  }

  __device__ __forceinline__ void run_project() {
    constexpr int kPanels = kTile.outputs / kPanel;
    const int in_pixels = warp() % kTile.warps_pixels;
    const int in_outputs = warp() / kTile.warps_pixels % kTile.warps_outputs;
    const int in_sums = warp() / (kTile.warps_pixels * kTile.warps_outputs);
    const int first = place_.k / kPanel;
    constexpr int kPixelTiles = ceil_div(kCut.pixels, kTilePixels);
    constexpr int kAllPanels = ceil_div(kModule.k, kPanel);
    const Share<kTile.warps_pixels, kPixelTiles % kTile.warps_pixels == 0> pixels{in_pixels,
                                                                                  kPixelTiles - 1};
    const Share<kTile.warps_outputs,
                kPanels % kTile.warps_outputs == 0 && kAllPanels % kPanels == 0>
        panels{in_outputs, smaller(kPanels, kAllPanels - first) - 1};
    constexpr int kSteps = kMiddle / step_channels(kElement);
    constexpr int kStepsAll = ceil_div(kModule.filtered_c, step_channels(kElement));
    constexpr int kPitch = kModule.lone() ? kCut.input_pitch : kCut.operand_pitch;
    constexpr bool kStaged = kTile.stage_weights;
    constexpr int kPanelBytes = kStaged ? panel_bytes(kElement, kMiddle) : kProjectPanel;
    Product<kElement, kCut.project_panels, kCut.project_pixel_tiles, kStaged> product;
    product.clear();
    const int slices = (kCut.middle_slices - rank_ + kTile.blocks_sums - 1) / kTile.blocks_sums;
#pragma unroll 1
    for (int slice = 0; slice < slices; ++slice) {
      wait_copies<0>();
      __syncthreads();  // the slice is there, and nobody works on the one before
      fetch_next_place();
      if (slice + 1 < slices) {
        fetch_constants(slice + 1);
        fetch_input(slice + 1);
        end_copies();
      }
      if constexpr (kModule.expand.present) expand(slice);
      if constexpr (kModule.depthwise.present) {
        filter(slice);
        __syncthreads();
      }
      const char* const weights =
          kStaged ? stage(slice) + kCut.project_weights
                  : project_weights(first) + among_all(slice) * kSteps * step_bytes(kElement);
      product.template multiply<kPitch, kPanelBytes>(
          operand(slice), pixels, weights, panels, in_sums, kTile.warps_sums,
          smaller(kSteps, kStepsAll - among_all(slice) * kSteps));
    }
    if constexpr (direct(kModule, kTile)) {
      const Corner<kModule> tile = corner<kModule>(a_, place_);
      product.for_each(pixels, panels, [&](int c) {
        const FourChannels channels = four_channels<kModule, kModule.project, kTile.outputs>(
            shared_ + kCut.project_constants, c);
        return [=, this](int pixel, const Sum<kElement>(&sums)[4]) {
          if (kCut.pixels % kTilePixels != 0 && pixel >= kCut.pixels) return;
          store_four<kModule, kModule.project, kTile>(tile, channels, place_, pixel / kTile.columns,
                                                      pixel % kTile.columns, c, sums);
        };
      });
      return;
    }
    __syncthreads();  // the sums lie where operands were
    Sum<kElement>* const plane =
        sums() + in_sums * round_up(kCut.pixels, kTilePixels) * kCut.sum_pitch;
    product.for_each(pixels, panels, [&](int c) {
      return [=](int pixel, const Sum<kElement>(&sums)[4]) {
        *reinterpret_cast<int4*>(plane + pixel * kCut.sum_pitch + c) =
            int4{__builtin_bit_cast(int, sums[0]), __builtin_bit_cast(int, sums[1]),
                 __builtin_bit_cast(int, sums[2]), __builtin_bit_cast(int, sums[3])};
      };
    });
    if constexpr (kTile.blocks_sums > 1) {
      cluster_barrier();
    } else {
      __syncthreads();
    }
    store_sums<kModule, kModule.project, kTile>(a_, shared_ + kCut.project_constants, place_, rank_,
                                                sums());
    if constexpr (kTile.blocks_sums > 1) cluster_barrier();  // others may still read ours
  }

  const Arguments& a_;
  char* const shared_;
  int rank_;
  Place place_;
  Window window_;
  unsigned next_ = 0;  // block whose place this one works in next
  int turn_ = 0;       // how many places it has worked in
};

template <Module kModule, Tile kTile>
__device__ __forceinline__ void fused_module(const Arguments& arguments) {
  extern __shared__ __align__(16) char fused_shared[];
  Block<kModule, kTile>(arguments, fused_shared).run();
}

}  // namespace convoy::fused_cuda
