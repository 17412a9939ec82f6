#include "kernels/simd/gemm.h"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/gemm.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include "kernels/simd/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy {
namespace HWY_NAMESPACE {
namespace {

// Columns are cut into the fewest panels of at most kPanelVectors vectors, and those as even as
// possible: 4 vectors are 2 + 2, not 3 + 1. Wider panels come first.
struct Panels {
  std::int64_t vectors, count;
  explicit Panels(std::int64_t columns)
      : vectors((columns + kLanes - 1) / kLanes),
        count((vectors + kPanelVectors - 1) / kPanelVectors) {}
  std::int64_t first_vector(std::int64_t panel) const {
    return panel * (vectors / count) + std::min(panel, vectors % count);
  }
  int width(std::int64_t panel) const {
    return static_cast<int>(first_vector(panel + 1) - first_vector(panel));
  }
};

std::int64_t panels(std::int64_t columns) { return Panels(columns).count; }

std::int64_t panel_column(std::int64_t columns, std::int64_t panel) {
  return std::min(columns, Panels(columns).first_vector(panel) * kLanes);
}

std::int64_t packed_elements(std::int64_t depth, std::int64_t columns) {
  return depth * Panels(columns).vectors * kLanes;
}

std::int64_t tile_rows(std::int64_t columns, std::int64_t panel) {
  return kTileRows[Panels(columns).width(panel)];
}

void pack(const float* b, std::int64_t row_stride, std::int64_t column_stride, std::int64_t depth,
          std::int64_t columns, std::int64_t begin, std::int64_t end, float* packed) {
  const Panels cut(columns);
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::int64_t first = cut.first_vector(panel) * kLanes, width = cut.width(panel) * kLanes;
    const std::int64_t count = std::min(width, columns - first);
    float* to = packed + first * depth;
    for (std::int64_t kk = 0; kk < depth; ++kk, to += width) {
      const float* from = b + kk * row_stride + first * column_stride;
      for (std::int64_t j = 0; j < count; ++j) to[j] = from[j * column_stride];
      std::fill(to + count, to + width, 0.0f);
    }
  }
}

template <bool kPartialB>
void multiply_width(int width, const Tile& tile, std::int64_t rows) {
  if (width == 1) return multiply_panel<1, kPartialB>(tile, rows);
  if (width == 2) return multiply_panel<2, kPartialB>(tile, rows);
  if constexpr (kPanelVectors > 2) multiply_panel<3, kPartialB>(tile, rows);
}

template <bool kPacked>
void multiply(const GemmBlock& block) {
  const Panels cut(block.columns);
  for (std::int64_t panel = block.panel_begin; panel < block.panel_end; ++panel) {
    const std::int64_t first = cut.first_vector(panel) * kLanes;
    const int width = cut.width(panel);
    Tile tile{.a = block.a,
              .lda = block.lda,
              .b = block.b + (kPacked ? first * block.depth : first),
              .ldb = kPacked ? width * kLanes : block.ldb,
              .depth = block.depth,
              .count = std::min(width * kLanes, block.columns - first),
              .y = block.y + first,
              .ldy = block.ldy,
              .epilogue = block.epilogue};
    if (tile.epilogue.column_bias) tile.epilogue.column_bias += first;
    if (tile.epilogue.addend) tile.epilogue.addend += first * tile.epilogue.addend_column;
    if (kPacked || tile.count == width * kLanes) {
      multiply_width<false>(width, tile, block.rows);
    } else {
      multiply_width<true>(width, tile, block.rows);
    }
  }
}

const GemmKernels& kernels() {
  static const GemmKernels table{
      .target = hwy::TargetName(HWY_TARGET),
      .lanes = kLanes,
      .panels = panels,
      .panel_column = panel_column,
      .packed_elements = packed_elements,
      .tile_rows = tile_rows,
      .pack = pack,
      .packed = multiply<true>,
      .unpacked = multiply<false>,
  };
  return table;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace convoy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {

HWY_EXPORT(kernels);

const GemmKernels& gemm_kernels() { return HWY_DYNAMIC_DISPATCH(kernels)(); }

}  // namespace convoy
#endif
