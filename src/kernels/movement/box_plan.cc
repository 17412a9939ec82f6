#include "kernels/movement/box_plan.h"

#include <algorithm>

namespace convoy::movement {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Drops loops of one iteration, orders the others by the result's stride, widest first, and merges
// neighbours that walk both sides as one loop would.
std::vector<Loop> merged_loops(const Box& box) {
  std::vector<Loop> loops;
  for (const Loop& loop : box.all()) {
    if (loop.extent != 1) loops.push_back(loop);
  }
  std::stable_sort(loops.begin(), loops.end(),
                   [](const Loop& a, const Loop& b) { return a.out_stride > b.out_stride; });
  std::vector<Loop> merged;
  for (const Loop& loop : loops) {
    if (!merged.empty() && merged.back().in_stride == loop.extent * loop.in_stride &&
        merged.back().out_stride == loop.extent * loop.out_stride) {
      merged.back() = {merged.back().extent * loop.extent, loop.in_stride, loop.out_stride};
    } else {
      merged.push_back(loop);
    }
  }
  return merged;
}

// Takes the loop that walks consecutive operand elements, or else the innermost one.
Loop take_row(std::vector<Loop>& loops, BoxPlan::Method method) {
  if (loops.empty()) return {};
  auto chosen = std::prev(loops.end());
  if (method == BoxPlan::Method::kTranspose) {
    chosen = std::find_if(loops.begin(), loops.end(),
                          [](const Loop& loop) { return loop.in_stride == 1; });
  }
  const Loop row = *chosen;
  loops.erase(chosen);
  return row;
}

// Pieces of a transpose are square, unless the lines of one side lie whole pages apart and so share
// cache sets: then eight of them, followed for long (twice as fast on 1024 x 1024).
void shape_transpose(BoxPlan& plan, std::size_t element_bytes) {
  constexpr std::int64_t kSquare = 64, kFew = 8, kLong = 512, kPage = 4096;
  // A side that is narrow as a whole is taken whole, as pixels of few channels are.
  constexpr std::int64_t kNarrow = 4;
  const auto whole_pages = [&](std::int64_t stride) {
    return stride * static_cast<std::int64_t>(element_bytes) % kPage == 0;
  };
  std::int64_t rows = kSquare, columns = kSquare;
  if (plan.column.extent <= kNarrow || plan.row.extent <= kNarrow) {
    rows = columns = kPieceBytes / (4 * static_cast<std::int64_t>(element_bytes));
  } else if (plan.column.in_stride > plan.row.out_stride && whole_pages(plan.column.in_stride)) {
    rows = kLong;
    columns = kFew;
  } else if (whole_pages(plan.row.out_stride)) {
    rows = kFew;
    columns = kLong;
  }
  plan.rows_per_piece = std::min(plan.row.extent, rows);
  plan.columns_per_piece = std::min(plan.column.extent, columns);
}

}  // namespace

BoxPlan plan_box(const Box& box, std::size_t element_bytes) {
  BoxPlan plan;
  plan.outer = box;
  plan.outer.loops = 0;
  if (box.elements() == 0) return plan;
  std::vector<Loop> loops = merged_loops(box);
  if (!loops.empty()) {
    plan.column = loops.back();
    loops.pop_back();
  } else {
    plan.column = {1, 1, 1};
  }
  using Method = BoxPlan::Method;
  const bool consecutive_rows =
      std::any_of(loops.begin(), loops.end(), [](const Loop& loop) { return loop.in_stride == 1; });
  if (plan.column.out_stride != 1) {
    plan.method = Method::kElements;
  } else if (plan.column.in_stride == 1) {
    plan.method = Method::kRuns;
  } else {
    plan.method = consecutive_rows ? Method::kTranspose : Method::kElements;
  }
  plan.row = take_row(loops, plan.method);
  for (const Loop& loop : loops) plan.outer.add(loop);

  const std::int64_t budget = kPieceBytes / static_cast<std::int64_t>(element_bytes);
  plan.columns_per_piece = std::min(plan.column.extent, budget);
  plan.rows_per_piece = std::min(plan.row.extent, budget / plan.columns_per_piece);
  if (plan.method == Method::kTranspose) shape_transpose(plan, element_bytes);
  plan.row_pieces = ceil_div(plan.row.extent, plan.rows_per_piece);
  plan.column_pieces = ceil_div(plan.column.extent, plan.columns_per_piece);
  plan.pieces = plan.outer.elements() * plan.row_pieces * plan.column_pieces;
  return plan;
}

}  // namespace convoy::movement
