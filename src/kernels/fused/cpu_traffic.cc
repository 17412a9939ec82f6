#include "kernels/fused/cpu_traffic.h"

#include <algorithm>
#include <iterator>

#include "kernels/depthwise/rows.h"
#include "kernels/fused/cpu_walk.h"
#include "kernels/simd/gemm.h"

namespace convoy {
namespace {

constexpr std::int64_t kTapsStay = 9;  // in registers; else each multiply-add loads its own

// Sets of a cache fill unevenly, so that it begins to lose what is used again before that exceeds
// it, and does not lose all when it does. Chosen to suit simulated caches of 12 and 16 ways.
constexpr double kShares[] = {0.9, 1.0, 1.1};

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
double real(std::int64_t value) { return static_cast<double>(value); }

bool is_clamp(const Unary& f) {
  return f.kind == UnaryKind::kIdentity || f.kind == UnaryKind::kRelu || f.kind == UnaryKind::kClip;
}

// Floats that matrix products load for their left and right sides and store.
struct Product {
  double left = 0, right = 0, result = 0;
};

Product product_of(const CpuCalls& calls, std::int64_t depth, std::int64_t columns, bool bias) {
  const GemmKernels& gemm = gemm_kernels();
  Product sum;
  for (std::int64_t panel = 0; panel < gemm.panels(columns); ++panel) {
    const std::int64_t count =
        gemm.panel_column(columns, panel + 1) - gemm.panel_column(columns, panel);
    const std::int64_t width = ceil_div(count, gemm.lanes) * gemm.lanes;
    const std::int64_t tile = gemm.tile_rows(columns, panel);
    for (const auto& [rows, times] : calls) {
      sum.left += times * real(rows * depth);
      sum.right += times * real(ceil_div(rows, tile) * (depth * width + (bias ? count : 0)));
      sum.result += times * real(rows * count);
    }
  }
  return sum;
}

// The same beyond a cache of so many floats, and whether the left side is read once.
struct Beyond {
  double right = 0;
  double left_times = 1;
};

Beyond beyond_of(const CpuCalls& calls, double steps, std::int64_t depth, std::int64_t columns,
                 double cache) {
  const GemmKernels& gemm = gemm_kernels();
  const std::int64_t panels = gemm.panels(columns), tile = gemm.tile_rows(columns, 0);
  const double weights = real(gemm.packed_elements(depth, columns));
  double times = 0, rows = 0;
  for (const auto& [each, count] : calls) times += count, rows += count * real(each);
  rows /= times;
  const double left = rows * real(depth), result = rows * real(columns);
  const double panel = weights / real(panels);
  Beyond beyond;
  if (left + panel + result / real(panels) > cache) beyond.left_times = real(panels);
  if (left + weights + result <= cache) {
    beyond.right = steps * weights;
  } else if (real(tile * depth) + panel + real(tile * columns) / real(panels) <= cache) {
    beyond.right = times * weights;
  } else {
    beyond.right = product_of(calls, depth, columns, false).right;
  }
  return beyond;
}

// Matrix products of one slice of one image: whole rows are one, else each row is.
CpuCalls calls_of(const CpuCalls& runs, double rows, const CpuCalls& widths, bool joined) {
  CpuCalls calls;
  for (const auto& [width, bands] : widths) {
    if (!joined) calls[width] += rows * bands;
    for (const auto& [run, count] : runs) {
      if (joined) calls[run * width] += count * bands;
    }
  }
  return calls;
}

class Traffic {
 public:
  Traffic(const FusedProblem& problem, const CpuTile& tile, const DeviceDesc& device);
  CpuBytes registers() const;
  // Floats beyond a cache of so many that keeps whatever fits.
  CpuBytes beyond(double cache, bool shared) const;

 private:
  void count_depthwise(std::int64_t channels, double times, CpuBytes& sum) const;
  double weights_beyond(double cache, bool shared) const;
  double x_beyond(double cache) const;
  double scratch_beyond(double cache) const;
  // Floats of the depthwise filter's input that its rows read, of all channels.
  double read_by_filter(double cache) const;

  const FusedProblem& problem_;
  const int threads_;
  const CpuStages stages_;
  const CpuTile tile_;
  const CpuRows rows_;
  const CpuColumns columns_;
  CpuCalls slices_of_, expand_, project_;
  double images_, channels_, slices_, tasks_, steps_;  // steps: of one slice of all images
  double slice_ = 0;                                   // channels of an average one
  double x_ = 0, y_ = 0, weights_ = 0, scratch_ = 0;   // floats: each once
  double x_task_ = 0, pair_ = 0;  // read by one task, used by one round of the filter
  double step_ = 0, one_slice_ = 0, task_ = 0, run_ = 0;  // used by one of them
};

Traffic::Traffic(const FusedProblem& problem, const CpuTile& tile, const DeviceDesc& device)
    : problem_(problem),
      threads_(device.threads),
      stages_(problem),
      tile_(tile),
      rows_(cpu_rows(stages_, tile)),
      columns_(cpu_columns(stages_, tile)),
      images_(real(stages_.images)),
      channels_(real(stages_.channels)),
      slices_(real(ceil_div(stages_.channels, tile.channels))),
      tasks_(images_ * real(ceil_div(stages_.rows, tile.rows)) * columns_.bands),
      steps_(images_ * rows_.steps * columns_.bands),
      slice_(channels_ / slices_) {
  const CpuScratch scratch(stages_, tile);
  for (std::int64_t begin = 0; begin < stages_.channels; begin += tile.channels) {
    ++slices_of_[std::min(tile.channels, stages_.channels - begin)];
  }
  x_ = real(conv_x_shape(problem.first()).elements());
  y_ = real(conv_y_shape(problem.last()).elements());
  double x_step = x_ / steps_, fresh = x_ / images_;
  if (const FusedStage* stage = stages_.depthwise) {
    const ConvDesc& d = stage->desc;
    const double depth = stages_.expand ? real(stages_.expand->desc.c) : slice_;
    fresh = rows_.fresh * columns_.fresh * depth;
    x_step =
        (stages_.expand ? rows_.fresh : rows_.in_step) * columns_.fresh * depth * images_ / steps_;
    weights_ += channels_ * real(d.r * d.s);
    pair_ = slice_ * (rows_.under / rows_.rounds * columns_.fresh / columns_.bands +
                      real(is_streamed(d) ? 2 : 1) * real(tile.columns) + real(d.r * d.s));
  }
  const auto products = [&](const FusedStage* stage) {
    weights_ += real(stage->desc.c) * real(ceil_div(stage->desc.k, gemm_kernels().lanes)) *
                real(gemm_kernels().lanes);
  };
  if (stages_.expand) {
    products(stages_.expand);
    const bool whole = stages_.depthwise && columns_.bands == 1 &&
                       columns_.fresh == real(stages_.depthwise->desc.w) &&
                       columns_.fresh == real(scratch.ring_columns);
    expand_ = stages_.depthwise
                  ? calls_of(rows_.fresh_of, rows_.fresh, columns_.fresh_widths, whole)
                  : calls_of({}, 1, columns_.widths, false);
  }
  if (stages_.project) {
    products(stages_.project);
    project_ = calls_of(rows_.steps_of, real(stages_.rows), columns_.widths, columns_.bands == 1);
  }
  scratch_ = slice_ * real(scratch.ring_rows * scratch.ring_columns + scratch.tile_pixels);
  x_task_ = fresh * images_ / tasks_;
  // Slices are channels of y where nothing adds up in it.
  const double y_share = stages_.project ? 1 : 1 / slices_;
  const double residual = problem.has_residual() ? 2 : 1;
  const double y_step = residual * y_ * y_share / steps_;
  // Where products follow each other, the pixels of y take the place of those of x.
  step_ = weights_ / slices_ + scratch_ +
          (stages_.depthwise ? x_step + y_step : std::max(x_step, y_step));
  one_slice_ = x_task_ + weights_ / slices_ + scratch_ + residual * y_ * y_share / tasks_;
  task_ = x_task_ * (stages_.expand ? 1 : slices_) + weights_ + scratch_ + residual * y_ / tasks_;
  run_ = x_ + weights_ + scratch_ + residual * y_;
}

void Traffic::count_depthwise(std::int64_t channels, double times, CpuBytes& sum) const {
  const FusedStage& stage = *stages_.depthwise;
  const ConvDesc& d = stage.desc;
  const std::int64_t lanes = depthwise_kernels().lanes;
  const double blocks = real(ceil_div(channels, lanes) * lanes);
  const bool streamed = is_streamed(d), stay = d.r * d.s <= kTapsStay;
  const double rounds = times * rows_.rounds * (streamed ? columns_.bands : columns_.slides);
  (stages_.expand ? sum.scratch : sum.x) += times * rows_.under * columns_.read * real(channels);
  sum.weights += stage.has_bias ? rounds * real(channels) : 0;
  sum.weights += streamed && stay ? rounds * real(d.r * d.s) * blocks
                                  : times * rows_.uses * columns_.uses * blocks;
  const double y = times * real(d.p() * d.q()) * real(channels);
  const bool adds = !stages_.project && problem_.has_residual();
  // What the walk cannot apply goes over the rows a second time.
  const bool again = streamed && (adds || !is_clamp(stage.activation));
  (stages_.project ? sum.scratch : sum.y) += again ? 3 * y : y;
  sum.y += adds ? y : 0;
}

CpuBytes Traffic::registers() const {
  CpuBytes sum;
  for (const auto& [channels, count] : slices_of_) {
    const double times = count * images_;
    if (stages_.expand) {
      const FusedStage& stage = *stages_.expand;
      const Product p = product_of(expand_, stage.desc.c, channels, stage.has_bias);
      sum.x += times * p.left, sum.weights += times * p.right, sum.scratch += times * p.result;
    }
    if (stages_.depthwise) count_depthwise(channels, times, sum);
    if (stages_.project) {
      const Product p = product_of(project_, channels, stages_.project->desc.k, false);
      sum.scratch += times * p.left, sum.weights += times * p.right, sum.y += times * p.result;
    }
  }
  if (const FusedStage* stage = stages_.project) {
    // The last slice adds the bias, every other than the first what is there, one the residual.
    if (stage->has_bias) {
      sum.weights += images_ * (product_of(project_, 0, stage->desc.k, true).right);
    }
    sum.y += y_ * (slices_ - 1) + (problem_.has_residual() ? y_ : 0);
    const bool after = problem_.residual == Epilogue::Residual::kAfterActivation;
    if (after && slices_ > 1) sum.y += 2 * y_;  // a pass of its own
  }
  return {.x = 4 * sum.x, .weights = 4 * sum.weights, .y = 4 * sum.y, .scratch = 4 * sum.scratch};
}

double Traffic::weights_beyond(double cache, bool shared) const {
  if (step_ <= cache) {
    const double tasks = stages_.project ? tasks_ : tasks_ * slices_;
    const double owners = shared ? 1 : std::min<double>(threads_, tasks);
    return weights_ * (slices_ > 1 && task_ > cache ? tasks_ : owners);
  }
  double sum = 0;
  for (const auto& [channels, count] : slices_of_) {
    const double times = count * images_, steps = steps_ / images_;
    if (const FusedStage* stage = stages_.expand) {
      sum += times * beyond_of(expand_, steps, stage->desc.c, channels, cache).right;
    }
    if (const FusedStage* stage = stages_.depthwise) {
      const double often = pair_ <= cache ? steps : rows_.rounds * columns_.bands;
      sum += times * often * real(channels * stage->desc.r * stage->desc.s);
    }
    if (const FusedStage* stage = stages_.project) {
      sum += times * beyond_of(project_, steps, channels, stage->desc.k, cache).right;
    }
  }
  return sum;
}

double Traffic::read_by_filter(double cache) const {
  return (pair_ <= cache ? rows_.in_step : rows_.under) * columns_.fresh * images_ * channels_;
}

double Traffic::x_beyond(double cache) const {
  if (!stages_.depthwise) {
    const double times =
        beyond_of(expand_, 1, stages_.expand->desc.c, tile_.channels, cache).left_times;
    return x_ * (one_slice_ <= cache ? 1 : slices_) * (step_ <= cache ? 1 : times);
  }
  const ConvDesc& d = stages_.depthwise->desc;
  // A halo is still there when the strip below, or the band beside, reads it again.
  const bool sliced = stages_.project && slices_ > 1;
  const bool above =
      columns_.bands == 1 && !sliced ? step_ <= cache : task_ * columns_.bands <= cache;
  const double rows = above ? std::min(rows_.fresh, real(d.h)) : rows_.fresh;
  const double columns = task_ <= cache ? std::min(columns_.fresh, real(d.w)) : columns_.fresh;
  if (!stages_.expand) {
    return step_ <= cache ? rows * columns * images_ * channels_ : read_by_filter(cache);
  }
  const double depth = real(stages_.expand->desc.c);
  const double times =
      beyond_of(expand_, 1, stages_.expand->desc.c, tile_.channels, cache).left_times;
  return rows * columns * images_ * depth * (one_slice_ <= cache ? 1 : slices_) *
         (step_ <= cache ? 1 : times);
}

double Traffic::scratch_beyond(double cache) const {
  if (step_ <= cache) return 0;
  double sum = 0;
  const bool stays = scratch_ <= cache;
  if (stages_.depthwise && stages_.expand) {
    sum += rows_.fresh * columns_.fresh * images_ * channels_;
    // Rows that the step before has left are read after all of it.
    const double left = (rows_.in_step - rows_.fresh) * columns_.fresh * images_ * channels_;
    sum += stays ? left : read_by_filter(cache);
  }
  if (stages_.project) {
    const ConvDesc& d = stages_.project->desc;
    const double tile = real(d.n * d.h * d.w) * channels_;
    sum += tile;
    if (!stays) {
      const std::int64_t depth = std::min(tile_.channels, stages_.channels);
      sum += tile * beyond_of(project_, 1, depth, d.k, cache).left_times;
    }
  }
  return sum;
}

CpuBytes Traffic::beyond(double cache, bool shared) const {
  if (run_ <= cache) return {};
  const double again = stages_.project && one_slice_ > cache ? 2 * (slices_ - 1) : 0;
  return {.x = x_beyond(cache),
          .weights = weights_beyond(cache, shared),
          .y = y_ * (1 + again + (problem_.has_residual() ? 1 : 0)),
          .scratch = scratch_beyond(cache)};
}

}  // namespace

CpuTraffic cpu_traffic(const FusedProblem& problem, const CpuTile& tile, const DeviceDesc& device) {
  const Traffic traffic(problem, tile, device);
  const auto beyond = [&](std::int64_t cache_bytes, bool shared) {
    CpuBytes mean;
    for (const double share : kShares) {
      const CpuBytes one = traffic.beyond(share * real(cache_bytes) / 4, shared);
      const double part = 4 / real(std::size(kShares));
      mean.x += part * one.x, mean.weights += part * one.weights;
      mean.y += part * one.y, mean.scratch += part * one.scratch;
    }
    return mean;
  };
  return {.registers = traffic.registers(),
          .l2 = beyond(device.l1_bytes, false),
          .l3 = beyond(device.l2_bytes, false),
          .dram = beyond(device.l3_bytes, true)};
}

}  // namespace convoy
