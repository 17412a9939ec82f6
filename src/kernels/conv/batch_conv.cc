#include "kernels/conv/batch_conv.h"

#include <cstring>

namespace convoy {
namespace {

// One thread's tile of input in window order: it is read once per six output channels.
constexpr std::int64_t kTileBytes = 128 << 10;
// Reduction per block: four vectors of this many taps (32 KiB) stay in the first-level cache while
// the output channels pass.
constexpr std::int64_t kReductionBlock = 128;

// Where windows lie, in units of one lane: memory offsets are `inner` times these.
struct Placement {
  WindowWalk walk;
  std::int64_t row_step, column_step;
};

// Everything that follows from the problem alone, so that workspace() and prepare() agree.
struct Plan {
  ConvProblem problem;
  WindowForm form;
  bool blocked;  // chwn8
  std::int64_t cg, kg, p, q, wpad;
  std::int64_t lanes;           // of a vector
  std::int64_t image_blocks;    // chwn8: eight images each
  std::int64_t chunk, chunks;   // images of a block computed together, and how often
  std::int64_t pixels;          // outputs per register block, when vectors are left for several
  std::int64_t rows, k_blocks;  // output channels per register block
  std::int64_t tile_columns, column_tiles;
  std::int64_t tile_elements;  // of one thread's tile
  Placement at;

  // Images that exist in block b, and lanes that separate pixels in x and y.
  std::int64_t images(std::int64_t b) const {
    return blocked ? std::min<std::int64_t>(8, problem.desc.n - 8 * b) : problem.desc.n;
  }
  std::int64_t stored_images() const { return blocked ? 8 : problem.desc.n; }
  std::int64_t tile_width(std::int64_t columns) const {
    const ConvDesc& d = problem.desc;
    return (columns - 1) * d.stride_w + (d.s - 1) * d.dilation_w + 1;
  }
};

Placement place_direct(const Plan& plan) {
  const ConvDesc& d = plan.problem.desc;
  Placement at{};
  at.walk.loop.outer = {plan.cg, d.h * d.w, d.r * d.s};
  at.walk.loop.rows = {d.r, d.dilation_h * d.w, d.s};
  at.walk.loop.length = d.s;
  at.walk.loop.step = d.dilation_w;
  at.walk.columns_in_run = true;
  at.row_step = d.stride_h * d.w;
  at.column_step = d.stride_w;
  return at;
}

// columns, plane: of the buffer, in lanes.
Placement place_window_order(const Plan& plan, std::int64_t columns, std::int64_t plane) {
  const ConvDesc& d = plan.problem.desc;
  Placement at{};
  at.walk.loop.outer = {plan.cg, plane, d.r * d.s};
  if (d.dilation_w == 1) {
    at.walk.loop.length = d.s * d.r;
  } else {
    at.walk.loop.rows = {d.s, d.dilation_w * d.r, d.r};
    at.walk.loop.length = d.r;
  }
  at.row_step = columns * d.r;
  at.column_step = d.stride_w * d.r;
  return at;
}

template <class T>
Plan make_plan(const ConvProblem& problem, WindowForm form) {
  const ConvDesc& d = problem.desc;
  const MicroOps<T>& ops = micro_ops<T>();
  Plan plan{};
  plan.problem = problem;
  plan.form = effective_form(form, d);
  plan.blocked = problem.x_layout == Layout::kChwn8;
  plan.cg = d.c / d.groups, plan.kg = d.k / d.groups;
  plan.p = d.p(), plan.q = d.q(), plan.wpad = d.padded_w();
  plan.lanes = plan.blocked ? ops.batch8_lanes : ops.batch_lanes;
  plan.image_blocks = plan.blocked ? ceil_div(d.n, 8) : 1;
  plan.chunk = std::min(plan.stored_images(), plan.lanes * ops.max_vectors);
  plan.chunks = ceil_div(plan.stored_images(), plan.chunk);
  plan.pixels = std::max<std::int64_t>(1, ops.max_vectors / ceil_div(plan.chunk, plan.lanes));
  plan.rows = ops.batch_rows;
  plan.k_blocks = ceil_div(plan.kg, plan.rows);
  plan.tile_columns = plan.q;

  const std::int64_t reduction = plan.cg * d.r * d.s;
  if (plan.form == WindowForm::kImplicit) {
    const std::int64_t block_channels =
        ceil_div(plan.cg, std::max<std::int64_t>(1, ceil_div(reduction, kReductionBlock)));
    const auto elements = [&](std::int64_t columns) {
      return block_channels * d.r * plan.tile_width(columns) * plan.chunk;
    };
    while (plan.tile_columns > 2 * plan.pixels &&
           elements(plan.tile_columns) * static_cast<std::int64_t>(sizeof(T)) > kTileBytes) {
      plan.tile_columns = ceil_div(plan.tile_columns, 2);
    }
    plan.tile_elements = ceil_div(elements(plan.tile_columns), 64) * 64;
    const std::int64_t columns = plan.tile_width(plan.tile_columns);
    plan.at = place_window_order(plan, columns, columns * d.r);
  } else if (plan.form == WindowForm::kExplicit) {
    plan.at = place_window_order(plan, plan.wpad, plan.p * plan.wpad * d.r);
  } else {
    plan.at = place_direct(plan);
  }
  plan.column_tiles = ceil_div(plan.q, plan.tile_columns);
  plan.at.walk.reduction = reduction;
  plan.at.walk.divide(kReductionBlock);
  return plan;
}

WindowLoop scaled(WindowLoop loop, std::int64_t lanes) {
  loop.outer.data *= lanes, loop.rows.data *= lanes, loop.columns.data *= lanes;
  loop.step *= lanes;
  return loop;
}

template <class T>
class BatchConv final : public Kernel {
 public:
  BatchConv(const ConvProblem& problem, WindowForm form)
      : plan_(make_plan<T>(problem, form)), ops_(micro_ops<T>()) {
    const ConvDesc& d = problem.desc;
    const T* weights = static_cast<const T*>(problem.weights);
    const std::int64_t reduction = plan_.at.walk.reduction;
    const std::int64_t channels = d.groups * plan_.k_blocks * plan_.rows;
    weights_.resize(static_cast<std::size_t>(channels * reduction));
    bias_.resize(static_cast<std::size_t>(channels));
    for (std::int64_t k = 0; k < d.k; ++k) {
      const std::int64_t block = k / plan_.kg * plan_.k_blocks + k % plan_.kg / plan_.rows;
      const std::int64_t row = k % plan_.kg % plan_.rows;
      if (problem.has_bias) {
        bias_[static_cast<std::size_t>(block * plan_.rows + row)] =
            static_cast<const T*>(problem.bias)[k];
      }
      for (std::int64_t c = 0; c < plan_.cg; ++c) {
        for (std::int64_t r = 0; r < d.r; ++r) {
          for (std::int64_t s = 0; s < d.s; ++s) {
            const std::int64_t position = packed_position(d, false, plan_.form, c, r, s);
            weights_[static_cast<std::size_t>((block * reduction + position) * plan_.rows + row)] =
                weights[((k * plan_.cg + c) * d.r + r) * d.s + s];
          }
        }
      }
    }
  }

  void run(const RunArgs& args) const override {
    const ConvDesc& d = plan_.problem.desc;
    if (plan_.form == WindowForm::kExplicit) write_window_order(args);
    const std::int64_t tasks =
        plan_.image_blocks * plan_.chunks * d.groups * plan_.p * plan_.column_tiles;
    args.pool.parallel_for(tasks, [&](std::int64_t task, int thread) {
      Task t;
      const std::int64_t column_tile = task % plan_.column_tiles;
      task /= plan_.column_tiles;
      t.p = task % plan_.p, task /= plan_.p;
      t.group = task % d.groups, task /= d.groups;
      t.first = task % plan_.chunks * plan_.chunk;
      t.block = task / plan_.chunks;
      t.images = std::min(plan_.chunk, plan_.images(t.block) - t.first);
      if (t.images <= 0) return;  // nothing but the padding of a chwn8 block
      t.q0 = column_tile * plan_.tile_columns;
      t.q1 = std::min(plan_.q, t.q0 + plan_.tile_columns);
      t.thread = thread;
      for (std::int64_t b = 0; b < plan_.at.walk.blocks; ++b) compute(args, t, b);
    });
  }

  std::size_t packed_bytes() const override { return (weights_.size() + bias_.size()) * sizeof(T); }
  bool reads_constant(std::size_t input) const override {
    return input != kConvW && input != kConvBias;
  }

 private:
  struct Task {
    std::int64_t block, first, images;  // images [first, first + images) of an image block
    std::int64_t group, p, q0, q1;
    int thread;
  };

  // Where a task's windows are read, once its part of the input is in order.
  struct Source {
    const T* base;
    std::int64_t origin;  // of output (0, 0), in lanes
    std::int64_t inner;   // lanes between pixels
  };

  void write_window_order(const RunArgs& args) const {
    const ConvDesc& d = plan_.problem.desc;
    const std::int64_t row = plan_.wpad * d.r;
    args.pool.parallel_for(plan_.image_blocks * d.c * plan_.p, [&](std::int64_t task, int) {
      const std::int64_t p = task % plan_.p, c = task / plan_.p % d.c, b = task / plan_.p / d.c;
      const std::int64_t images = plan_.images(b);
      T* buffer = reinterpret_cast<T*>(args.workspace.data()) + explicit_block(b);
      window_order_chwn(d, {p, 1, 0, plan_.wpad, c, 1}, input(args, b), plan_.stored_images(), 0,
                        images, 0, buffer + (c * plan_.p + p) * row * images);
    });
  }

  const T* input(const RunArgs& args, std::int64_t block) const {
    const ConvDesc& d = plan_.problem.desc;
    return args.inputs[kConvX].as<T>() + block * d.c * d.h * d.w * 8;
  }
  std::int64_t explicit_block(std::int64_t b) const {
    const ConvDesc& d = plan_.problem.desc;
    return b * 8 * d.c * plan_.p * plan_.wpad * d.r;
  }

  Source locate(const RunArgs& args, const Task& t, std::int64_t b) const {
    const ConvDesc& d = plan_.problem.desc;
    const std::int64_t channel = t.group * plan_.cg;
    T* workspace = reinterpret_cast<T*>(args.workspace.data());
    if (plan_.form == WindowForm::kDirect) {
      return {input(args, t.block) + t.first, channel * d.h * d.w - d.pad_top * d.w - d.pad_left,
              plan_.stored_images()};
    }
    if (plan_.form == WindowForm::kExplicit) {
      return {workspace + explicit_block(t.block) + t.first, channel * plan_.p * plan_.wpad * d.r,
              plan_.images(t.block)};
    }
    const WindowWalk& walk = plan_.at.walk;
    const std::int64_t columns = plan_.tile_width(plan_.tile_columns);
    const std::int64_t begin = walk.split_outer ? b * walk.block_extent : 0;
    const std::int64_t count =
        walk.split_outer ? std::min(walk.block_extent, plan_.cg - begin) : plan_.cg;
    T* tile = workspace + t.thread * plan_.tile_elements;
    if (walk.split_outer || b == 0) {
      window_order_chwn(d, {t.p, 1, t.q0 * d.stride_w, columns, channel + begin, count},
                        input(args, t.block), plan_.stored_images(), t.first, t.images,
                        columns * d.r * t.images, tile);
    }
    // The tile starts at this block's first channel, the walk at the group's.
    return {tile,
            -t.p * plan_.at.row_step - t.q0 * plan_.at.column_step - begin * walk.loop.outer.data,
            t.images};
  }

  TapRange columns_at(std::int64_t q) const {
    const ConvDesc& d = plan_.problem.desc;
    return taps_inside(q * d.stride_w - d.pad_left, d.dilation_w, d.s, d.w);
  }

  void compute(const RunArgs& args, const Task& t, std::int64_t b) const {
    const ConvDesc& d = plan_.problem.desc;
    const Source source = locate(args, t, b);
    const WindowLoop& loop = plan_.at.walk.loop;
    if (plan_.form != WindowForm::kDirect) {
      return compute_run(args, t, b, source, t.q0, t.q1, {0, loop.rows.count},
                         {0, loop.columns.count});
    }
    const TapRange rows = taps_inside(t.p * d.stride_h - d.pad_top, d.dilation_h, d.r, d.h);
    for (std::int64_t q = t.q0; q < t.q1;) {
      const TapRange columns = columns_at(q);
      std::int64_t end = q + 1;
      while (end < t.q1 && columns_at(end) == columns) ++end;
      compute_run(args, t, b, source, q, end, rows, columns);
      q = end;
    }
  }

  // Outputs [q0, q1) of row t.p, whose windows meet the same taps.
  void compute_run(const RunArgs& args, const Task& t, std::int64_t b, const Source& source,
                   std::int64_t q0, std::int64_t q1, const TapRange& rows,
                   const TapRange& columns) const {
    std::int64_t data = 0;
    const WindowLoop window = scaled(plan_.at.walk.part(b, rows, columns, data), source.inner);
    const std::int64_t pieces = ceil_div(q1 - q0, plan_.pixels);
    for (std::int64_t piece = 0; piece < pieces; ++piece) {
      Piece out;
      out.vectors = 0;
      BatchBlock<T> block;
      for (std::int64_t q = q0 + (q1 - q0) * piece / pieces;
           q < q0 + (q1 - q0) * (piece + 1) / pieces; ++q) {
        const std::int64_t window_at =
            source.origin + t.p * plan_.at.row_step + q * plan_.at.column_step + data;
        for (std::int64_t lane = 0; lane < t.images; lane += plan_.lanes) {
          block.images[out.vectors] = source.base + window_at * source.inner + lane;
          block.lanes_used[out.vectors] = std::min(plan_.lanes, t.images - lane);
          block.partial |= t.images - lane < plan_.lanes;
          out.y[out.vectors++] = (t.p * plan_.q + q) * plan_.stored_images() + t.first + lane;
        }
      }
      block.vectors = out.vectors;
      block.window = &window;
      compute_channels(args, t, b, block, out);
    }
  }

  // Offsets of a register block's vectors in one channel of one image block of y.
  struct Piece {
    std::int64_t y[kMaxVectors];
    int vectors;
  };

  void compute_channels(const RunArgs& args, const Task& t, std::int64_t b, BatchBlock<T>& block,
                        const Piece& piece) const {
    alignas(64) T tile[kTileElements];
    const ConvDesc& d = plan_.problem.desc;
    const std::int64_t plane = plan_.p * plan_.q * plan_.stored_images();
    block.tile = tile;
    block.resume = b > 0;
    for (std::int64_t k = 0; k < plan_.k_blocks; ++k) {
      const std::int64_t packed = t.group * plan_.k_blocks + k;
      block.weights =
          &weights_[static_cast<std::size_t>(packed * plan_.at.walk.reduction * plan_.rows)];
      const int rows = static_cast<int>(std::min(plan_.rows, plan_.kg - k * plan_.rows));
      const std::int64_t channel =
          t.block * d.k * plane + (t.group * plan_.kg + k * plan_.rows) * plane;
      T* y = args.outputs[0].as<T>() + channel;
      if (b > 0) copy(block, piece, rows, plane, y, tile, true);
      (plan_.blocked ? ops_.batch8 : ops_.batch)(block);
      if (b + 1 < plan_.at.walk.blocks) {
        copy(block, piece, rows, plane, y, tile, false);
      } else {
        finish(args, block, piece, rows, plane, channel,
               &bias_[static_cast<std::size_t>(packed * plan_.rows)]);
      }
    }
  }

  // Partial sums wait in y between blocks of the reduction.
  void copy(const BatchBlock<T>& block, const Piece& piece, int rows, std::int64_t plane, T* y,
            T* tile, bool load) const {
    for (int m = 0; m < rows; ++m) {
      for (int v = 0; v < piece.vectors; ++v) {
        T* in_y = y + m * plane + piece.y[v];
        T* in_tile = tile + (m * piece.vectors + v) * plan_.lanes;
        std::memcpy(load ? in_tile : in_y, load ? in_y : in_tile,
                    static_cast<std::size_t>(block.lanes_used[v]) * sizeof(T));
      }
    }
  }

  void finish(const RunArgs& args, const BatchBlock<T>& block, const Piece& piece, int rows,
              std::int64_t plane, std::int64_t channel, const T* bias) const {
    T* y = args.outputs[0].as<T>() + channel;
    const T* residual =
        plan_.problem.has_residual ? args.inputs[kConvResidual].as<T>() + channel : nullptr;
    FinishRows<T> f;
    f.epilogue = &plan_.problem.epilogue;
    f.width = piece.vectors * plan_.lanes;
    f.rows = rows;
    for (int v = 0; v < piece.vectors; ++v) {
      f.tile = block.tile + v * plan_.lanes;
      f.count = block.lanes_used[v];
      for (int m = 0; m < rows; ++m) {
        f.bias_of_row[m] = bias[m];
        f.y[m] = y + m * plane + piece.y[v];
        f.residual[m] = residual == nullptr ? nullptr : residual + m * plane + piece.y[v];
      }
      ops_.finish(f);
    }
  }

  Plan plan_;
  const MicroOps<T>& ops_;
  std::vector<T> weights_;  // [groups][k_blocks][reduction][rows]
  std::vector<T> bias_;     // [groups][k_blocks][rows]
};

}  // namespace

std::size_t batch_conv_workspace(const ConvProblem& problem, WindowForm form,
                                 const DeviceDesc& device) {
  switch (effective_form(form, problem.desc)) {
    case WindowForm::kDirect:
      return 0;
    case WindowForm::kExplicit:
      return static_cast<std::size_t>(im2win_bytes(problem.desc, problem.dtype));
    case WindowForm::kImplicit: {
      const Plan plan = problem.dtype == DType::kF64 ? make_plan<double>(problem, form)
                                                     : make_plan<float>(problem, form);
      return static_cast<std::size_t>(plan.tile_elements * device.threads) * size_of(problem.dtype);
    }
  }
  return 0;
}

std::unique_ptr<Kernel> make_batch_conv(const ConvProblem& problem, WindowForm form,
                                        const DeviceDesc&) {
  if (problem.dtype == DType::kF64) return std::make_unique<BatchConv<double>>(problem, form);
  return std::make_unique<BatchConv<float>>(problem, form);
}

}  // namespace convoy
