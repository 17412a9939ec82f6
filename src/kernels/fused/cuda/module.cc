#include "kernels/fused/cuda/module.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "cuda/device.h"
#include "cuda/module.h"
#include "kernels/fused/cuda/describe.h"
#include "kernels/fused/cuda/pack.h"

namespace convoy::fused_cuda {
namespace {

class FusedModule final : public Kernel {
 public:
  FusedModule(const FusedProblem& problem, const DeviceDesc& device, const Tile& tile,
              const cuda::Binary& binary)
      : device_(cuda::Device::get(device.cuda.ordinal)),
        operands_(device_, problem, tile),
        residual_(problem.has_residual() ? fused_residual(problem.stages.size()) : 0) {
    const TileReport cut = report(problem, tile, device);
    const auto shared = static_cast<std::size_t>(cut.shared_bytes);
    kernel_ = cuda::Kernel(device_, binary, shared);
    shape_ = {.grid = {static_cast<std::uint32_t>(cut.blocks), 1, 1},
              .block = {static_cast<std::uint32_t>(cut.threads), 1, 1},
              .shared_bytes = shared,
              .cluster = static_cast<std::uint32_t>(tile.blocks_sums),
              .overlaps_former = device.cuda.compute_major >= 9};
    if (cut.walking_slices != 0) {
      // As many blocks as run at once, each working in as many places as the others.
      const std::int64_t unit = cut.walking_slices;
      const std::int64_t most = std::max<std::int64_t>(
          1, device.cores * kernel_.blocks_at_once(cut.threads, shared) / unit);
      const std::int64_t places = cut.blocks / unit;
      const std::int64_t rounds = (places + most - 1) / most;
      shape_.grid[0] = static_cast<std::uint32_t>((places + rounds - 1) / rounds * unit);
    }
    if (shape_.overlaps_former) kernel_.spread(shape_);
  }

  void run(const RunArgs& args) const override {
    Arguments arguments = operands_.arguments();
    arguments.x = args.inputs[kFusedX].data;
    // An Op::kConv has its residual elsewhere, but last as well.
    if (residual_ != 0) arguments.residual = args.inputs.back().data;
    arguments.y = args.outputs[0].data;
    kernel_(shape_, static_cast<CUstream>(args.stream), arguments);
  }
  std::size_t packed_bytes() const override { return operands_.bytes(); }
  bool reads_constant(std::size_t) const override { return false; }

 private:
  const cuda::Device& device_;
  DeviceOperands operands_;
  std::size_t residual_;
  cuda::Kernel kernel_;
  cuda::LaunchShape shape_;
};

}  // namespace

cuda::Program module_program(const FusedProblem& problem, const Tile& tile) {
  std::string source = "#include \"kernels/fused/cuda/module.cuh\"\n";
  source += constants(describe(problem), tile);
  source += "extern \"C\" __global__ void __launch_bounds__(" + std::to_string(tile.threads()) +
            ", " + std::to_string(tile.blocks) +
            ")\nfused_module(const __grid_constant__ convoy::fused_cuda::Arguments arguments) {\n"
            "  convoy::fused_cuda::fused_module<kModule, kTile>(arguments);\n}\n";
  return {.kernel = "fused_module", .source = std::move(source), .options = {}};
}

std::unique_ptr<Kernel> make_module(const OpDesc& op, const DeviceDesc& device, const Tile& tile) {
  return make_module(fused_problem(op), device, std::span(&tile, 1));
}

std::unique_ptr<Kernel> make_module(const FusedProblem& problem, const DeviceDesc& device,
                                    std::span<const Tile> tiles) {
  for (const Tile& tile : tiles) {
    if (const std::string reason = report(problem, tile, device).reason; !reason.empty()) {
      fail(ErrorCode::kInvalidArgument, "tile " + to_string(tile) + ": " + reason);
    }
  }
  std::optional<cuda::Binary> first;
  for (const Tile& tile : tiles) {
    const cuda::Program program = module_program(problem, tile);
    cuda::Binary binary = std::move(cuda::compile({&program, 1}, device.cuda.arch)[0]);
    if (binary.resources.spill_bytes == 0) {
      return std::make_unique<FusedModule>(problem, device, tile, binary);
    }
    if (!first) first = std::move(binary);
  }
  if (!first) fail(ErrorCode::kInvalidArgument, "a fused module needs a tile");
  return std::make_unique<FusedModule>(problem, device, tiles[0], *first);
}

}  // namespace convoy::fused_cuda
