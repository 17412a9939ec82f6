// Tensors: a view (what kernels see) and an owner (what weights and buffers are).
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/dtype.h"
#include "base/shape.h"

namespace convoy {

// Order of a tensor's elements in memory. Shapes are always in ONNX's logical order (n, c, h, w);
// the layout only says where element (n, c, h, w) lies. Rank other than 4 reads "h, w" as "the
// spatial dimensions"; tensors without channels are kNchw, which is plain row-major order.
enum class Layout : std::uint8_t {
  kNchw,
  kNhwc,
  kChwn,
  kChwn8,  // [ceil(n/8)][c][h][w][8], the batch padded with unspecified values
};

std::string_view to_string(Layout layout);

// Elements a tensor occupies, the padding of kChwn8 included.
std::int64_t storage_elements(const Shape& shape, Layout layout);

// Element strides of each logical dimension. Not for kChwn8, which no strides can express.
Strides strides_of(const Shape& shape, Layout layout);

// A typed, shaped, unowned range of memory. `data` is null where only the description matters
// (planning, an operand that is not known yet). Operands are passed by the same type as results;
// a kernel never writes through an operand.
struct TensorView {
  void* data = nullptr;
  DType dtype = DType::kF32;
  Layout layout = Layout::kNchw;
  Shape shape;

  std::int64_t elements() const { return shape.elements(); }
  std::size_t bytes() const;
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

inline constexpr std::size_t kAlignment = 64;  // one cache line, one AVX-512 vector

// 64-byte aligned memory that frees itself. Throws kOutOfMemory with the size asked for.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes);
  std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

// A tensor that owns its elements, or keeps alive whatever does (a mapped model file).
class Tensor {
 public:
  Tensor(DType dtype, const Shape& shape, Layout layout = Layout::kNchw);
  // Shares memory kept alive by `owner`.
  Tensor(DType dtype, const Shape& shape, const void* data, std::shared_ptr<const void> owner);

  const TensorView& view() const { return view_; }
  operator const TensorView&() const { return view_; }  // NOLINT: a tensor is viewable
  const Shape& shape() const { return view_.shape; }
  DType dtype() const { return view_.dtype; }
  template <class T>
  T* as() const {
    return view_.as<T>();
  }

 private:
  TensorView view_;
  std::shared_ptr<const void> owner_;
};

using ConstTensor = std::shared_ptr<const Tensor>;

// One-dimensional constant, for operands such as axes and shapes.
ConstTensor make_s64(std::initializer_list<std::int64_t> values);
ConstTensor make_s64(std::span<const std::int64_t> values);
ConstTensor make_f32_scalar(float value);

}  // namespace convoy
