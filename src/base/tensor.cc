#include "base/tensor.h"

#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace convoy {

std::string_view to_string(Layout layout) {
  constexpr std::string_view kNames[] = {"nchw", "nhwc", "chwn", "chwn8"};
  return kNames[static_cast<int>(layout)];
}

std::int64_t storage_elements(const Shape& shape, Layout layout) {
  if (layout != Layout::kChwn8) return shape.elements();
  Shape padded = shape;
  padded[0] = (shape[0] + 7) / 8 * 8;
  return padded.elements();
}

Strides strides_of(const Shape& shape, Layout layout) {
  Strides strides{};
  std::int64_t step = 1;
  const auto take = [&](int axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    step *= shape[axis];
  };
  const int rank = shape.rank();
  switch (layout) {
    case Layout::kNchw:
      for (int axis = rank - 1; axis >= 0; --axis) take(axis);
      break;
    case Layout::kNhwc:
      if (rank < 2) return strides_of(shape, Layout::kNchw);
      take(1);
      for (int axis = rank - 1; axis >= 2; --axis) take(axis);
      take(0);
      break;
    case Layout::kChwn:
      take(0);
      for (int axis = rank - 1; axis >= 1; --axis) take(axis);
      break;
    case Layout::kChwn8:
      fail(ErrorCode::kInternal, "chwn8 has no strides");
  }
  return strides;
}

std::size_t TensorView::bytes() const {
  return static_cast<std::size_t>(storage_elements(shape, layout)) * size_of(dtype);
}

void Buffer::Free::operator()(std::byte* p) const { std::free(p); }

Buffer::Buffer(std::size_t bytes) : size_(bytes) {
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* p =
      rounded < bytes ? nullptr : std::aligned_alloc(kAlignment, rounded ? rounded : kAlignment);
  if (p == nullptr) {
    fail(ErrorCode::kOutOfMemory, "cannot allocate " + std::to_string(bytes) + " bytes");
  }
  data_.reset(static_cast<std::byte*>(p));
}

Tensor::Tensor(DType dtype, const Shape& shape, Layout layout)
    : view_{nullptr, dtype, layout, shape} {
  auto buffer = std::make_shared<Buffer>(view_.bytes());
  view_.data = buffer->data();
  owner_ = std::move(buffer);
}

Tensor::Tensor(DType dtype, const Shape& shape, const void* data, std::shared_ptr<const void> owner)
    : view_{const_cast<void*>(data), dtype, Layout::kNchw, shape}, owner_(std::move(owner)) {}

ConstTensor make_s64(std::initializer_list<std::int64_t> values) {
  return make_s64(std::span<const std::int64_t>(values.begin(), values.size()));
}

ConstTensor make_s64(std::span<const std::int64_t> values) {
  auto tensor =
      std::make_shared<Tensor>(DType::kS64, Shape{static_cast<std::int64_t>(values.size())});
  if (!values.empty()) std::memcpy(tensor->view().data, values.data(), values.size_bytes());
  return tensor;
}

ConstTensor make_f32_scalar(float value) {
  auto tensor = std::make_shared<Tensor>(DType::kF32, Shape{});
  *tensor->as<float>() = value;
  return tensor;
}

}  // namespace convoy
