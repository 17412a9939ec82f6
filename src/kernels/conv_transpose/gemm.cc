// Transposed convolution in NHWC as matrix products: pixels (w x c) times filters (c x r*s*k).
//
// Where the filter is as large as the stride, each input row makes `r` result rows of its own, and
// w x (s*k) is exactly how each lies in memory: the product writes the result, nothing else moves.
// Otherwise the products of one image go to the workspace, and each result element then adds up
// the few that fall on it, in a fixed order.
#include <algorithm>
#include <vector>

#include "kernels/conv_transpose/cell.h"
#include "kernels/conv_transpose/gather.h"
#include "kernels/feature_map.h"
#include "kernels/simd/gemm.h"

namespace convoy::conv_transpose {
namespace {

constexpr std::int64_t kRowsPerTask = 64;  // pixels; a few register tiles

// Result and filter meet without overlap, gap or crop.
bool is_tiling(const OpDesc& desc) {
  const auto& attrs = desc.as<ConvTransposeAttrs>();
  const FeatureMap x = feature_map(desc.inputs[0]), w = feature_map(desc.inputs[1]);
  const FeatureMap y = feature_map(desc.outputs[0]);
  return w.h == attrs.stride[0] && w.w == attrs.stride[1] && attrs.dilation == Pair{1, 1} &&
         attrs.pads == Pads{} && y.h == x.h * w.h && y.w == x.w * w.w;
}

// Filters as c x (s*k) for each r (a product per filter row), or as one c x (r*s*k).
struct Filters {
  std::int64_t products = 1, depth = 0, columns = 0;
  std::int64_t packed_elements = 0;  // of one product, whole cache lines
  Buffer packed;

  const float* product(std::int64_t i) const {
    return reinterpret_cast<const float*>(packed.data()) + i * packed_elements;
  }
};

Filters pack(const OpDesc& desc, bool by_row) {
  const GemmKernels& gemm = gemm_kernels();
  const FeatureMap w = feature_map(desc.inputs[1]);
  const float* values = desc.inputs[1].as<float>();
  Filters filters;
  filters.products = by_row ? w.h : 1;
  filters.depth = w.n;
  filters.columns = w.h / filters.products * w.w * w.c;
  const std::int64_t needed = gemm.packed_elements(filters.depth, filters.columns);
  filters.packed_elements = (needed + 15) / 16 * 16;
  filters.packed =
      Buffer(static_cast<std::size_t>(filters.products * filters.packed_elements) * sizeof(float));
  std::vector<float> ordered(static_cast<std::size_t>(filters.depth * filters.columns));
  for (std::int64_t i = 0; i < filters.products; ++i) {
    std::size_t at = 0;
    for (std::int64_t c = 0; c < filters.depth; ++c) {
      for (std::int64_t tap = 0; tap < filters.columns / w.c; ++tap) {
        const std::int64_t r = by_row ? i : tap / w.w, s = tap % w.w;
        for (std::int64_t k = 0; k < w.c; ++k) ordered[at++] = values[w.offset(c, k, r, s)];
      }
    }
    gemm.pack(ordered.data(), filters.columns, 1, filters.depth, filters.columns, 0,
              gemm.panels(filters.columns), const_cast<float*>(filters.product(i)));
  }
  return filters;
}

// The part of a product that every task shares.
GemmBlock block_of(const Filters& filters, std::int64_t product) {
  GemmBlock block;
  block.lda = block.depth = filters.depth;
  block.b = filters.product(product);
  block.columns = block.ldy = filters.columns;
  block.panel_end = gemm_kernels().panels(filters.columns);
  return block;
}

class Tiling final : public Kernel {
 public:
  explicit Tiling(const OpDesc& desc)
      : activation_(desc.as<ConvTransposeAttrs>().activation), filters_(pack(desc, true)) {
    if (!desc.present(2)) return;
    const float* bias = desc.inputs[2].as<float>();
    const auto k = static_cast<std::size_t>(desc.inputs[2].elements());
    for (std::size_t j = 0; j < static_cast<std::size_t>(filters_.columns); ++j) {
      bias_.push_back(bias[j % k]);
    }
  }

  void run(const RunArgs& args) const override {
    const FeatureMap in = feature_map(args.inputs[0]), out = feature_map(args.outputs[0]);
    const std::int64_t filter_rows = filters_.products;
    args.pool.parallel_for(in.n * in.h * filter_rows, [&](std::int64_t task, int) {
      const std::int64_t row = task / filter_rows, r = task % filter_rows;
      const std::int64_t n = row / in.h, h = row % in.h;
      GemmBlock block = block_of(filters_, r);
      block.a = args.inputs[0].as<float>() + in.offset(n, 0, h, 0);
      block.rows = in.w;
      block.y = args.outputs[0].as<float>() + out.offset(n, 0, h * filter_rows + r, 0);
      block.epilogue.column_bias = bias_.empty() ? nullptr : bias_.data();
      block.epilogue.activation = activation_;
      gemm_kernels().packed(block);
    });
  }
  std::size_t packed_bytes() const override { return filters_.packed.size(); }
  bool reads_constant(std::size_t) const override { return false; }

 private:
  Unary activation_;
  Filters filters_;
  std::vector<float> bias_;  // once per filter column
};

class Overlapping final : public Kernel {
 public:
  explicit Overlapping(const OpDesc& desc)
      : attrs_(desc.as<ConvTransposeAttrs>()), filters_(pack(desc, false)) {
    const FeatureMap w = feature_map(desc.inputs[1]);
    filter_h_ = w.h;
    filter_w_ = w.w;
    if (!desc.present(2)) return;
    const float* bias = desc.inputs[2].as<float>();
    bias_.assign(bias, bias + desc.inputs[2].elements());
  }

  void run(const RunArgs& args) const override {
    const FeatureMap in = feature_map(args.inputs[0]), out = feature_map(args.outputs[0]);
    auto* products = reinterpret_cast<float*>(args.workspace.data());
    const std::int64_t pixels = in.h * in.w;
    for (std::int64_t n = 0; n < in.n; ++n) {
      const float* x = args.inputs[0].as<float>() + in.offset(n, 0, 0, 0);
      const std::int64_t tasks = (pixels + kRowsPerTask - 1) / kRowsPerTask;
      args.pool.parallel_for(tasks, [&](std::int64_t task, int) {
        const std::int64_t first = task * kRowsPerTask;
        GemmBlock block = block_of(filters_, 0);
        block.a = x + first * in.c;
        block.rows = std::min(kRowsPerTask, pixels - first);
        block.y = products + first * filters_.columns;
        gemm_kernels().packed(block);
      });
      args.pool.parallel_for(out.h, [&](std::int64_t p, int) {
        gather_row({&attrs_, filter_h_, filter_w_, in.h, in.w, products, filters_.columns,
                    bias_.empty() ? nullptr : bias_.data(),
                    args.outputs[0].as<float>() + out.offset(n, 0, p, 0), p, out.w, out.c});
      });
    }
  }
  std::size_t packed_bytes() const override { return filters_.packed.size(); }
  bool reads_constant(std::size_t) const override { return false; }

 private:
  ConvTransposeAttrs attrs_;
  Filters filters_;
  std::int64_t filter_h_ = 0, filter_w_ = 0;
  std::vector<float> bias_;
};

}  // namespace

Support supports_gemm(const OpDesc& desc, const DeviceDesc& device) {
  if (Support support = supports_reference(desc, device); !support) return support;
  if (desc.inputs[0].dtype != DType::kF32) return Support::no("computes f32 only");
  if (desc.as<ConvTransposeAttrs>().groups != 1) return Support::no("needs one group");
  if (!desc.constant(1)) return Support::no("needs constant weights");
  if (desc.present(2) && !desc.constant(2)) return Support::no("needs a constant bias");
  if (desc.inputs[0].layout != Layout::kNhwc || desc.outputs[0].layout != Layout::kNhwc) {
    return Support::no("needs layout nhwc");
  }
  return Support::yes();
}

std::size_t gemm_workspace(const OpDesc& desc, const DeviceDesc&) {
  if (is_tiling(desc)) return 0;
  const FeatureMap x = feature_map(desc.inputs[0]), w = feature_map(desc.inputs[1]);
  return static_cast<std::size_t>(x.h * x.w * w.h * w.w * w.c) * sizeof(float);
}

std::unique_ptr<Kernel> prepare_gemm(const OpDesc& desc, const DeviceDesc&) {
  if (is_tiling(desc)) return std::make_unique<Tiling>(desc);
  return std::make_unique<Overlapping>(desc);
}

}  // namespace convoy::conv_transpose
