// Elements of any type, one at a time: for reference kernels and for types that no fast kernel
// knows.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/dtype.h"
#include "base/error.h"
#include "base/half.h"

namespace convoy {

// Storage of the 16-bit floating types, converting to and from float.
struct F16 {
  std::uint16_t bits;
  F16() = default;
  explicit F16(double v) : bits(f32_to_f16(static_cast<float>(v))) {}
  operator float() const { return f16_to_f32(bits); }  // NOLINT: an element is a number
};
struct BF16 {
  std::uint16_t bits;
  BF16() = default;
  explicit BF16(double v) : bits(f32_to_bf16(static_cast<float>(v))) {}
  operator float() const { return bf16_to_f32(bits); }  // NOLINT: an element is a number
};

template <class T>
inline constexpr bool kIsFloating =
    std::is_floating_point_v<T> || std::is_same_v<T, F16> || std::is_same_v<T, BF16>;

template <class T>
struct Type {
  using type = T;
};

// Calls f(Type<T>{}) with the C++ type of `dtype`'s elements; kBool is bool.
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF32:
      return f(Type<float>{});
    case DType::kF64:
      return f(Type<double>{});
    case DType::kF16:
      return f(Type<F16>{});
    case DType::kBF16:
      return f(Type<BF16>{});
    case DType::kS8:
      return f(Type<std::int8_t>{});
    case DType::kU8:
      return f(Type<std::uint8_t>{});
    case DType::kS16:
      return f(Type<std::int16_t>{});
    case DType::kU16:
      return f(Type<std::uint16_t>{});
    case DType::kS32:
      return f(Type<std::int32_t>{});
    case DType::kU32:
      return f(Type<std::uint32_t>{});
    case DType::kS64:
      return f(Type<std::int64_t>{});
    case DType::kU64:
      return f(Type<std::uint64_t>{});
    case DType::kBool:
      break;
  }
  return f(Type<bool>{});
}

}  // namespace convoy
