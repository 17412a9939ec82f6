#include "kernels/conv/cuda/window.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "kernels/conv/cuda/entries.h"
#include "kernels/conv/cuda/program.h"
#include "kernels/conv/cuda/tuned_tiles.h"

namespace convoy {
namespace conv_cuda {
namespace {

std::string tile_constant(const Tile& t) {
  const auto field = [](const char* name, int value) {
    return std::string(".") + name + "=" + std::to_string(value) + ",";
  };
  const auto flag = [](const char* name, bool value) {
    return std::string(".") + name + "=" + (value ? "true," : "false,");
  };
  return "constexpr convoy::conv_cuda::Tile kTile{" + field("q", t.q) + field("k", t.k) +
         field("k_threads", t.k_threads) + field("segments", t.segments) +
         field("row_segments", t.row_segments) + field("warp_k", t.warp_k) +
         field("split", t.split) + field("channels", t.channels) + field("rows", t.rows) +
         field("buffers", t.buffers) + field("blocks", t.blocks) +
         flag("separate_windows", t.separate_windows) + flag("q_outer", t.q_outer) +
         flag("back_and_forth", t.back_and_forth) + flag("shared_memory", t.shared_memory) +
         flag("vector_loads", t.vector_loads) + flag("prefetch", t.prefetch) + "};\n";
}

// [group][k tile][channel stage][row stage][plane][row][lane][s][channel of the block], zero past
// the filter's end.
std::vector<float> pack_window_weights(const ConvProblem& problem, const Tile& t,
                                       const TileSizes& z) {
  const ConvDesc& d = problem.desc;
  const std::size_t stages = static_cast<std::size_t>(z.stages);
  const std::size_t stage_floats = static_cast<std::size_t>(z.w_stage);
  std::vector<float> packed(static_cast<std::size_t>(d.groups) *
                            static_cast<std::size_t>(z.k_tiles) * stages * stage_floats);
  const float* from = static_cast<const float*>(problem.weights);
  for (std::int64_t k = 0; k < d.k; ++k) {
    const std::int64_t in_group = k % z.group_k;
    const std::int64_t tile = k / z.group_k * z.k_tiles + in_group / z.block_k;
    for (std::int64_t c = 0; c < z.group_c; ++c) {
      for (std::int64_t r = 0; r < d.r; ++r) {
        const std::int64_t stage =
            (tile * z.channel_stages + c / t.channels) * z.row_stages + r / t.rows;
        const std::int64_t plane = c % t.channels / z.lanes, lane = c % z.lanes;
        const std::int64_t tap = ((plane * t.rows + r % t.rows) * z.lanes + lane) * d.s;
        float* to = packed.data() + stage * z.w_stage + tap * z.block_k + in_group % z.block_k;
        for (std::int64_t s = 0; s < d.s; ++s) to[s * z.block_k] = *from++;
      }
    }
  }
  return packed;
}

class WindowConv final : public DeviceConv {
 public:
  WindowConv(const ConvProblem& problem, const DeviceDesc& device, Tile tile)
      : DeviceConv(problem, device,
                   pack_window_weights(problem, tile, sizes_of(window_problem(problem), tile))) {
    const cuda::Binary binary = compile_window(problem, tile, device);
    const TileSizes z = sizes_of(window_problem(problem), tile);
    shape_ = {.grid = {static_cast<std::uint32_t>(z.blocks), 1, 1},
              .block = {static_cast<std::uint32_t>(z.threads), 1, 1},
              .shared_bytes = static_cast<std::size_t>(z.shared_bytes)};
    kernel_ = cuda::Kernel(device_, binary, shape_.shared_bytes);
  }

  void run(const RunArgs& args) const override {
    const DeviceOperands operands = device_operands(args);
    kernel_(shape_, operands.stream, operands.x, weights_.weights(), weights_.bias(),
            operands.residual, operands.y);
  }

 private:
  cuda::LaunchShape shape_;
  cuda::Kernel kernel_;
};

Support supports(const OpDesc& op, const DeviceDesc& device) {
  const ConvProblem problem = conv_problem(op);
  if (Support support = supports_cuda(problem); !support) return support;
  const Problem cut = window_problem(problem);
  Support support;
  for (const Tile& least : least_tiles(cut)) {
    if (!countable(cut, least)) {
      support = Support::no("counts staged rows and columns in 32 bits");
      continue;
    }
    const TileSizes z = sizes_of(cut, least);
    if (feasible(cut, least, z, device)) return Support::yes();
    support = Support::no(!z.addressable ? "an image has more elements than its offsets count"
                          : z.shared_bytes > device.cuda.shared_bytes_block
                              ? "the windows of one channel do not fit shared memory"
                              : "a window of " + std::to_string(z.window) +
                                    " values does not fit a thread's registers");
  }
  return support;
}

Estimate estimate(const OpDesc& op, const DeviceDesc& device) {
  const ConvProblem problem = conv_problem(op);
  const Problem cut = window_problem(problem);
  const Tile tile = *choose_tile(problem, device);
  const TileSizes z = sizes_of(cut, tile);
  Estimate estimate = estimate_on_gpu(problem, device, {});
  estimate.bytes_l2 = estimate.bytes_dram +
                      4.0 * static_cast<double>(z.blocks) * z.stages * (z.x_stage + z.w_stage);
  estimate.seconds = std::max(estimate.seconds, predict_seconds(cut, tile, z, device));
  return estimate;
}

std::unique_ptr<Kernel> prepare(const OpDesc& op, const DeviceDesc& device) {
  const ConvProblem problem = conv_problem(op);
  return std::make_unique<WindowConv>(problem, device, *choose_tile(problem, device));
}

}  // namespace

cuda::Program window_program(const ConvProblem& problem, const Tile& tile) {
  std::string source = "#include \"kernels/conv/cuda/window.cuh\"\n";
  source += problem_constant(problem) + tile_constant(tile);
  source +=
      "using namespace convoy::conv_cuda;\n"
      "extern \"C\" __global__ void __launch_bounds__(sizes_of(kProblem, kTile).threads, "
      "kTile.blocks)\n"
      "conv_window(const float* __restrict__ x, const float* __restrict__ w,\n"
      "    const float* __restrict__ bias, const float* __restrict__ residual,\n"
      "    float* __restrict__ y) {\n"
      "  window_conv<kProblem, kTile>(x, w, bias, residual, y);\n}\n";
  return {.kernel = "conv_window", .source = std::move(source), .options = {}};
}

namespace {

// Segments in steps of whole warps.
int warp_segments(const Tile& tile) { return 32 / tile.warp_k; }

void halve_segments(Tile& tile) {
  tile.segments = round_up(div_up(tile.segments, 2), warp_segments(tile));
}

// Fewer channels or rows a stage first: threads are what hides latency.
void fit(Tile& t, const Problem& problem, const DeviceDesc& device) {
  for (;;) {
    const TileSizes z = sizes_of(problem, t);
    const int planes = t.channels / z.lanes / t.split;  // of each part of the reduction
    if (launchable(problem, t, z, device)) return;
    if (t.blocks > 1) {
      --t.blocks;
    } else if (planes > 1) {
      t.channels = div_up(planes, 2) * t.split * z.lanes;
    } else if (t.rows > div_up(problem.r, kMostRowStages) && t.channels == z.lanes) {
      t.rows = max_of(div_up(t.rows, 2), div_up(problem.r, kMostRowStages));
    } else if (t.segments > warp_segments(t)) {
      halve_segments(t);
    } else {
      return;  // as much as was asked for, and the driver says why not
    }
  }
}

}  // namespace

cuda::Binary compile_window(const ConvProblem& problem, Tile& tile, const DeviceDesc& device) {
  for (;;) {
    const cuda::Program program = window_program(problem, tile);
    cuda::Binary binary = std::move(cuda::compile({&program, 1}, device.cuda.arch)[0]);
    if (binary.resources.spill_bytes == 0) return binary;
    if (tile.blocks > 1) {
      --tile.blocks;
    } else if (tile.segments > warp_segments(tile)) {
      halve_segments(tile);
    } else {
      return binary;
    }
  }
}

Tile reduced(const Tile& tile, const WindowTechniques& techniques, const Problem& problem,
             const DeviceDesc& device) {
  Tile t = tile;
  t.shared_memory = techniques.shared_memory;
  t.vector_loads = techniques.vector_loads;
  t.prefetch = t.prefetch && techniques.prefetch;
  if (!techniques.double_buffer) t.buffers = 1;
  if (!techniques.micro_kernel) {
    // One output a thread: blocks of 256 outputs, along channels first.
    t.q = t.k = t.split = t.blocks = 1;
    t.k_threads = 1;
    while (t.k_threads < 16 && t.k_threads < problem.group_k()) t.k_threads *= 2;
    t.warp_k = min_of(t.k_threads, 4);
    t.segments = 256 / t.k_threads;
    t.row_segments = min_of(problem.q, 32);
  }
  if (!techniques.tiling) {
    // A window serves the channels of one thread alone.
    t.segments = round_up(t.k_threads * t.segments, 32);
    t.k_threads = t.warp_k = 1;
  }
  fit(t, problem, device);
  return t;
}

}  // namespace conv_cuda

const Implementation kConvWindowCuda = {.name = "conv.im2win.cuda.f32",
                                        .supports = conv_cuda::supports,
                                        .workspace = no_workspace,
                                        .estimate = conv_cuda::estimate,
                                        .prepare = conv_cuda::prepare,
                                        .device = DeviceDesc::Kind::kCuda};

std::vector<cuda::Program> window_programs(const OpDesc& op, const DeviceDesc& device) {
  const ConvProblem problem = conv_problem(op);
  return {conv_cuda::window_program(problem, *conv_cuda::choose_tile(problem, device))};
}

std::unique_ptr<Kernel> make_window_conv(const OpDesc& op, const DeviceDesc& device,
                                         const WindowTechniques& techniques) {
  const ConvProblem problem = conv_problem(op);
  const conv_cuda::Tile tile = *conv_cuda::choose_tile(problem, device);
  return make_window_conv(
      op, device, conv_cuda::reduced(tile, techniques, conv_cuda::window_problem(problem), device));
}

std::unique_ptr<Kernel> make_window_conv(const OpDesc& op, const DeviceDesc& device,
                                         const conv_cuda::Tile& tile) {
  return std::make_unique<conv_cuda::WindowConv>(conv_problem(op), device, tile);
}

}  // namespace convoy
