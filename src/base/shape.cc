#include "base/shape.h"

#include <algorithm>

#include "base/error.h"

namespace convoy {

Shape::Shape(std::initializer_list<std::int64_t> dims)
    : Shape(std::span<const std::int64_t>(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const std::int64_t> dims) {
  for (std::int64_t dim : dims) push_back(dim);
}

void Shape::push_back(std::int64_t dim) {
  if (rank_ == kMaxRank) {
    fail(ErrorCode::kUnsupported,
         "a tensor has more than " + std::to_string(kMaxRank) + " dimensions");
  }
  if (dim < 0) {
    fail(ErrorCode::kInvalidArgument,
         "dimension " + std::to_string(rank_) + " is negative: " + std::to_string(dim));
  }
  dims_[static_cast<std::size_t>(rank_++)] = dim;
}

std::int64_t Shape::elements() const {
  constexpr std::int64_t kLimit = std::int64_t{1} << 62;
  std::int64_t product = 1;
  for (std::int64_t dim : *this) {
    if (dim == 0) return 0;
  }
  for (std::int64_t dim : *this) {
    if (product > kLimit / dim) {
      fail(ErrorCode::kInvalidArgument,
           "the number of elements of " + to_string(*this) + " overflows");
    }
    product *= dim;
  }
  return product;
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
}

std::string to_string(const Shape& shape) {
  if (shape.rank() == 0) return "scalar";
  std::string text;
  for (std::int64_t dim : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(dim);
  }
  return text;
}

int normalize_axis(std::int64_t axis, int rank, const char* what) {
  if (axis < -rank || axis >= rank) {
    fail(ErrorCode::kInvalidModel, std::string(what) + ": axis " + std::to_string(axis) +
                                       " is out of range for rank " + std::to_string(rank));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape out;
  for (int axis = 0; axis < rank; ++axis) {
    const int ia = axis - (rank - a.rank());
    const int ib = axis - (rank - b.rank());
    const std::int64_t da = ia < 0 ? 1 : a[ia];
    const std::int64_t db = ib < 0 ? 1 : b[ib];
    if (da != db && da != 1 && db != 1) {
      fail(ErrorCode::kInvalidModel,
           "shapes " + to_string(a) + " and " + to_string(b) + " do not broadcast");
    }
    out.push_back(da == 1 ? db : da);
  }
  return out;
}

}  // namespace convoy
