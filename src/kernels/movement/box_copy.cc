// The fast form of every operator that is a list of boxes: one loop over all pieces of all boxes.
#include <algorithm>

#include "kernels/movement/block_copy.h"
#include "kernels/movement/box_plan.h"
#include "kernels/movement/cell.h"

namespace convoy::movement {
namespace {

class BoxCopy final : public Kernel {
 public:
  BoxCopy(std::span<const Box> boxes, std::size_t element_bytes) : element_bytes_(element_bytes) {
    for (const Box& box : boxes) {
      plans_.push_back(plan_box(box, element_bytes));
      pieces_ += plans_.back().pieces;
      for (const Loop& loop : box.all()) copied_ = copied_ || loop.in_stride != loop.out_stride;
      copied_ = copied_ || box.in_offset != box.out_offset || box.in != box.out;
    }
  }

  void run(const RunArgs& args) const override {
    if (!copied_ && args.inputs[0].data == args.outputs[0].data) return;
    // Several small pieces a task, so that taking one costs less than doing it.
    const std::int64_t per_task = std::max<std::int64_t>(1, 4 * kPieceBytes / piece_bytes());
    args.pool.parallel_for((pieces_ + per_task - 1) / per_task, [&](std::int64_t task, int) {
      std::int64_t piece = task * per_task;
      const std::int64_t end = std::min(pieces_, piece + per_task);
      std::size_t p = 0;
      std::int64_t first = 0;
      for (; piece < end; ++piece) {
        while (piece - first >= plans_[p].pieces) first += plans_[p++].pieces;
        copy(args, plans_[p], piece - first);
      }
    });
  }

 private:
  // Of an average piece.
  std::int64_t piece_bytes() const {
    std::int64_t elements = 0;
    for (const BoxPlan& plan : plans_) {
      elements += plan.outer.elements() * plan.row.extent * plan.column.extent;
    }
    const auto bytes = elements * static_cast<std::int64_t>(element_bytes_);
    return std::max<std::int64_t>(1, bytes / std::max<std::int64_t>(1, pieces_));
  }

  void copy(const RunArgs& args, const BoxPlan& plan, std::int64_t piece) const {
    const std::int64_t column = piece % plan.column_pieces * plan.columns_per_piece;
    piece /= plan.column_pieces;
    const std::int64_t row = piece % plan.row_pieces * plan.rows_per_piece;
    piece /= plan.row_pieces;
    std::int64_t in = plan.outer.in_offset, out = plan.outer.out_offset;
    for (int l = plan.outer.loops - 1; l >= 0; --l) {
      const Loop& loop = plan.outer.loop[static_cast<std::size_t>(l)];
      const std::int64_t index = piece % loop.extent;
      piece /= loop.extent;
      in += index * loop.in_stride;
      out += index * loop.out_stride;
    }
    in += row * plan.row.in_stride + column * plan.column.in_stride;
    out += row * plan.row.out_stride + column * plan.column.out_stride;
    const auto size = static_cast<std::int64_t>(element_bytes_);
    const Block block{
        source(args, plan.outer.in) + in * size,
        args.outputs[static_cast<std::size_t>(plan.outer.out)].as<std::byte>() + out * size,
        std::min(plan.rows_per_piece, plan.row.extent - row),
        std::min(plan.columns_per_piece, plan.column.extent - column),
        plan.row.in_stride,
        plan.row.out_stride,
        plan.column.in_stride,
        plan.column.out_stride};
    switch (plan.method) {
      case BoxPlan::Method::kRuns:
        return copy_runs(block, element_bytes_);
      case BoxPlan::Method::kTranspose:
        return copy_transposed(block, element_bytes_);
      case BoxPlan::Method::kElements:
        return copy_elements(block, element_bytes_);
    }
  }

  static const std::byte* source(const RunArgs& args, int operand) {
    alignas(8) static constexpr std::byte kZero[8] = {};
    const auto i = static_cast<std::size_t>(operand);
    const bool present = i < args.inputs.size() && args.inputs[i].data != nullptr;
    return present ? args.inputs[i].as<std::byte>() : kZero;
  }

  std::vector<BoxPlan> plans_;
  std::int64_t pieces_ = 0;
  std::size_t element_bytes_;
  bool copied_ = false;  // false: over itself, an operand is already the result
};

}  // namespace

std::unique_ptr<Kernel> prepare_box_copy(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<BoxCopy>(boxes_of(desc), size_of(desc.inputs[0].dtype));
}

std::unique_ptr<Kernel> prepare_pad_copy(const OpDesc& desc, const DeviceDesc&) {
  return std::make_unique<BoxCopy>(pad_boxes(desc), size_of(desc.inputs[0].dtype));
}

}  // namespace convoy::movement
