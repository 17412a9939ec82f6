#include "kernels/conv/channel_conv.h"

#include <cstring>

#include "base/error.h"

namespace convoy {
namespace {

// A tile of input in window order lives in half of a 1 MiB second-level cache beside its weights.
constexpr std::int64_t kTileBytes = 256 << 10;
// Reduction per block: 64 channels of weights for this many taps (64 KiB) stay close while the
// pixels of a tile pass. Measured: 128, 256 and 512 within 3 % of each other, unblocked 20 %
// slower.
constexpr std::int64_t kReductionBlock = 256;

// Everything that follows from the problem alone, so that workspace() and prepare() agree.
struct Plan {
  ConvProblem problem;
  WindowForm form;
  bool nhwc;
  std::int64_t cg, kg, p, q, wpad;
  std::int64_t panel_vectors, width, panels;  // of output channels
  std::int64_t tile_rows, tile_columns;       // of outputs per task
  std::int64_t row_tiles, column_tiles, panel_chunks;
  std::int64_t tile_elements = 0;  // of one thread's tile
  std::int64_t pixel_block;        // outputs per register block
  int lanes;

  std::int64_t tile_width(std::int64_t columns) const {
    const ConvDesc& d = problem.desc;
    return (columns - 1) * d.stride_w + (d.s - 1) * d.dilation_w + 1;
  }
  std::int64_t panels_per_chunk() const { return ceil_div(panels, panel_chunks); }
};

void cut_tiles(Plan& plan, const DeviceDesc& device) {
  const ConvDesc& d = plan.problem.desc;
  const auto bytes = [&](std::int64_t columns) {
    return plan.tile_width(columns) * d.r * plan.cg *
           static_cast<std::int64_t>(size_of(plan.problem.dtype));
  };
  plan.tile_columns = plan.q;
  while (plan.tile_columns > 2 * plan.pixel_block && bytes(plan.tile_columns) > kTileBytes) {
    plan.tile_columns = ceil_div(plan.tile_columns, 2);
  }
  plan.column_tiles = ceil_div(plan.q, plan.tile_columns);
  // Enough outputs to use each weight often, enough tiles to balance the threads.
  const std::int64_t wanted = ceil_div(16 * plan.pixel_block, plan.q);
  const std::int64_t balanced = ceil_div(d.n * d.groups * plan.p, 4 * device.threads);
  const std::int64_t fitting = std::max<std::int64_t>(1, kTileBytes / bytes(plan.tile_columns));
  plan.tile_rows = plan.column_tiles > 1 ? 1
                                         : std::clamp<std::int64_t>(std::max(wanted, balanced), 1,
                                                                    std::min(fitting, plan.p));
  plan.row_tiles = ceil_div(plan.p, plan.tile_rows);
  plan.tile_rows = ceil_div(plan.p, plan.row_tiles);
  plan.row_tiles = ceil_div(plan.p, plan.tile_rows);
  // Few tiles: threads share a tile's output channels, each putting it in order for itself.
  const std::int64_t tiles = d.n * d.groups * plan.row_tiles * plan.column_tiles;
  plan.panel_chunks =
      device.threads == 1
          ? 1
          : std::clamp<std::int64_t>(ceil_div(2 * device.threads, tiles), 1, plan.panels);
  plan.panel_chunks = ceil_div(plan.panels, plan.panels_per_chunk());
}

template <class T>
Plan make_plan(const ConvProblem& problem, WindowForm form, const DeviceDesc& device) {
  const ConvDesc& d = problem.desc;
  const MicroOps<T>& ops = micro_ops<T>();
  Plan plan{};
  plan.problem = problem;
  plan.form = effective_form(form, d);
  plan.nhwc = problem.x_layout == Layout::kNhwc;
  plan.cg = d.c / d.groups, plan.kg = d.k / d.groups;
  plan.p = d.p(), plan.q = d.q(), plan.wpad = d.padded_w();
  plan.lanes = ops.lanes;
  const std::int64_t vectors = ceil_div(plan.kg, ops.lanes);
  plan.panels = ceil_div(vectors, ops.max_vectors);
  plan.panel_vectors = ceil_div(vectors, plan.panels);
  plan.panels = ceil_div(vectors, plan.panel_vectors);
  plan.width = plan.panel_vectors * ops.lanes;
  plan.pixel_block = ops.rows_of[plan.panel_vectors];
  cut_tiles(plan, device);
  if (plan.form == WindowForm::kImplicit) {
    const std::int64_t elements =
        plan.tile_rows * plan.tile_width(plan.tile_columns) * d.r * plan.cg;
    plan.tile_elements = ceil_div(elements, 64 / static_cast<std::int64_t>(sizeof(T))) *
                         (64 / static_cast<std::int64_t>(sizeof(T)));
  }
  return plan;
}

// Where windows lie for outputs of image 0, group 0, with tiles of `columns` input columns and
// planes (NCHW) of `plane` elements.
struct Placement {
  WindowWalk walk;
  std::int64_t row_step, column_step;
};

Placement place_direct(const Plan& plan) {
  const ConvDesc& d = plan.problem.desc;
  Placement at{};
  WindowLoop& loop = at.walk.loop;
  const std::int64_t pixel = plan.nhwc ? d.c : 1;  // elements between columns
  const std::int64_t run = plan.nhwc ? plan.cg : 1;
  loop.rows = {d.r, d.dilation_h * d.w * pixel, d.s * run};
  if (d.dilation_w == 1 && pixel == run) {
    at.walk.columns_in_run = true;
    at.walk.tap_run = run;
    loop.length = d.s * run;
  } else {
    loop.columns = {d.s, d.dilation_w * pixel, run};
    loop.length = run;
  }
  if (!plan.nhwc) loop.outer = {plan.cg, d.h * d.w, d.r * d.s};
  at.row_step = d.stride_h * d.w * pixel;
  at.column_step = d.stride_w * pixel;
  return at;
}

// channels: how many lie side by side in the buffer (NHWC); plane: elements between channels
// (NCHW).
Placement place_window_order(const Plan& plan, std::int64_t columns, std::int64_t channels,
                             std::int64_t plane) {
  const ConvDesc& d = plan.problem.desc;
  Placement at{};
  WindowLoop& loop = at.walk.loop;
  const std::int64_t column = d.r * (plan.nhwc ? channels : 1);
  const std::int64_t run = plan.nhwc ? plan.cg : 1;
  if (plan.nhwc && channels != plan.cg) {
    loop.rows = {d.s, d.dilation_w * column, d.r * run};
    loop.columns = {d.r, channels, run};
    loop.length = run;
  } else if (d.dilation_w == 1) {
    loop.length = d.s * d.r * run;
  } else {
    loop.rows = {d.s, d.dilation_w * column, d.r * run};
    loop.length = d.r * run;
  }
  if (!plan.nhwc) loop.outer = {plan.cg, plane, d.r * d.s};
  at.row_step = columns * column;
  at.column_step = d.stride_w * column;
  return at;
}

template <class T>
std::vector<T> pack_weights(const Plan& plan) {
  const ConvDesc& d = plan.problem.desc;
  const T* weights = static_cast<const T*>(plan.problem.weights);
  const std::int64_t reduction = plan.cg * d.r * d.s;
  std::vector<T> packed(static_cast<std::size_t>(d.groups * plan.panels * reduction * plan.width));
  for (std::int64_t k = 0; k < d.k; ++k) {
    const std::int64_t group = k / plan.kg, in_group = k % plan.kg;
    T* panel = &packed[static_cast<std::size_t>((group * plan.panels + in_group / plan.width) *
                                                reduction * plan.width)];
    for (std::int64_t c = 0; c < plan.cg; ++c) {
      for (std::int64_t r = 0; r < d.r; ++r) {
        for (std::int64_t s = 0; s < d.s; ++s) {
          panel[packed_position(d, plan.nhwc, plan.form, c, r, s) * plan.width +
                in_group % plan.width] = weights[((k * plan.cg + c) * d.r + r) * d.s + s];
        }
      }
    }
  }
  return packed;
}

template <class T>
class ChannelConv final : public Kernel {
 public:
  ChannelConv(const ConvProblem& problem, WindowForm form, const DeviceDesc& device)
      : plan_(make_plan<T>(problem, form, device)),
        ops_(micro_ops<T>()),
        weights_size_(0),
        bias_(static_cast<std::size_t>(problem.desc.groups * plan_.panels * plan_.width)) {
    const ConvDesc& d = problem.desc;
    const std::vector<T> packed = pack_weights<T>(plan_);
    weights_size_ = packed.size() * sizeof(T);
    weights_ = Buffer(weights_size_);
    std::memcpy(weights_.data(), packed.data(), weights_size_);
    if (problem.has_bias) {
      for (std::int64_t k = 0; k < d.k; ++k) {
        bias_[static_cast<std::size_t>(k / plan_.kg * plan_.panels * plan_.width + k % plan_.kg)] =
            static_cast<const T*>(problem.bias)[k];
      }
    }
    switch (plan_.form) {
      case WindowForm::kDirect:
        at_ = place_direct(plan_);
        break;
      case WindowForm::kImplicit: {
        const std::int64_t columns = plan_.tile_width(plan_.tile_columns);
        at_ = place_window_order(plan_, columns, plan_.cg, plan_.tile_rows * columns * d.r);
        break;
      }
      case WindowForm::kExplicit:
        at_ = place_window_order(plan_, plan_.wpad, d.c, plan_.p * plan_.wpad * d.r);
    }
    at_.walk.reduction = plan_.cg * d.r * d.s;
    at_.walk.divide(kReductionBlock);
    whole_rows_ = {0, at_.walk.loop.rows.count};
    whole_columns_ = {0, at_.walk.columns_in_run ? d.s : at_.walk.loop.columns.count};
    find_inner_columns();
  }

  void run(const RunArgs& args) const override {
    const ConvDesc& d = plan_.problem.desc;
    if (plan_.form == WindowForm::kExplicit) write_window_order(args);
    const std::int64_t tasks =
        d.n * d.groups * plan_.row_tiles * plan_.column_tiles * plan_.panel_chunks;
    args.pool.parallel_for(tasks, [&](std::int64_t task, int thread) {
      Task t;
      t.chunk = task % plan_.panel_chunks, task /= plan_.panel_chunks;
      const std::int64_t column_tile = task % plan_.column_tiles;
      task /= plan_.column_tiles;
      const std::int64_t row_tile = task % plan_.row_tiles;
      task /= plan_.row_tiles;
      t.group = task % d.groups, t.image = task / d.groups;
      t.p0 = row_tile * plan_.tile_rows, t.p1 = std::min(plan_.p, t.p0 + plan_.tile_rows);
      t.q0 = column_tile * plan_.tile_columns;
      t.q1 = std::min(plan_.q, t.q0 + plan_.tile_columns);
      locate_windows(args, thread, t);
      compute(args, t);
    });
  }

  std::size_t packed_bytes() const override { return weights_size_ + bias_.size() * sizeof(T); }
  bool reads_constant(std::size_t input) const override {
    return input != kConvW && input != kConvBias;
  }

 private:
  struct Task {
    std::int64_t image, group, p0, p1, q0, q1, chunk;
    const T* base;        // of the buffer windows are read from
    std::int64_t origin;  // where the window of output (0, 0) would start in it
  };

  // Outputs whose windows meet the same taps, in row-major order from (p, q).
  struct Run {
    std::int64_t p, q, pixels;
    TapRange rows, columns;
  };

  void find_inner_columns() {
    const ConvDesc& d = plan_.problem.desc;
    inner_begin_ = 0, inner_end_ = plan_.q;
    if (plan_.form != WindowForm::kDirect) return;
    const auto whole = [&](std::int64_t q) { return columns_at(q) == TapRange{0, d.s}; };
    while (inner_begin_ < plan_.q && !whole(inner_begin_)) ++inner_begin_;
    inner_end_ = inner_begin_;
    while (inner_end_ < plan_.q && whole(inner_end_)) ++inner_end_;
  }

  TapRange rows_at(std::int64_t p) const {
    const ConvDesc& d = plan_.problem.desc;
    return taps_inside(p * d.stride_h - d.pad_top, d.dilation_h, d.r, d.h);
  }
  TapRange columns_at(std::int64_t q) const {
    const ConvDesc& d = plan_.problem.desc;
    return taps_inside(q * d.stride_w - d.pad_left, d.dilation_w, d.s, d.w);
  }

  // The longest run of `task` that starts at output (p, q).
  Run run_at(const Task& task, std::int64_t p, std::int64_t q) const {
    const std::int64_t in_row = task.q1 - task.q0;
    if (plan_.form != WindowForm::kDirect) {
      return {p, q, (task.p1 - p) * in_row, whole_rows_, whole_columns_};
    }
    Run run{p, q, 1, rows_at(p), columns_at(q)};
    if (q < inner_begin_ || q >= inner_end_) return run;
    run.pixels = std::min(inner_end_, task.q1) - q;
    if (inner_begin_ > task.q0 || inner_end_ < task.q1) return run;
    for (std::int64_t next = p + 1; next < task.p1 && rows_at(next) == run.rows; ++next) {
      run.pixels += in_row;
    }
    return run;
  }

  void write_window_order(const RunArgs& args) const {
    const ConvDesc& d = plan_.problem.desc;
    const std::int64_t row = plan_.wpad * d.r;
    args.pool.parallel_for(d.n * plan_.p, [&](std::int64_t task, int) {
      const std::int64_t n = task / plan_.p, p = task % plan_.p;
      const WindowPart part{p, 1, 0, plan_.wpad, 0, d.c};
      const T* image = args.inputs[kConvX].as<T>() + n * d.c * d.h * d.w;
      T* buffer = reinterpret_cast<T*>(args.workspace.data()) + n * d.c * plan_.p * row;
      if (plan_.nhwc) {
        window_order_nhwc(d, part, image, buffer + p * row * d.c);
      } else {
        window_order_nchw(d, part, image, plan_.p * row, buffer + p * row);
      }
    });
  }

  void locate_windows(const RunArgs& args, int thread, Task& t) const {
    const ConvDesc& d = plan_.problem.desc;
    const T* x = args.inputs[kConvX].as<T>();
    T* workspace = reinterpret_cast<T*>(args.workspace.data());
    const std::int64_t channel = t.group * plan_.cg;
    if (plan_.form == WindowForm::kDirect) {
      const std::int64_t border = d.pad_top * d.w + d.pad_left;
      t.base = x;
      t.origin = t.image * d.c * d.h * d.w +
                 (plan_.nhwc ? channel - border * d.c : channel * d.h * d.w - border);
    } else if (plan_.form == WindowForm::kExplicit) {
      const std::int64_t plane = plan_.p * plan_.wpad * d.r;
      t.base = workspace;
      t.origin = t.image * d.c * plane + (plan_.nhwc ? channel : channel * plane);
    } else {
      T* tile = workspace + thread * plan_.tile_elements;
      const std::int64_t columns = plan_.tile_width(plan_.tile_columns);
      const WindowPart part{t.p0, t.p1 - t.p0, t.q0 * d.stride_w, columns, channel, plan_.cg};
      const T* image = x + t.image * d.c * d.h * d.w;
      if (plan_.nhwc) {
        window_order_nhwc(d, part, image, tile);
      } else {
        window_order_nchw(d, part, image, plan_.tile_rows * columns * d.r, tile);
      }
      t.base = tile;
      t.origin = -t.p0 * at_.row_step - t.q0 * at_.column_step;
    }
  }

  void compute(const RunArgs& args, const Task& t) const {
    const std::int64_t first = t.chunk * plan_.panels_per_chunk();
    const std::int64_t last = std::min(plan_.panels, first + plan_.panels_per_chunk());
    for (std::int64_t b = 0; b < at_.walk.blocks; ++b) {
      for (std::int64_t panel = first; panel < last; ++panel) {
        for (std::int64_t p = t.p0, q = t.q0; p < t.p1;) {
          const Run run = run_at(t, p, q);
          compute_run(args, t, b, panel, run);
          const std::int64_t at = q - t.q0 + run.pixels, in_row = t.q1 - t.q0;
          p += at / in_row, q = t.q0 + at % in_row;
        }
      }
    }
  }

  void compute_run(const RunArgs& args, const Task& t, std::int64_t b, std::int64_t panel,
                   const Run& run) const {
    std::int64_t data = 0;
    const WindowLoop window = at_.walk.part(b, run.rows, run.columns, data);
    const std::int64_t vectors = std::min(
        plan_.panel_vectors, ceil_div(plan_.kg, plan_.lanes) - panel * plan_.panel_vectors);
    ChannelBlock<T> block;
    alignas(64) T tile[kTileElements];
    block.vectors = static_cast<int>(vectors);
    block.weights = reinterpret_cast<const T*>(weights_.data()) +
                    (t.group * plan_.panels + panel) * at_.walk.reduction * plan_.width;
    block.width = plan_.width;
    block.window = &window;
    block.tile = tile;
    block.resume = b > 0;
    // Blocks of equal size: a last one of few rows would leave the multipliers waiting.
    // The last panel may have fewer vectors and so more rows, whose stride is still a whole
    // panel's.
    const std::int64_t most =
        std::min<std::int64_t>(ops_.rows_of[vectors], kTileElements / plan_.width);
    const std::int64_t pieces = ceil_div(run.pixels, most);
    std::int64_t p = run.p, q = run.q, done = 0;
    for (std::int64_t piece = 0; piece < pieces; ++piece) {
      const std::int64_t end = run.pixels * (piece + 1) / pieces;
      std::int64_t pixels[kMaxRows];
      block.rows = static_cast<int>(end - done);
      for (int m = 0; m < block.rows; ++m) {
        pixels[m] = p * plan_.q + q;
        block.pixels[m] = t.base + t.origin + p * at_.row_step + q * at_.column_step + data;
        if (++q == t.q1) q = t.q0, ++p;
      }
      done = end;
      Piece out{t.image, t.group * plan_.kg + panel * plan_.width,
                std::min(plan_.width, plan_.kg - panel * plan_.width), pixels, block.rows};
      if (b > 0) load_partial(args, out, tile);
      ops_.channels(block);
      if (b + 1 < at_.walk.blocks) {
        store_partial(args, out, tile);
      } else {
        finish(args, out, t.group * plan_.panels * plan_.width + panel * plan_.width, tile);
      }
    }
  }

  // A register block's place in y: channels [k, k + count) of `rows` pixels.
  struct Piece {
    std::int64_t image, k, count;
    const std::int64_t* pixels;
    int rows;
  };

  // Element (channel k, pixel) of a tensor shaped like y.
  std::int64_t y_at(const Piece& piece, int m) const {
    const std::int64_t area = plan_.p * plan_.q, k = plan_.problem.desc.k;
    return plan_.nhwc ? (piece.image * area + piece.pixels[m]) * k + piece.k
                      : (piece.image * k + piece.k) * area + piece.pixels[m];
  }

  // Copies between y's channels of each pixel and the tile's rows.
  void gather(const T* y, const Piece& piece, T* tile) const {
    const std::int64_t step = plan_.nhwc ? 1 : plan_.p * plan_.q;
    for (int m = 0; m < piece.rows; ++m) {
      const T* from = y + y_at(piece, m);
      for (std::int64_t i = 0; i < piece.count; ++i) tile[m * plan_.width + i] = from[i * step];
    }
  }
  void scatter(const T* tile, const Piece& piece, T* y) const {
    if (plan_.nhwc) {
      for (int m = 0; m < piece.rows; ++m) {
        std::memcpy(y + y_at(piece, m), tile + m * plan_.width,
                    static_cast<std::size_t>(piece.count) * sizeof(T));
      }
      return;
    }
    // The pixels of a piece are neighbours in y unless tiles cut rows.
    const std::int64_t step = plan_.p * plan_.q;
    for (std::int64_t i = 0; i < piece.count; ++i) {
      T* to = y + (piece.image * plan_.problem.desc.k + piece.k + i) * step;
      for (int m = 0; m < piece.rows; ++m) to[piece.pixels[m]] = tile[m * plan_.width + i];
    }
  }

  void load_partial(const RunArgs& args, const Piece& piece, T* tile) const {
    gather(args.outputs[0].as<T>(), piece, tile);
  }
  void store_partial(const RunArgs& args, const Piece& piece, const T* tile) const {
    scatter(tile, piece, args.outputs[0].as<T>());
  }

  void finish(const RunArgs& args, const Piece& piece, std::int64_t bias, T* tile) const {
    T* y = args.outputs[0].as<T>();
    const T* residual = plan_.problem.has_residual ? args.inputs[kConvResidual].as<T>() : nullptr;
    alignas(64) T gathered[kTileElements];
    if (residual != nullptr && !plan_.nhwc) gather(residual, piece, gathered);
    FinishRows<T> f;
    f.epilogue = &plan_.problem.epilogue;
    f.tile = tile;
    f.width = plan_.width;
    f.rows = piece.rows;
    f.count = piece.count;
    f.bias = bias_.data() + bias;
    for (int m = 0; m < piece.rows; ++m) {
      f.bias_of_row[m] = 0;
      f.y[m] = plan_.nhwc ? y + y_at(piece, m) : tile + m * plan_.width;
      if (residual == nullptr) continue;
      f.residual[m] = plan_.nhwc ? residual + y_at(piece, m) : gathered + m * plan_.width;
    }
    ops_.finish(f);
    if (!plan_.nhwc) scatter(tile, piece, y);
  }

  Plan plan_;
  const MicroOps<T>& ops_;
  Placement at_{};
  TapRange whole_rows_, whole_columns_;
  std::int64_t inner_begin_ = 0, inner_end_ = 0;  // columns whose windows have every s tap
  std::size_t weights_size_;
  Buffer weights_;       // [groups][panels][reduction][width]
  std::vector<T> bias_;  // [groups][panels][width]
};

}  // namespace

std::size_t channel_conv_workspace(const ConvProblem& problem, WindowForm form,
                                   const DeviceDesc& device) {
  const bool f64 = problem.dtype == DType::kF64;
  switch (effective_form(form, problem.desc)) {
    case WindowForm::kDirect:
      return 0;
    case WindowForm::kExplicit:
      return static_cast<std::size_t>(im2win_bytes(problem.desc, problem.dtype));
    case WindowForm::kImplicit: {
      const Plan plan =
          f64 ? make_plan<double>(problem, form, device) : make_plan<float>(problem, form, device);
      return static_cast<std::size_t>(plan.tile_elements * device.threads) * size_of(problem.dtype);
    }
  }
  return 0;
}

std::unique_ptr<Kernel> make_channel_conv(const ConvProblem& problem, WindowForm form,
                                          const DeviceDesc& device) {
  if (problem.dtype == DType::kF64) {
    return std::make_unique<ChannelConv<double>>(problem, form, device);
  }
  return std::make_unique<ChannelConv<float>>(problem, form, device);
}

}  // namespace convoy
