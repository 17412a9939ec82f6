// conv.im2win.cuda.f32: implicit im2win, the whole convolution and its epilogue in one kernel
// without workspace (window.cuh).
#pragma once

#include <memory>

#include "cuda/compile.h"
#include "kernels/conv/cuda/window_tiles.h"

namespace convoy {

// The techniques that Lu et al. name, to be switched off one by one in an ablation.
struct WindowTechniques {
  bool shared_memory =
      true;                  // operands staged in shared memory; otherwise read where they are used
  bool tiling = true;        // a block shares a staged window among many output channels
  bool micro_kernel = true;  // a thread computes a tile of outputs; otherwise one output
  bool vector_loads = true;  // 16-byte copies and loads where alignment allows
  bool double_buffer = true;  // the next stage is fetched while this one is multiplied
  bool prefetch = true;       // the next filter values are loaded before they are needed
};

// The kernel with the tile that would be chosen, less what `techniques` leaves out.
std::unique_ptr<Kernel> make_window_conv(const OpDesc& op, const DeviceDesc& device,
                                         const WindowTechniques& techniques);
// With this tile, as tuning measures it.
std::unique_ptr<Kernel> make_window_conv(const OpDesc& op, const DeviceDesc& device,
                                         const conv_cuda::Tile& tile);

namespace conv_cuda {

// The tile less what `techniques` leaves out, its blocks made smaller until the device has room for
// what they then stage; launchable() says whether it came to have.
Tile reduced(const Tile& tile, const WindowTechniques& techniques, const Problem& problem,
             const DeviceDesc& device);

// What is compiled for the tile.
cuda::Program window_program(const ConvProblem& problem, const Tile& tile);
// Compiled with fewer blocks a multiprocessor, then with fewer threads, as `tile` then says, where
// registers do not suffice for so many.
cuda::Binary compile_window(const ConvProblem& problem, Tile& tile, const DeviceDesc& device);

}  // namespace conv_cuda
}  // namespace convoy
