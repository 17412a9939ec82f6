#include "kernels/fused/cpu_run.h"

#include <algorithm>

namespace convoy {
namespace {

using Residual = Epilogue::Residual;

constexpr std::int64_t kLineFloats = 64 / sizeof(float);
std::int64_t whole_lines(std::int64_t floats) {
  return (floats + kLineFloats - 1) / kLineFloats * kLineFloats;
}

// Channels [begin, begin + count) of the maps between, and where their packed weights lie.
struct Slice {
  std::int64_t begin = 0, count = 0;
  ConvDesc depthwise;  // of these channels alone
  std::int64_t expand_at = 0, depthwise_at = 0, project_at = 0;
};

// Rows [p_begin, p_end) and columns [q_begin, q_end) of y of one image.
struct Part {
  std::int64_t image = 0;
  std::int64_t p_begin = 0, p_end = 0, q_begin = 0, q_end = 0;
  std::int64_t columns() const { return q_end - q_begin; }
};

// Columns of the depthwise filter's input that a part reads.
struct Columns {
  std::int64_t begin = 0, end = 0;
};

class CpuKernel final : public Kernel {
 public:
  CpuKernel(const FusedProblem& problem, const CpuTile& tile, const CpuKernels& kernels)
      : problem_(problem),
        stages_(problem_),
        tile_(tile),
        scratch_(stages_, tile),
        gemm_(kernels.gemm),
        rows_(kernels.depthwise) {
    strips_ = (stages_.rows + tile_.rows - 1) / tile_.rows;
    bands_ = (stages_.columns + tile_.columns - 1) / tile_.columns;
    const std::int64_t floats = lay_out_slices();
    weights_ = Buffer(static_cast<std::size_t>(floats) * sizeof(float));
    for (const Slice& slice : slices_) pack(slice);
  }

  void run(const RunArgs& args) const override {
    // Slices add up in y unless they are channels of y.
    const std::int64_t apart = stages_.project ? 1 : slices();
    args.pool.parallel_for(stages_.images * strips_ * bands_ * apart, [&](std::int64_t task,
                                                                          int thread) {
      float* scratch = reinterpret_cast<float*>(args.workspace.data()) + thread * scratch_.floats();
      const std::int64_t where = task / apart;
      const std::int64_t band = where % bands_, strip = where / bands_ % strips_;
      const Part part{.image = where / bands_ / strips_,
                      .p_begin = stages_.rows * strip / strips_,
                      .p_end = stages_.rows * (strip + 1) / strips_,
                      .q_begin = stages_.columns * band / bands_,
                      .q_end = stages_.columns * (band + 1) / bands_};
      if (apart > 1) return walk(args, part, task % apart, scratch);
      for (std::int64_t slice = 0; slice < slices(); ++slice) walk(args, part, slice, scratch);
    });
  }
  std::size_t packed_bytes() const override { return weights_.size(); }
  bool reads_constant(std::size_t input) const override {
    for (std::size_t i = 0; i < problem_.stages.size(); ++i) {
      if (input == fused_w(i)) return false;
    }
    return true;
  }

 private:
  std::int64_t slices() const { return static_cast<std::int64_t>(slices_.size()); }
  float* packed() const { return reinterpret_cast<float*>(weights_.data()); }

  // Floats of packed weights.
  std::int64_t lay_out_slices() {
    std::int64_t floats = 0;
    const auto book = [&floats](std::int64_t count) {
      const std::int64_t at = floats;
      floats += whole_lines(count);
      return at;
    };
    for (std::int64_t begin = 0; begin < stages_.channels; begin += tile_.channels) {
      Slice slice{.begin = begin, .count = std::min(tile_.channels, stages_.channels - begin)};
      if (stages_.expand) {
        const std::int64_t depth = stages_.expand->desc.c;
        slice.expand_at = book(gemm_.packed_elements(depth, slice.count));
      }
      if (stages_.depthwise) {
        ConvDesc d = stages_.depthwise->desc;
        d.c = d.k = d.groups = slice.count;
        slice.depthwise = d;
        const std::int64_t blocks = (slice.count + rows_.lanes - 1) / rows_.lanes;
        slice.depthwise_at = book(blocks * rows_.lanes * d.r * d.s);
      }
      if (stages_.project) {
        slice.project_at = book(gemm_.packed_elements(slice.count, stages_.project->desc.k));
      }
      slices_.push_back(slice);
    }
    return floats;
  }

  void pack(const Slice& slice) const {
    if (stages_.expand) {
      const std::int64_t depth = stages_.expand->desc.c;
      gemm_.pack(static_cast<const float*>(stages_.expand->weights) + slice.begin * depth, 1, depth,
                 depth, slice.count, 0, gemm_.panels(slice.count), packed() + slice.expand_at);
    }
    if (stages_.depthwise) {
      const std::int64_t taps = slice.depthwise.r * slice.depthwise.s;
      rows_.pack(slice.depthwise,
                 static_cast<const float*>(stages_.depthwise->weights) + slice.begin * taps,
                 packed() + slice.depthwise_at);
    }
    if (stages_.project) {
      const std::int64_t k = stages_.project->desc.k, stride = stages_.project->desc.c;
      gemm_.pack(static_cast<const float*>(stages_.project->weights) + slice.begin, 1, stride,
                 slice.count, k, 0, gemm_.panels(k), packed() + slice.project_at);
    }
  }

  const float* bias(const RunArgs& args, const FusedStage* stage, std::int64_t first) const {
    if (!stage->has_bias) return nullptr;
    const auto i = static_cast<std::size_t>(stage - problem_.stages.data());
    return args.inputs[fused_bias(i)].as<float>() + first;
  }
  const float* residual(const RunArgs& args, std::int64_t at) const {
    if (!problem_.has_residual()) return nullptr;
    return args.inputs[fused_residual(problem_.stages.size())].as<float>() + at;
  }
  // Element of y's first channel.
  std::int64_t y_at(const Part& part, std::int64_t p) const {
    return ((part.image * stages_.rows + p) * stages_.columns + part.q_begin) * problem_.last().k;
  }

  // One slice of one part, step by step.
  void walk(const RunArgs& args, const Part& part, std::int64_t index, float* scratch) const {
    const Slice& slice = slices_[static_cast<std::size_t>(index)];
    float* const ring = scratch;
    float* const tile = scratch + scratch_.ring_floats();
    const Columns columns = stages_.depthwise ? columns_under(part) : Columns{};
    std::int64_t filled = 0;  // rows of the ring's map above this one have been there
    for (std::int64_t p = part.p_begin; p < part.p_end; p += tile_.step) {
      Part step = part;
      step.p_begin = p, step.p_end = std::min(p + tile_.step, part.p_end);
      if (stages_.expand && stages_.depthwise) {
        filled = fill_ring(args, step, columns, slice, filled, ring);
      } else if (stages_.expand) {
        expand(args, slice, step.q_begin, step.columns(), tile);
        if (index == 0) prefetch(args, step.q_end, step.columns());
      }
      if (stages_.depthwise) depthwise(args, step, columns, slice, ring, tile);
      if (stages_.project) project(args, step, index, tile);
    }
  }

  Columns columns_under(const Part& part) const {
    const ConvDesc& d = stages_.depthwise->desc;
    const std::int64_t first = part.q_begin * d.stride_w - d.pad_left;
    const std::int64_t last = (part.q_end - 1) * d.stride_w - d.pad_left + d.dilation_w * (d.s - 1);
    const std::int64_t begin = std::clamp<std::int64_t>(first, 0, d.w);
    return {begin, std::clamp<std::int64_t>(last + 1, begin, d.w)};
  }

  // Computes the rows under the filter that are not there yet; returns the first not computed.
  std::int64_t fill_ring(const RunArgs& args, const Part& step, const Columns& columns,
                         const Slice& slice, std::int64_t filled, float* ring) const {
    const ConvDesc& d = stages_.depthwise->desc;
    const std::int64_t top = step.p_begin * d.stride_h - d.pad_top;
    const std::int64_t bottom =
        (step.p_end - 1) * d.stride_h - d.pad_top + d.dilation_h * (d.r - 1);
    const std::int64_t end = std::clamp<std::int64_t>(bottom + 1, 0, d.h);
    const std::int64_t width = columns.end - columns.begin;
    // Whole rows follow each other in x and in the ring alike, but where the ring goes round.
    const bool joined = width == d.w && width == scratch_.ring_columns;
    std::int64_t h = std::max(filled, std::clamp<std::int64_t>(top, 0, d.h));
    while (h < end) {
      const std::int64_t slot = h % scratch_.ring_rows;
      const std::int64_t rows = joined ? std::min(end - h, scratch_.ring_rows - slot) : 1;
      expand(args, slice, (step.image * d.h + h) * d.w + columns.begin, rows * width,
             ring + slot * scratch_.ring_columns * scratch_.pitch);
      h += rows;
    }
    return std::max(filled, end);
  }

  // Pixels of x that the next task reads, while this one's second product keeps memory idle: worth
  // 1.3 times the speed where maps come from memory (two products of few channels).
  void prefetch(const RunArgs& args, std::int64_t first_pixel, std::int64_t pixels) const {
    const std::int64_t depth = stages_.expand->desc.c;
    const std::int64_t end = std::min(first_pixel + pixels, stages_.columns) * depth;
    const float* x = args.inputs[kFusedX].as<float>();
    for (std::int64_t i = first_pixel * depth; i < end; i += kLineFloats) __builtin_prefetch(x + i);
  }

  // The first pointwise convolution of `pixels` pixels of x.
  void expand(const RunArgs& args, const Slice& slice, std::int64_t first_pixel,
              std::int64_t pixels, float* to) const {
    const std::int64_t depth = stages_.expand->desc.c;
    gemm_.packed({.a = args.inputs[kFusedX].as<float>() + first_pixel * depth,
                  .lda = depth,
                  .rows = pixels,
                  .depth = depth,
                  .b = packed() + slice.expand_at,
                  .columns = slice.count,
                  .panel_begin = 0,
                  .panel_end = gemm_.panels(slice.count),
                  .y = to,
                  .ldy = scratch_.pitch,
                  .epilogue = {.column_bias = bias(args, stages_.expand, slice.begin),
                               .activation = stages_.expand->activation}});
  }

  // From the ring, or from x where nothing comes before; into the tile, or into y.
  void depthwise(const RunArgs& args, const Part& step, const Columns& columns, const Slice& slice,
                 const float* ring, float* tile) const {
    const ConvDesc& d = stages_.depthwise->desc;
    DepthwiseRows rows{.desc = &slice.depthwise,
                       .weights = packed() + slice.depthwise_at,
                       .bias = bias(args, stages_.depthwise, slice.begin),
                       .activation = stages_.depthwise->activation,
                       .p_begin = step.p_begin,
                       .p_end = step.p_end,
                       .q_begin = step.q_begin,
                       .q_end = step.q_end,
                       .block_begin = 0,
                       .block_end = (slice.count + rows_.lanes - 1) / rows_.lanes};
    if (stages_.expand) {
      rows.x = ring, rows.x_ring = scratch_.ring_rows;
      rows.x_left = columns.begin, rows.x_columns = columns.end - columns.begin;
      rows.x_pixel = scratch_.pitch, rows.x_row = scratch_.ring_columns * scratch_.pitch;
    } else {
      rows.x = args.inputs[kFusedX].as<float>() + step.image * d.h * d.w * d.c + slice.begin;
      rows.x_columns = d.w, rows.x_pixel = d.c, rows.x_row = d.w * d.c;
    }
    if (stages_.project) {
      rows.y = tile;
      rows.y_pixel = scratch_.pitch, rows.y_row = step.columns() * scratch_.pitch;
    } else {
      const std::int64_t at = y_at(step, step.p_begin) + slice.begin;
      rows.y = args.outputs[0].as<float>() + at;
      rows.residual = residual(args, at);
      rows.y_pixel = rows.residual_pixel = d.k;
      rows.y_row = rows.residual_row = d.q() * d.k;
      rows.residual_after = problem_.residual == Residual::kAfterActivation;
    }
    rows_.rows(rows);
  }

  // The last pointwise convolution's sum over slice `index`, added to those before it.
  void project(const RunArgs& args, const Part& step, std::int64_t index, const float* tile) const {
    const Slice& slice = slices_[static_cast<std::size_t>(index)];
    const std::int64_t k = stages_.project->desc.k, width = step.columns();
    const bool first = index == 0, last = index + 1 == slices();
    const bool after = problem_.residual == Residual::kAfterActivation;
    // Whole rows of y follow each other.
    const bool joined = width == stages_.columns;
    const std::int64_t runs = joined ? 1 : step.p_end - step.p_begin;
    const std::int64_t pixels = joined ? (step.p_end - step.p_begin) * width : width;
    for (std::int64_t run = 0; run < runs; ++run) {
      const std::int64_t at = y_at(step, step.p_begin + run);
      float* y = args.outputs[0].as<float>() + at;
      GemmBlock gemm{.a = tile + run * pixels * scratch_.pitch,
                     .lda = scratch_.pitch,
                     .rows = pixels,
                     .depth = slice.count,
                     .b = packed() + slice.project_at,
                     .columns = k,
                     .panel_begin = 0,
                     .panel_end = gemm_.panels(k),
                     .y = y,
                     .ldy = k};
      GemmEpilogue& e = gemm.epilogue;
      e.addend_row = k;
      e.addend = first ? residual(args, at) : y;
      if (first && !last && after) e.addend = nullptr;
      if (last) {
        e.column_bias = bias(args, stages_.project, 0);
        e.activation = stages_.project->activation;
        e.addend_after = first && after;
      }
      gemm_.packed(gemm);
      if (last && !first && after) {
        const float* added = residual(args, at);
        for (std::int64_t i = 0; i < pixels * k; ++i) y[i] += added[i];
      }
    }
  }

  const FusedProblem problem_;
  const CpuStages stages_;
  const CpuTile tile_;
  const CpuScratch scratch_;
  const GemmKernels& gemm_;
  const DepthwiseKernels& rows_;
  std::int64_t strips_ = 0, bands_ = 0;
  std::vector<Slice> slices_;
  Buffer weights_;
};

}  // namespace

std::size_t cpu_module_workspace(const FusedProblem& problem, const CpuTile& tile, int threads) {
  const CpuScratch scratch(CpuStages(problem), tile);
  return static_cast<std::size_t>(scratch.floats() * threads) * sizeof(float);
}

std::unique_ptr<Kernel> make_cpu_module(const FusedProblem& problem, const CpuTile& tile,
                                        const CpuKernels& kernels) {
  return std::make_unique<CpuKernel>(problem, tile, kernels);
}

}  // namespace convoy
