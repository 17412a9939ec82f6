// Tensor extents: at most eight, held in place, so shapes never allocate.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace convoy {

inline constexpr int kMaxRank = 8;
using Strides = std::array<std::int64_t, kMaxRank>;  // in elements

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims);
  // Throws kUnsupported above kMaxRank extents, kInvalidArgument for a negative one.
  explicit Shape(std::span<const std::int64_t> dims);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) { return dims_[static_cast<std::size_t>(axis)]; }
  const std::int64_t* begin() const { return dims_.data(); }
  const std::int64_t* end() const { return dims_.data() + rank_; }
  std::span<const std::int64_t> dims() const { return {begin(), end()}; }
  void push_back(std::int64_t dim);

  // Product of the extents, 1 for rank 0. Throws kInvalidArgument when it does not fit 62 bits.
  std::int64_t elements() const;
  bool operator==(const Shape& other) const;

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// "1x3x224x224"; "scalar" for rank 0.
std::string to_string(const Shape& shape);

// Resolves a negative axis; throws kInvalidModel when it is outside [-rank, rank).
int normalize_axis(std::int64_t axis, int rank, const char* what);

// numpy's broadcasting; throws kInvalidModel naming both shapes when they do not broadcast.
Shape broadcast(const Shape& a, const Shape& b);

}  // namespace convoy
