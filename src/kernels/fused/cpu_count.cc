#include "kernels/fused/cpu_count.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "base/thread_pool.h"
#include "cost/cache_model.h"
#include "kernels/fused/cpu_run.h"

namespace convoy {
namespace {

constexpr std::int64_t kFloat = sizeof(float);
constexpr std::int64_t kColumns = 7;  // of y at a time where a filter is not streamed

enum Kind : std::uint8_t { kX, kWeights, kY, kScratch };

bool is_clamp(const Unary& f) {
  return f.kind == UnaryKind::kIdentity || f.kind == UnaryKind::kRelu || f.kind == UnaryKind::kClip;
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// One module's run, access by access in the order of its kernels' loops.
class Counter {
 public:
  Counter(const FusedProblem& problem, const DeviceDesc& device, const RunArgs& args)
      : problem_(problem), args_(args), caches_(device) {}

  void forget() {
    registers_.fill(0);
    caches_.forget_counts();
  }

  CpuTraffic traffic() const {
    const auto moved = [this](int level) {
      std::array<double, CacheModel::kKinds> sum{};
      const CacheModel::Moved& m = caches_.beyond(level);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = m.read[i] + m.written[i];
      return named(sum);
    };
    return {.registers = named(registers_), .l2 = moved(0), .l3 = moved(1), .dram = moved(2)};
  }

  void count(const GemmBlock& block) {
    const GemmKernels& gemm = gemm_kernels();
    const float* b = block.b;
    for (std::int64_t panel = block.panel_begin; panel < block.panel_end; ++panel) {
      const std::int64_t first = gemm.panel_column(block.columns, panel);
      const std::int64_t count = gemm.panel_column(block.columns, panel + 1) - first;
      const std::int64_t floats = block.depth * ceil_div(count, gemm.lanes) * gemm.lanes;
      const std::int64_t rows = gemm.tile_rows(block.columns, panel);
      for (std::int64_t row = 0; row < block.rows; row += rows) {
        const std::int64_t end = std::min(row + rows, block.rows);
        for (std::int64_t i = row; i < end; ++i) read(block.a + i * block.lda, block.depth);
        read(b, floats, kWeights);
        if (block.epilogue.column_bias) read(block.epilogue.column_bias + first, count, kWeights);
        for (std::int64_t i = row; i < end; ++i) {
          if (block.epilogue.addend) {
            read(block.epilogue.addend + i * block.epilogue.addend_row + first, count, kY);
          }
          write(block.y + i * block.ldy + first, count);
        }
      }
      b += floats;
    }
  }

  void count(const DepthwiseRows& rows) {
    const ConvDesc& d = *rows.desc;
    const bool streamed = is_streamed(d);
    const std::int64_t at_once = streamed ? 2 : 1, lanes = depthwise_kernels().lanes;
    for (std::int64_t p = rows.p_begin; p < rows.p_end; p += at_once) {
      const std::int64_t count = std::min(at_once, rows.p_end - p);
      for (std::int64_t block = rows.block_begin; block < rows.block_end; ++block) {
        const std::int64_t channel = block * lanes, channels = std::min(lanes, d.c - channel);
        const float* taps = rows.weights + channel * d.r * d.s;
        if (streamed) {
          if (rows.bias) read(rows.bias + channel, channels, kWeights);
          if (d.r * d.s <= 9) read(taps, d.r * d.s * lanes, kWeights);
          stream(rows, p, count, channel, channels, taps);
        } else {
          slide(rows, p, channel, channels, taps);
        }
        finish(rows, p, count, channel, channels, streamed);
      }
    }
  }

 private:
  static CpuBytes named(const std::array<double, CacheModel::kKinds>& bytes) {
    return {.x = bytes[kX], .weights = bytes[kWeights], .y = bytes[kY], .scratch = bytes[kScratch]};
  }

  Kind kind_of(const float* at, Kind other) const {
    const auto* bytes = reinterpret_cast<const std::byte*>(at);
    const bool scratch =
        bytes >= args_.workspace.data() && bytes < args_.workspace.data() + args_.workspace.size();
    return scratch ? kScratch : other;
  }
  void read(const float* at, std::int64_t floats, Kind kind = kX) {
    kind = kind == kX ? kind_of(at, kX) : kind;
    registers_[kind] += static_cast<double>(floats * kFloat);
    caches_.read(at, floats * kFloat, kind);
  }
  void write(const float* at, std::int64_t floats) {
    const Kind kind = kind_of(at, kY);
    registers_[kind] += static_cast<double>(floats * kFloat);
    caches_.write(at, floats * kFloat, kind);
  }

  const float* row_of(const DepthwiseRows& rows, std::int64_t h, std::int64_t channel) const {
    return rows.x + (h - rows.x_top) % rows.x_ring * rows.x_row + channel;
  }

  // Every column of the walk that there is, from every row; a tap for each multiply-add where
  // there are too many for registers.
  void stream(const DepthwiseRows& rows, std::int64_t p, std::int64_t count, std::int64_t channel,
              std::int64_t channels, const float* taps) {
    const ConvDesc& d = *rows.desc;
    const std::int64_t left = rows.q_begin * d.stride_w - d.pad_left - rows.x_left;
    const std::int64_t steps = rows.q_end - rows.q_begin + ceil_div(d.s, d.stride_w) - 1;
    const std::int64_t top = p * d.stride_h - d.pad_top, lanes = depthwise_kernels().lanes;
    for (std::int64_t i = 0; i < d.r + (count - 1) * d.stride_h; ++i) {
      if (top + i < 0 || top + i >= d.h) continue;
      std::int64_t used = 0;  // rows of y that this one is under
      for (std::int64_t row = 0; row < count; ++row) {
        used += i - row * d.stride_h >= 0 && i - row * d.stride_h < d.r;
      }
      for (std::int64_t j = 0; j < steps * d.stride_w; ++j) {
        if (left + j < 0 || left + j >= rows.x_columns) continue;
        read(row_of(rows, top + i, channel) + (left + j) * rows.x_pixel, channels);
        if (d.r * d.s <= 9) continue;
        const std::int64_t uses = used * ceil_div(d.s - j % d.stride_w, d.stride_w);
        for (std::int64_t use = 0; use < uses; ++use) {
          read(taps + use % (d.r * d.s) * lanes, lanes, kWeights);
        }
      }
    }
  }

  // Seven columns of one row of y at a time.
  void slide(const DepthwiseRows& rows, std::int64_t p, std::int64_t channel, std::int64_t channels,
             const float* taps) {
    const ConvDesc& d = *rows.desc;
    const bool shared = d.dilation_w == 1 && d.stride_w <= 2 && (d.s == 3 || d.s == 5 || d.s == 7);
    const std::int64_t lanes = depthwise_kernels().lanes;
    for (std::int64_t q = rows.q_begin; q < rows.q_end; q += kColumns) {
      const std::int64_t left = q * d.stride_w - d.pad_left - rows.x_left;
      const auto read_column = [&](std::int64_t h, std::int64_t j) {
        if (left + j < 0 || left + j >= rows.x_columns) return;
        read(row_of(rows, h, channel) + (left + j) * rows.x_pixel, channels);
      };
      for (std::int64_t r = 0; r < d.r; ++r) {
        const std::int64_t h = p * d.stride_h - d.pad_top + r * d.dilation_h;
        if (h < 0 || h >= d.h) continue;
        read(taps + r * d.s * lanes, d.s * lanes, kWeights);
        for (std::int64_t j = 0; shared && j < (kColumns - 1) * d.stride_w + d.s; ++j) {
          read_column(h, j);
        }
        for (std::int64_t i = 0; !shared && i < kColumns * d.s; ++i) {
          read_column(h, i / kColumns * d.dilation_w + i % kColumns * d.stride_w);
        }
      }
      if (rows.bias) read(rows.bias + channel, channels, kWeights);
    }
  }

  void finish(const DepthwiseRows& rows, std::int64_t p, std::int64_t count, std::int64_t channel,
              std::int64_t channels, bool streamed) {
    const bool again = streamed && (rows.residual || !is_clamp(rows.activation));
    for (std::int64_t row = p - rows.p_begin; row < p - rows.p_begin + count; ++row) {
      for (int pass = 0; pass <= static_cast<int>(again); ++pass) {
        for (std::int64_t q = 0; q < rows.q_end - rows.q_begin; ++q) {
          float* y = rows.y + row * rows.y_row + q * rows.y_pixel + channel;
          if (pass > 0) read(y, channels, kind_of(y, kY));
          if (rows.residual && pass == static_cast<int>(again)) {
            read(rows.residual + row * rows.residual_row + q * rows.residual_pixel + channel,
                 channels, kY);
          }
          write(y, channels);
        }
      }
    }
  }

  const FusedProblem& problem_;
  const RunArgs& args_;
  CacheModel caches_;
  std::array<double, CacheModel::kKinds> registers_{};
};

// Kernels are plain functions; what they are counted by is their thread's.
thread_local Counter* counting = nullptr;

void count_product(const GemmBlock& block) {
  counting->count(block);
  gemm_kernels().packed(block);
}
void count_rows(const DepthwiseRows& rows) {
  counting->count(rows);
  depthwise_kernels().rows(rows);
}

}  // namespace

CpuTraffic count_cpu_traffic(const FusedProblem& problem, const CpuTile& tile,
                             const DeviceDesc& device, const RunArgs& args) {
  if (args.pool.threads() != 1) {
    fail(ErrorCode::kInvalidArgument,
         "bytes are counted on 1 thread, the pool has " + std::to_string(args.pool.threads()));
  }
  GemmKernels gemm = gemm_kernels();
  gemm.packed = count_product;
  DepthwiseKernels depthwise = depthwise_kernels();
  depthwise.rows = count_rows;
  const auto module = make_cpu_module(problem, tile, {gemm, depthwise});
  Counter counter(problem, device, args);
  struct Scope {
    explicit Scope(Counter* counter) { counting = counter; }
    ~Scope() { counting = nullptr; }
  } scope(&counter);
  module->run(args);
  counter.forget();
  module->run(args);
  return counter.traffic();
}

}  // namespace convoy
